//! Preloads never ask. So what a failed one says of CORS need not be the last word on the request that the page makes then.

use user_cors::{
    CertificateState, RequestFacts, RequesterFacts, SecureContexts, eligible_request,
    eligible_requester,
};

use super::{Hook, facts};
use crate::fetch::cause::CorsFailure;
use crate::fetch::params::FetchParams;

/// Whether the permission model might help the request of `params`, if that failed as its preload did.
///
/// NB: this permits nothing. The request is then made, and has to meet all the conditions by itself.
pub(crate) fn may_ask_about(params: &FetchParams, failure: &CorsFailure) -> bool {
    Hook::of(&params.request)
        .is_ok_and(|hook| is_eligible(&facts::requester(&hook.requester), params, failure))
}

/// Steps 1 and 2, as far as they are known of a request that has not been made.
fn is_eligible(requester: &RequesterFacts, params: &FetchParams, failure: &CorsFailure) -> bool {
    let request = RequestFacts {
        // Redirects may have led the preload there, and will lead the request.
        url: failure.url.clone().into_url(),
        ..facts::request(params, CertificateState::Verified)
    };
    eligible_requester(requester, SecureContexts::Relaxed)
        .and_then(|(origin, _)| eligible_request(&request, origin))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use net_traits::request::{CredentialsMode, Destination, RequestMode};
    use servo_base::id::TEST_WEBVIEW_ID;
    use user_cors::{ClientContext, DocumentId, RequesterOrigin, TabId, TabLiveness, TupleOrigin};

    use super::*;
    use crate::fetch::cause::CorsFailureKind;
    use crate::fetch::checks::test_requests::{request, url};

    fn check(
        client: ClientContext,
        destination: Destination,
        mode: RequestMode,
        credentials: CredentialsMode,
        failed: &str,
    ) -> bool {
        let requester = RequesterFacts {
            origin: RequesterOrigin::Tuple(TupleOrigin::parse("https://a.example").unwrap()),
            client,
            tab: TabLiveness::Live(TabId(1)),
            document: DocumentId(1),
        };
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.target_webview_id = Some(TEST_WEBVIEW_ID);
        request.destination = destination;
        request.mode = mode;
        request.credentials_mode = credentials;
        let failure = CorsFailure {
            url: url(failed),
            preflight: false,
            kind: CorsFailureKind::MissingAllowOrigin,
        };
        is_eligible(&requester, &FetchParams::new(request), &failure)
    }

    #[test]
    fn only_what_can_be_asked_about_is_asked_for_again() {
        use ClientContext::{Nested, TopLevelDocument};
        use CredentialsMode::{CredentialsSameOrigin, Include};
        use Destination::{Font, Image, None as Empty, Script, Style};
        use RequestMode::{CorsMode, NoCors};
        let there = "https://b.example/";
        for destination in [Empty, Font, Image] {
            assert!(check(
                TopLevelDocument,
                destination,
                CorsMode,
                CredentialsSameOrigin,
                there
            ));
        }
        for destination in [Script, Style] {
            assert!(!check(
                TopLevelDocument,
                destination,
                CorsMode,
                CredentialsSameOrigin,
                there
            ));
        }
        for (client, mode, credentials, failed) in [
            (Nested, CorsMode, CredentialsSameOrigin, there),
            (TopLevelDocument, NoCors, CredentialsSameOrigin, there),
            (TopLevelDocument, CorsMode, Include, there),
            (
                TopLevelDocument,
                CorsMode,
                CredentialsSameOrigin,
                "http://b.example/",
            ),
        ] {
            assert!(!check(client, Image, mode, credentials, failed));
        }
    }
}
