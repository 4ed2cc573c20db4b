//! What a web developer is told of a request that CORS stopped: what happened, and what to do about it.
//!
//! It goes to the person's own tools: the shell's console and the developer tools. Script never sees it, nor whether there was
//! anything to see. There is one issue for each cause, document and server, however often a page tries.

use std::collections::VecDeque;

use net_traits::request::{Origin, Request};
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use servo_base::id::PipelineId;
use servo_url::ServoUrl;
use user_cors::{Refusal, TupleOrigin, bounded_escaped};

use crate::fetch::{Cause, CorsFailure, CorsFailureKind};
use crate::http_authentication::without_credentials;

/// The longest URL that is shown, in characters.
const MAX_URL: usize = 300;

/// The longest name of an origin that is shown, in characters.
const MAX_ORIGIN: usize = 300;

/// How many documents' issues are remembered, so as not to be told twice; the oldest are forgotten.
const MAX_DOCUMENTS: usize = 256;

/// How many issues of one document are told.
const MAX_ISSUES: usize = 64;

/// A request that CORS stopped, for those who can do something about it.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The document that made the request; `None` if that is not known.
    pub document: Option<PipelineId>,
    /// The origin that wanted to read, serialized, escaped.
    pub requester: String,
    /// The URL that failed, without user name, password, query and fragment, bounded and escaped.
    pub url: String,
    /// Which check failed.
    pub failure: CorsFailure,
    /// Why user-enabled CORS did not help, if it was there to help.
    pub refusal: Option<Refusal>,
}

impl Issue {
    /// The issue of a request that ended with this cause; `None` if it was not CORS that stopped it.
    pub fn of(request: &Request, cause: &Cause) -> Option<Self> {
        let failure = cause.cors_failure()?.clone();
        let refusal = match cause {
            Cause::UserEnabledCors { refusal, .. } => Some(refusal.clone()),
            _ => None,
        };
        let requester = match &request.origin {
            Origin::Client => "the page".to_owned(),
            Origin::Origin(origin) => origin.ascii_serialization().into_owned(),
        };
        Some(Self {
            document: request.pipeline_id,
            requester: bounded_escaped(&requester, MAX_ORIGIN),
            url: shown_url(&failure.url),
            failure,
            refusal,
        })
    }

    /// A name of the cause for programs, which stays the same when the words change.
    pub fn code(&self) -> &'static str {
        match &self.refusal {
            Some(refusal) => refusal.code(),
            None => "cors",
        }
    }

    /// What happened, in sentences.
    pub fn what(&self) -> String {
        let mut text = format!(
            "{} could not read {}: {}.",
            self.requester,
            self.url,
            shown(&self.failure.to_string())
        );
        if let Some(refusal) = &self.refusal {
            text.push_str(" User-enabled CORS did not help. ");
            text.push_str(&shown(&refusal.to_string()));
        }
        text
    }

    /// What to do about it, in sentences: at the server, and in the page.
    pub fn advice(&self) -> String {
        let mut text = shown(&server_advice(&self.failure.kind, &self.requester));
        if let Some(advice) = self.refusal.as_ref().and_then(Refusal::advice) {
            text.push(' ');
            text.push_str(advice);
        }
        text
    }

    /// What happened and what to do, as a console shows it.
    pub fn message(&self) -> String {
        format!("{} {}", self.what(), self.advice())
    }

    fn same(&self) -> (&'static str, Option<TupleOrigin>, bool) {
        let target = TupleOrigin::from_url(self.failure.url.as_url());
        (self.code(), target, self.failure.preflight)
    }
}

fn shown(text: &str) -> String {
    const MAX_TEXT: usize = 400;
    bounded_escaped(text, MAX_TEXT)
}

fn shown_url(url: &ServoUrl) -> String {
    let mut url = without_credentials(url.clone()).into_url();
    url.set_query(None);
    url.set_fragment(None);
    bounded_escaped(url.as_str(), MAX_URL)
}

/// What the server's operator can do, in a sentence.
fn server_advice(kind: &CorsFailureKind, requester: &str) -> String {
    match kind {
        CorsFailureKind::MissingAllowOrigin
        | CorsFailureKind::MultipleAllowOrigin { .. }
        | CorsFailureKind::InvalidAllowOrigin { .. }
        | CorsFailureKind::AllowOriginMismatch { .. } => {
            format!("The server would allow it with one header Access-Control-Allow-Origin: {requester}.")
        },
        CorsFailureKind::WildcardWithCredentials => format!(
            "Leave credentials out of the request, or let the server answer with Access-Control-Allow-Origin: {requester} \
             and Access-Control-Allow-Credentials: true."
        ),
        CorsFailureKind::AllowCredentials { .. } => {
            "Leave credentials out of the request, or let the server answer with Access-Control-Allow-Credentials: true."
                .to_owned()
        },
        CorsFailureKind::PreflightStatus { .. } => {
            "The server has to answer OPTIONS with a status from 200 to 299.".to_owned()
        },
        CorsFailureKind::PreflightRedirect => {
            "Request the URL to which the server redirects: a preflight is not redirected.".to_owned()
        },
        CorsFailureKind::InvalidAllowMethods { .. } => {
            "The server has to write Access-Control-Allow-Methods as names with commas between them.".to_owned()
        },
        CorsFailureKind::InvalidAllowHeaders { .. } => {
            "The server has to write Access-Control-Allow-Headers as names with commas between them.".to_owned()
        },
        CorsFailureKind::MethodNotAllowed { method } => {
            format!("The server would allow it with {method} in Access-Control-Allow-Methods.")
        },
        CorsFailureKind::HeaderNotAllowed { name } => {
            format!("The server would allow it with {name} in Access-Control-Allow-Headers; or leave the header out.")
        },
        CorsFailureKind::PreflightUnreachable => {
            "Look whether the server answers OPTIONS.".to_owned()
        },
    }
}

type Told = FxHashSet<(&'static str, Option<TupleOrigin>, bool)>;

/// Which issues have been told, of the documents that had some last.
#[derive(Default)]
pub(crate) struct ToldIssues(Mutex<VecDeque<(Option<PipelineId>, Told)>>);

impl ToldIssues {
    /// Whether this is the first issue of its cause, document and server. One beyond what is told of a document is not.
    pub(crate) fn is_first(&self, issue: &Issue) -> bool {
        let mut documents = self.0.lock();
        let known = documents
            .iter_mut()
            .find(|(document, _)| *document == issue.document);
        if let Some((_, told)) = known {
            return told.len() < MAX_ISSUES && told.insert(issue.same());
        }
        if documents.len() == MAX_DOCUMENTS {
            documents.pop_front();
        }
        documents.push_back((issue.document, Told::from_iter([issue.same()])));
        true
    }
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Referrer, RequestBuilder};
    use servo_base::id::TEST_PIPELINE_ID;
    use servo_url::ImmutableOrigin;

    use super::*;

    fn failure(url: &str, kind: CorsFailureKind) -> CorsFailure {
        CorsFailure {
            url: ServoUrl::parse(url).unwrap(),
            preflight: false,
            kind,
        }
    }

    fn request() -> Request {
        let url = ServoUrl::parse("https://data.example/").unwrap();
        let page = ServoUrl::parse("https://app.example/").unwrap();
        let claimed = UrlWithBlobClaim::for_url(url).unwrap();
        let mut request = RequestBuilder::new(None, claimed, Referrer::NoReferrer)
            .origin(page.origin())
            .build();
        request.pipeline_id = Some(TEST_PIPELINE_ID);
        request
    }

    fn refused(url: &str, refusal: Refusal) -> Cause {
        Cause::UserEnabledCors {
            failure: failure(url, CorsFailureKind::MissingAllowOrigin),
            refusal,
        }
    }

    #[test]
    fn an_issue_says_what_happened_and_what_to_do() {
        let cause = refused(
            "https://user:secret@data.example/items?token=secret#x",
            Refusal::CredentialsIncluded,
        );
        let issue = Issue::of(&request(), &cause).unwrap();
        assert_eq!(issue.code(), "credentials-included");
        let text = issue.message();
        for part in [
            "https://app.example could not read https://data.example/items:",
            "no Access-Control-Allow-Origin",
            "did not help",
            "Access-Control-Allow-Origin: https://app.example",
            "credentials: \"include\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn only_cors_makes_issues() {
        assert!(Issue::of(&request(), &Cause::MixedContent).is_none());
        let cause = Cause::Cors(failure(
            "https://data.example/",
            CorsFailureKind::MethodNotAllowed {
                method: "PUT".to_owned(),
            },
        ));
        let issue = Issue::of(&request(), &cause).unwrap();
        assert_eq!(issue.code(), "cors");
        assert!(
            issue
                .advice()
                .contains("PUT in Access-Control-Allow-Methods")
        );
    }

    #[test]
    fn what_others_chose_is_bounded_and_escaped() {
        let long = format!("https://data.example/{}", "x".repeat(4000));
        let cause = Cause::UserEnabledCors {
            failure: failure(
                &long,
                CorsFailureKind::MethodNotAllowed {
                    method: "A\u{202e}\u{1b}[31m".repeat(400),
                },
            ),
            refusal: Refusal::OverridingHeader("h".repeat(5000)),
        };
        let mut request = request();
        request.origin = Origin::Origin(ImmutableOrigin::new_opaque());
        let text = Issue::of(&request, &cause).unwrap().message();
        assert!(text.chars().count() < 3500, "{}", text.len());
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
        assert!(text.starts_with("null could not read"), "{text}");
    }

    #[test]
    fn an_issue_is_told_once_for_each_cause_document_and_server() {
        let told = ToldIssues::default();
        let mut request = request();
        let issue = |request: &Request, url: &str, refusal: Refusal| {
            Issue::of(request, &refused(url, refusal)).unwrap()
        };
        for (url, refusal, first) in [
            ("https://data.example/a", Refusal::Denied, true),
            ("https://data.example/b", Refusal::Denied, false),
            ("https://data.example/b", Refusal::SwitchedOff, true),
            ("https://other.example/b", Refusal::Denied, true),
        ] {
            assert_eq!(
                told.is_first(&issue(&request, url, refusal)),
                first,
                "{url}"
            );
        }
        request.pipeline_id = None;
        let other = issue(&request, "https://data.example/a", Refusal::Denied);
        assert!(told.is_first(&other));
        for number in 0..2 * MAX_ISSUES {
            let url = format!("https://s{number}.example/");
            let issue = issue(&request, &url, Refusal::Denied);
            assert_eq!(told.is_first(&issue), number < MAX_ISSUES - 1, "{number}");
        }
    }
}
