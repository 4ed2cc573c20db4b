// META: title=User-enabled CORS: an administrator's policy
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const PUT = { method: "PUT" };

user_test(async (t) => {
  await user.policy({});
  await user.fetch(t, "once", respond(TARGET));
}, "A policy that says nothing changes nothing");

user_test(async (t) => {
  await user.policy({ Enabled: false });
  await user.assertRefused(t, respond(TARGET));
  await user.policy({ Enabled: true });
  await user.fetch(t, "once", respond(TARGET));
}, "Enabled");

user_test(async (t) => {
  await user.setPreference("user_cors.enabled", false);
  await user.policy({ Enabled: true });
  await user.assertRefused(t, respond(TARGET));
  await user.policy({ Enabled: true, Locked: true });
  await user.fetch(t, "once", respond(TARGET));
}, "Enabled: only a locked policy overrules the user");

user_test(async (t) => {
  await user.setPreference("user_cors.enabled", true);
  await user.policy({ Enabled: false, Locked: true });
  await user.assertRefused(t, respond(TARGET));
}, "Enabled: a locked one that says no");

for (const [title, pattern, isBlocked] of [
  ["an origin", TARGET, true],
  ["another origin", ONCE_TOO, false],
  ["subdomains at the default port", "*.example.org", false],
]) {
  user_test(async (t) => {
    await user.policy({ BlockedTargets: [pattern] });
    for (const init of [{}, PUT, { method: "POST", body: "x" }]) {
      if (isBlocked) {
        await user.assertRefused(t, respond(TARGET), init);
      } else {
        await user.fetch(t, "once", respond(TARGET), init);
      }
    }
  }, `BlockedTargets: ${title}`);
}

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.policy({ BlockedTargets: [TARGET] });
  await user.assertRefused(t, respond(TARGET));
  await user.policy({});
  await user.assertRead(respond(TARGET));
}, "BlockedTargets beat a permission");

user_test(async (t) => {
  await user.policy({ BlockedTargets: [ONCE_TOO] });
  await user.assertRefused(t, redirect(TARGET, respond(ONCE_TOO)));
  await user.assertRefused(t, redirect(ONCE_TOO, respond(TARGET)));
}, "BlockedTargets: any target of a chain");

user_test(async (t) => {
  await user.policy({ BlockedTargets: [TARGET] });
  const response = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "text" }));
  assert_equals(await response.text(), "text");
}, "BlockedTargets: what the server allows is as ever");

user_test(async () => {
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  for (const init of [{}, PUT, { method: "POST", body: "x" }, { headers: { "X-Custom": "1" } }]) {
    assert_equals(await user.assertRead(respond(TARGET, { body: "text" }), init), "text");
  }
  assert_array_equals((await user.permissions()).grants, []);
}, "AllowedPairs need no question, whatever the method");

for (const [title, pair] of [
  ["another target", { Requester: TEST_ORIGIN, Target: ONCE_TOO }],
  ["another requester", { Requester: OTHER_ORIGIN, Target: TARGET }],
  ["the other way round", { Requester: TARGET, Target: TEST_ORIGIN }],
]) {
  user_test(async (t) => {
    await user.policy({ AllowedPairs: [pair] });
    await user.fetch(t, "once", respond(TARGET));
  }, `AllowedPairs: ${title} is another pair`);
}

for (const [title, block] of [
  ["BlockedTargets", { BlockedTargets: [TARGET] }],
  ["BlockedRequesters", { BlockedRequesters: [TEST_ORIGIN] }],
  ["Enabled", { Enabled: false }],
]) {
  user_test(async (t) => {
    await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }], ...block });
    await user.assertRefused(t, respond(TARGET));
  }, `${title} beat AllowedPairs`);
}

user_test(async (t) => {
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  await user.block(TARGET);
  await user.assertRefused(t, respond(TARGET));
}, "The user's blocklist beats AllowedPairs");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  await user.assertRead(respond(TARGET));
}, "AllowedPairs go before the user's Never");

for (const [title, url, init] of [
  ["step 3, a header field", () => respond(TARGET), { headers: { "X-HTTP-Method-Override": "PUT" } }],
  ["step 3, a method", () => respond(TARGET), { method: "PROPFIND" }],
  ["step 3, credentials", () => respond(TARGET), { credentials: "include" }],
  ["step 4, another origin", () => respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })],
  ["step 4, an opt-out", () => respond(TARGET, { header: "Access-Control-Prevent-Origin:*" })],
  ["step 4, a resource policy", () => respond(TARGET, { header: "Cross-Origin-Resource-Policy:same-origin" })],
  ["step 6, the local network", () => respond(LOCAL)],
]) {
  user_test(async (t) => {
    await user.policy({ AllowedPairs: [TARGET, LOCAL].map((target) => ({ Requester: TEST_ORIGIN, Target: target })) });
    await user.assertRefused(t, url(), init);
  }, `AllowedPairs answer step 8 and not ${title}`);
}

user_test(async (t) => {
  await user.policy({ BlockedRequesters: [TEST_ORIGIN] });
  await user.assertRefused(t, respond(TARGET));
  await user.policy({ BlockedRequesters: [OTHER_ORIGIN] });
  await user.fetch(t, "once", respond(TARGET));
}, "BlockedRequesters");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.policy({ BlockedRequesters: [TEST_ORIGIN] });
  await user.assertRefused(t, respond(TARGET));
}, "BlockedRequesters beat a permission");

for (const [user_, policy, locked, isAsked] of [
  ["block", "warn", false, false],
  ["warn", "block", false, false],
  ["warn", "warn", false, true],
  ["block", "warn", true, true],
  ["warn", "block", true, false],
]) {
  user_test(async (t) => {
    await user.setPreference("user_cors.local_network", user_);
    await user.policy({ LocalNetwork: policy, Locked: locked });
    if (isAsked) {
      assert_true((await user.assertAsked(t, respond(LOCAL))).local);
    } else {
      await user.assertRefused(t, respond(LOCAL));
    }
  }, `LocalNetwork: ${policy}${locked ? ", locked" : ""}, and ${user_} by the user`);
}

const DAY = 24 * 3600 * 1000;
for (const days of [1, 7, 30, 180]) {
  user_test(async (t) => {
    await user.policy({ MaxGrantDays: days });
    await user.fetch(t, "always", respond(TARGET));
    const [{ expires, created }] = (await user.permissions()).grants;
    assert_equals(expires - created, Math.min(days, 30) * DAY);
    await user.advance(Math.min(days, 30) * DAY - 1);
    await user.assertRead(respond(TARGET));
    if (days <= 30) {
      await user.advance(1);
      await user.assertAsked(t, respond(TARGET));
    }
  }, `MaxGrantDays: ${days}`);
}

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(10 * DAY);
  await user.assertRead(respond(TARGET));
  await user.policy({ MaxGrantDays: 7 });
  await user.assertAsked(t, respond(TARGET));
}, "MaxGrantDays shorten what was given before");

user_test(async (t) => {
  await user.policy({ MaxGrantDays: 0 });
  await user.fetch(t, "always", respond(TARGET)).catch(() => {});
  assert_array_equals((await user.permissions()).grants.filter((grant) => grant.scope === "always"), []);
}, "MaxGrantDays: 0 lets nothing last");

user_test(async (t) => {
  await user.policy({ MaxGrantDays: 0 });
  const question = await user.assertAsked(t, respond(TARGET));
  assert_false(question.choices.includes("always"), "what cannot be given is not offered");
}, "MaxGrantDays: 0, so that Always is not offered");

user_test(async (t) => {
  await user.setPreference("user_cors.enabled", false);
  const token = newToken();
  const url = respond(TARGET, { token });
  const link = document.createElement("link");
  Object.assign(link, { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: url });
  t.add_cleanup(() => link.remove());
  await new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
  await user.assertRefused(t, url);
  assert_equals((await seen(token)).length, 1, "it is not asked for again");
}, "Switched off, a preload that failed is the last word");
