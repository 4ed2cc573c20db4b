//! What commands are answered with.

use cookie::{Cookie, SameSite};
use serde_json::{Map, Value, json};
use user_cors::{
    Action, BodySize, Choice, Denial, EmbargoKey, Grant, GrantScope, OptOut, OriginDisplay,
    Presence, QuestionStep, QuestionView, RequestState, RequestView, TargetNetwork, Timestamp,
    WayOut,
};

use super::command::ChoiceName;

/// A question as the bar shows it. `armed`: whether a click would count.
pub(super) fn question(view: &QuestionView, armed: bool) -> Value {
    json!({
        "id": view.id.as_u64(),
        "revision": view.revision,
        "state": match view.presence {
            Presence::Chip => "chip",
            Presence::Bar => "open",
        },
        "local": view.network == TargetNetwork::LocalNetwork,
        "step": match view.step {
            QuestionStep::Only => "only",
            QuestionStep::Warning => "warning",
            QuestionStep::Confirmed => "confirmed",
        },
        "requester": origin(&view.requester),
        "hosts": view.targets.iter().map(origin).collect::<Vec<_>>(),
        "action": match view.action {
            Action::Read => "read",
            Action::SendAndRead => "send-and-read",
        },
        "choices": view.choices.iter().filter_map(|offered| choice_name(*offered)).collect::<Vec<_>>(),
        "requests": view.requests.iter().map(request).collect::<Vec<_>>(),
        "armed": armed,
        "waiting": view.queue_length.saturating_sub(1),
    })
}

fn request(view: &RequestView) -> Value {
    json!({
        "method": view.method,
        "url": view.url,
        "headers": view.page_headers,
        "body_size": match view.body {
            BodySize::None => Some(0),
            BodySize::Known(size) => Some(size),
            BodySize::Unknown => None,
        },
        "state": match view.state {
            RequestState::Waiting => "waiting",
            RequestState::Cancelled => "cancelled",
        },
    })
}

/// The serialization of an origin of which the bar shows the parts.
fn origin(display: &OriginDisplay) -> String {
    let scheme = display.scheme.as_str();
    let host = &display.host.ascii;
    match display.port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

fn choice_name(choice: Choice) -> Option<&'static str> {
    ChoiceName::ALL
        .into_iter()
        .find(|name| name.choice() == choice)
        .map(ChoiceName::as_str)
}

/// Whether a click was taken, and if not, why.
pub(super) fn click(taken: Result<(), impl std::fmt::Display>) -> Value {
    match taken {
        Ok(()) => json!({ "accepted": true, "why": null }),
        Err(error) => json!({ "accepted": false, "why": error.to_string() }),
    }
}

/// A grant. `suspended`: whether it counts for nothing on this network; `spent`: whether its budget is used up.
pub(super) fn grant(grant: &Grant, suspended: bool, spent: bool) -> Value {
    let coverage = &grant.coverage;
    json!({
        "top_level_site": coverage.key.top_level_site.to_string(),
        "requester": coverage.key.requester.to_string(),
        "target": coverage.key.target.to_string(),
        "network": match coverage.network {
            TargetNetwork::Public => "public",
            TargetNetwork::LocalNetwork => "local",
        },
        "way": match coverage.way {
            WayOut::Direct => "direct",
            WayOut::Egress => "egress",
        },
        "methods": coverage.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        "headers": coverage.headers.iter().collect::<Vec<_>>(),
        "scope": match grant.scope {
            GrantScope::Once => ChoiceName::Once,
            GrantScope::Visit => ChoiceName::Visit,
            GrantScope::Persistent => ChoiceName::Always,
        }.as_str(),
        "created": grant.created.as_millis(),
        "expires": grant.expires.map(Timestamp::as_millis),
        "suspended": suspended,
        "spent": spent,
    })
}

/// A denial.
pub(super) fn denial(denial: &Denial) -> Value {
    json!({
        "top_level_site": denial.key.top_level_site.to_string(),
        "requester": denial.key.requester.to_string(),
        "target": denial.key.target.to_string(),
    })
}

/// A remembered opt-out.
pub(super) fn opt_out(opt_out: &OptOut) -> Value {
    json!({
        "top_level_site": opt_out.top_level_site.to_string(),
        "target": opt_out.target.to_string(),
        "expires": opt_out.expires.as_millis(),
    })
}

/// A [serialized cookie](https://w3c.github.io/webdriver/#dfn-serialized-cookie).
pub(super) fn cookie(cookie: &Cookie<'_>) -> Value {
    let mut fields = json!({
        "name": cookie.name(),
        "value": cookie.value(),
        "path": cookie.path(),
        "domain": cookie.domain(),
        "secure": cookie.secure().unwrap_or_default(),
        "httpOnly": cookie.http_only().unwrap_or_default(),
        // A cookie that does not say is Lax.
        "sameSite": cookie.same_site().unwrap_or(SameSite::Lax).to_string(),
    });
    if let Some(expiry) = cookie.expires_datetime() {
        fields["expiry"] = expiry.unix_timestamp().into();
    }
    fields
}

/// An embargo and its end.
pub(super) fn embargo((key, end): &(EmbargoKey, Timestamp)) -> Value {
    let (top_level_site, requester) = key;
    json!({
        "top_level_site": top_level_site.to_string(),
        "requester": requester.to_string(),
        "expires": end.as_millis(),
    })
}

/// Lists by their names.
pub(super) fn lists<const N: usize>(lists: [(&str, Vec<Value>); N]) -> Value {
    let lists = lists.into_iter();
    Value::Object(
        lists
            .map(|(name, list)| (name.to_owned(), Value::Array(list)))
            .collect::<Map<_, _>>(),
    )
}
