//! Commands, carried out.

use std::time::{Duration, Instant};

use net::embedding::Embedding;
use serde_json::{Value, json};
use servo::WebViewId;
use user_cors::{
    Answers, BlockedTarget, Denial, Grant, LedgerQuery, MAX_LEDGER_RECORDS, MachineNetwork,
    PermissionKey, Policy, PolicyStatus, Presence, QuestionId, QuestionView, Rules, TupleOrigin,
};

use super::command::{ChoiceName, Command, OriginText};
use super::{DriverError, TestDriver, views};
use crate::browser::tab::TabState;
use crate::permission_settings;

impl TestDriver {
    pub(super) fn execute(
        &mut self,
        embedding: &Embedding,
        webview: WebViewId,
        tab: &mut TabState,
        command: Command,
    ) -> Result<Value, DriverError> {
        let model = embedding.user_cors();
        match command {
            Command::SetAnswers { rules } => {
                model.set_answers(match rules {
                    Some(rules) => {
                        Answers::Rules(Rules::parse(&json!({ "rules": rules }).to_string())?)
                    },
                    None => Answers::Person,
                });
            },
            Command::Questions {} => return Ok(questions(embedding, webview)),
            Command::OpenChip {} => embedding.open_quiet(webview),
            Command::Look { ms, focused } => self.look(embedding, webview, ms, focused),
            Command::Answer { choice } => return Ok(self.click(embedding, webview, Some(choice))),
            Command::Confirm {} => return Ok(self.click(embedding, webview, None)),
            Command::Input {} => {
                tab.activate(Instant::now());
                embedding.user_interacted(webview);
            },
            Command::Advance { ms } => {
                embedding.questions_hidden();
                embedding.advance_clock(Duration::from_millis(ms));
            },
            Command::Permissions {} => return Ok(permissions(embedding)),
            Command::Revoke { requester, target } => {
                let names = |key: &PermissionKey| {
                    is_or_any(requester.as_ref(), &key.requester)
                        && is_or_any(target.as_ref(), &key.target)
                };
                for Grant { id, coverage, .. } in model.grants(embedding.now()) {
                    if names(&coverage.key) {
                        model.revoke(id)?;
                    }
                }
            },
            Command::RevokeAll {} => model.revoke_all()?,
            Command::Reset { requester, target } => {
                let granted = model.grants(embedding.now());
                let granted = granted.into_iter().map(|grant| grant.coverage.key);
                let denied = model.denials().into_iter().map(|Denial { key, .. }| key);
                for key in granted.chain(denied) {
                    if key.requester == requester.0 && key.target == target.0 {
                        model.reset(&key)?;
                    }
                }
            },
            Command::Ledger {} => return ledger(embedding),
            Command::SetPolicy { text } => return Ok(set_policy(embedding, text.as_deref())),
            Command::SetPreference { name, value } => {
                let mut settings = model.settings();
                permission_settings::set_from_json(&mut settings, &name, &value)?;
                embedding.deliver(model.set_settings(settings, embedding.now()));
            },
            Command::Block { entry } => {
                let entry: BlockedTarget = entry.parse()?;
                embedding.deliver(model.block(&entry, embedding.now())?);
            },
            Command::Unblock { entry } => model.unblock(&entry.parse()?)?,
            Command::SetAddressSpaces { overrides } => {
                let overrides = overrides.parse()?;
                embedding.deliver(model.set_address_space_overrides(overrides, embedding.now()));
            },
            Command::NetworkChanged {} => self.join_network(embedding),
            Command::Clear {} => self.clear(embedding)?,
            // They are no business of the model's, and are carried out before it comes to this.
            Command::Cookies { .. } | Command::Click { .. } => {},
        }
        Ok(Value::Null)
    }

    /// The question that the tab's bar shows is in view for so long.
    fn look(&mut self, embedding: &Embedding, webview: WebViewId, ms: u64, focused: bool) {
        let shown = shown(embedding, webview);
        // A bar reports each frame in which it is whole.
        let report = || match shown {
            Some((question, revision)) => {
                embedding.question_visible(question, revision, focused);
            },
            None => embedding.questions_hidden(),
        };
        report();
        embedding.advance_clock(Duration::from_millis(ms));
        report();
        match shown {
            Some(shown) => self.in_view.insert(webview, shown),
            None => self.in_view.remove(&webview),
        };
    }

    /// A click on an answer, or on going on: on what was last in view, if it was not clicked since, else on what the bar
    /// shows at this moment.
    fn click(
        &mut self,
        embedding: &Embedding,
        webview: WebViewId,
        choice: Option<ChoiceName>,
    ) -> Value {
        let in_view = self.in_view.get(&webview).copied();
        let Some((question, revision)) = in_view.or_else(|| shown(embedding, webview)) else {
            return views::click(Err("there is no question in the bar"));
        };
        let taken = match choice {
            Some(choice) => embedding.answer(question, revision, choice.choice()),
            None => embedding.confirm(question, revision),
        };
        if taken.is_ok() {
            self.in_view.remove(&webview);
        }
        views::click(taken)
    }

    /// This machine is on a network on which it has not been.
    pub(super) fn join_network(&mut self, embedding: &Embedding) {
        self.networks += 1;
        let identity = format!("test network {}", self.networks);
        embedding.pretend_network(Some(MachineNetwork::new(&identity)));
    }

    fn clear(&mut self, embedding: &Embedding) -> Result<(), DriverError> {
        let model = embedding.user_cors();
        let beginning = self.beginning.clone();
        self.in_view.clear();
        embedding.settle_ledger();
        embedding.deliver(model.clear()?);
        embedding.reset_clock();
        embedding.stop_clock();
        let now = embedding.now();
        model.set_answers(beginning.answers);
        embedding.deliver(model.set_settings(beginning.settings, now));
        embedding.deliver(model.set_policy(beginning.policy, now));
        embedding.deliver(model.set_address_space_overrides(beginning.address_spaces, now));
        Ok(())
    }
}

/// What the tab's bar shows of a question beside a quiet chip.
fn shown(embedding: &Embedding, webview: WebViewId) -> Option<(QuestionId, u64)> {
    let question = embedding.questions(webview).into_iter().next()?;
    let QuestionView {
        id,
        revision,
        presence,
        ..
    } = question;
    (presence == Presence::Bar).then_some((id, revision))
}

fn questions(embedding: &Embedding, webview: WebViewId) -> Value {
    let questions = embedding.questions(webview);
    questions
        .iter()
        .map(|view| {
            let armed = embedding.question_is_armed(view.id, view.revision);
            views::question(view, armed)
        })
        .collect()
}

fn permissions(embedding: &Embedding) -> Value {
    let model = embedding.user_cors();
    let now = embedding.now();
    let grants = model.grants(now);
    let grants = grants
        .iter()
        .map(|grant| views::grant(grant, model.is_suspended(grant), model.is_spent(grant, now)));
    views::lists([
        ("grants", grants.collect()),
        (
            "denials",
            model.denials().iter().map(views::denial).collect(),
        ),
        (
            "opt_outs",
            model.opt_outs(now).iter().map(views::opt_out).collect(),
        ),
        (
            "embargoes",
            model.embargoes(now).iter().map(views::embargo).collect(),
        ),
    ])
}

fn ledger(embedding: &Embedding) -> Result<Value, DriverError> {
    embedding.settle_ledger();
    let page = embedding
        .user_cors()
        .ledger(&LedgerQuery::default(), MAX_LEDGER_RECORDS)?;
    let records = page.records.iter();
    records
        .map(|record| serde_json::from_str::<Value>(&record.to_json()))
        .collect::<Result<Value, _>>()
        .map_err(DriverError::Malformed)
}

/// Files that the policy names are not read.
fn set_policy(embedding: &Embedding, text: Option<&str>) -> Value {
    let policy = match text.map(Policy::parse) {
        None => PolicyStatus::None,
        Some(Ok(policy)) => PolicyStatus::InForce(policy),
        Some(Err(error)) => PolicyStatus::Unusable(error.into()),
    };
    let problem = match &policy {
        PolicyStatus::Unusable(error) => Some(error.to_string()),
        PolicyStatus::None | PolicyStatus::InForce(_) => None,
    };
    let settled = embedding.user_cors().set_policy(policy, embedding.now());
    embedding.deliver(settled);
    json!({ "usable": problem.is_none(), "problem": problem })
}

fn is_or_any(wanted: Option<&OriginText>, origin: &TupleOrigin) -> bool {
    wanted.is_none_or(|wanted| wanted.0 == *origin)
}
