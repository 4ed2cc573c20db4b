//! The mutations: one rule of the design each, broken at one place.

/// A rule that is broken when it is called by name.
pub(super) struct Mutation {
    /// Its name.
    pub(super) name: &'static str,
    /// The rule that it breaks.
    pub(super) rule: &'static str,
    /// The fixtures that are run: those whose names begin so.
    pub(super) fixtures: &'static [&'static str],
    /// The file, in the checkout.
    pub(super) file: &'static str,
    /// The text that is replaced, which is in the file once.
    pub(super) find: &'static str,
    /// What takes its place. `{on}` is an expression that is true when this mutation is called for.
    pub(super) replace: &'static str,
}

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "another-origin-is-silence",
        rule: "A server that named another origin has spoken",
        fixtures: &[
            "invariants/the-server-that-spoke",
            "objections/opt-out-is-not-opt-in",
            "server-word/",
        ],
        file: "engine/user-cors/src/silence.rs",
        find: "_ if is_origin_syntax(value) => {",
        replace: "_ if is_origin_syntax(value) && !{on} => {",
    },
    Mutation {
        name: "frames-ask",
        rule: "Nested frames never ask",
        fixtures: &["contexts", "frames/"],
        file: "engine/user-cors/src/eligibility.rs",
        find: "        context @ (ClientContext::Nested\n",
        replace: "        ClientContext::Nested if {on} => {},\n        context @ (ClientContext::Nested\n",
    },
    Mutation {
        name: "override-headers",
        rule: "Header fields that change a method or an origin are not eligible",
        fixtures: &[
            "ineligible-requests",
            "invariants/method-override",
            "objections/redirects-and-custom-headers",
        ],
        file: "engine/user-cors/src/eligibility.rs",
        find: "    matches!(\n        name,\n        \"x-http-method\"",
        replace: "    !{on} && matches!(\n        name,\n        \"x-http-method\"",
    },
    Mutation {
        name: "resource-policy",
        rule: "`Cross-Origin-Resource-Policy: same-origin` is a no",
        fixtures: &[
            "corp/",
            "objections/opt-out-is-not-opt-in",
            "server-word/spoken",
        ],
        file: "engine/user-cors/src/servers_word.rs",
        find: "        ResourcePolicy::CrossOrigin => Ok(()),\n",
        replace: "        ResourcePolicy::CrossOrigin => Ok(()),\n        _ if {on} => Ok(()),\n",
    },
    Mutation {
        name: "opt-out-of-any-site",
        rule: "An opt-out is remembered for one top-level site",
        fixtures: &["invariants/opt-out-bits", "opt-out/top-level-sites"],
        file: "engine/user-cors/src/opt_out.rs",
        find: "        let Some(names) = self.sites.get(site).and_then(|targets| targets.get(target)) else {\n            return false;",
        replace: "        let elsewhere = self.sites.values().find_map(|targets| targets.get(target)).filter(|_| {on});\n        let here = self.sites.get(site).and_then(|targets| targets.get(target));\n        let Some(names) = here.or(elsewhere) else {\n            return false;",
    },
    Mutation {
        name: "blocklist",
        rule: "The blocklist is asked before anybody is",
        fixtures: &["blocklist/", "policy/settings"],
        file: "engine/user-cors/src/decision.rs",
        find: "    {\n        context.blocklists.check(policy(context), target)?;\n    }",
        replace: "    {\n        if !{on} {\n            context.blocklists.check(policy(context), target)?;\n        }\n    }",
    },
    Mutation {
        name: "local-network",
        rule: "The local network is blocked unless a setting says otherwise",
        fixtures: &["address-spaces/block", "objections/intranets-are-exposed"],
        file: "engine/user-cors/src/decision/networks.rs",
        find: "    context.policy.local_network(context.settings.local_network)\n",
        replace: "    if {on} { LocalNetwork::Warn } else { context.policy.local_network(context.settings.local_network) }\n",
    },
    Mutation {
        name: "any-method",
        rule: "A grant covers the methods that were shown",
        fixtures: &["invariants/method-override", "prompts/what-is-covered"],
        file: "engine/user-cors/src/permission.rs",
        find: "            && self.methods.contains(need.method)\n",
        replace: "            && (self.methods.contains(need.method) || {on})\n",
    },
    Mutation {
        name: "any-header",
        rule: "A grant covers the header names that were shown",
        fixtures: &["invariants/method-override", "prompts/what-is-covered"],
        file: "engine/user-cors/src/permission.rs",
        find: "            && self.headers.covers(&need.headers)\n",
        replace: "            && (self.headers.covers(&need.headers) || {on})\n",
    },
    Mutation {
        name: "early-clicks",
        rule: "A button answers after 700 ms in view",
        fixtures: &[
            "address-spaces/warn",
            "invariants/prompt-races",
            "prompts/arming",
            "prompts/chip",
        ],
        file: "engine/user-cors/src/question/arming.rs",
        find: "                && now.since(shown.since) >= ARMING_TIME\n",
        replace: "                && (now.since(shown.since) >= ARMING_TIME || {on})\n",
    },
    Mutation {
        name: "endless-questions",
        rule: "A question ends after 120 s",
        fixtures: &["prompts/chip", "prompts/ends"],
        file: "engine/user-cors/src/question/open_question.rs",
        find: "        self.deadline <= now || self.deadline > now.after(ANSWER_TIME)\n",
        replace: "        !{on} && (self.deadline <= now || self.deadline > now.after(ANSWER_TIME))\n",
    },
    Mutation {
        name: "no-embargo",
        rule: "Three *Not now* in a day embargo a requester",
        fixtures: &["objections/people-click-yes", "prompts/refusals"],
        file: "engine/user-cors/src/embargo.rs",
        find: "            .filter(|until| now < *until)\n",
        replace: "            .filter(|until| now < *until && !{on})\n",
    },
    Mutation {
        name: "revoked-goes-on",
        rule: "What is revoked ends at once",
        fixtures: &["network-change/", "revocation/"],
        file: "engine/user-cors/src/decision.rs",
        find: "        if !live {\n            return Err(Refusal::GrantEnded);",
        replace: "        if !live && !{on} {\n            return Err(Refusal::GrantEnded);",
    },
    Mutation {
        name: "less-public-hops",
        rule: "A redirect never leads to a less public network",
        fixtures: &["address-spaces/block", "redirects/targets"],
        file: "engine/user-cors/src/redirects.rs",
        find: "        (Some(from), Some(to)) if to.is_less_public_than(from) => {",
        replace: "        (Some(from), Some(to)) if to.is_less_public_than(from) && !{on} => {",
    },
    Mutation {
        name: "endless-writes",
        rule: "A grant is good for 60 writes a minute",
        fixtures: &["objections/redirects-and-custom-headers", "write-limit/"],
        file: "engine/user-cors/src/limits.rs",
        find: "        if writes.len() >= MAX_WRITES {",
        replace: "        if writes.len() >= MAX_WRITES && !{on} {",
    },
    Mutation {
        name: "telling-failures",
        rule: "A request that should have helped and failed is the failure that was before",
        fixtures: &["uniform-failure/fetch", "uniform-failure/timing-entries"],
        file: "engine/net/src/fetch/user_enabled_cors.rs",
        find: "        Some(cause) if !matches!(*cause, Cause::Cancelled) => {",
        replace: "        Some(cause) if !matches!(*cause, Cause::Cancelled) && !{on} => {",
    },
    Mutation {
        name: "timing",
        rule: "What the user released passes no timing check",
        fixtures: &["timing/"],
        file: "engine/net/src/fetch/http_fetch.rs",
        find: "    if params.chain.is_released() || !tao_check",
        replace: "    if (params.chain.is_released() && !{on}) || !tao_check",
    },
];
