//! Navigations between two hops. Script's loader follows their redirects: it gets the redirect as a response and asks for the
//! next hop with a request that it makes anew from the first one. What the standard's request has gathered on the way is kept
//! here meanwhile.

use http::{HeaderMap, Method};
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::request::{Referrer, Request, ResponseTainting};
use net_traits::{ReferrerPolicy, ResourceFetchTiming};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::PipelineId;
use servo_url::ServoUrl;

use super::embedder_policies::Embedder;
use super::params::FetchParams;

/// How many navigations may wait for their next hop. Beyond that all are forgotten, and go on with what script knows.
const WAITING_LIMIT: usize = 256;

/// The navigations that wait for the
/// [next manual redirect steps](https://fetch.spec.whatwg.org/#fetch-controller-next-manual-redirect-steps).
#[derive(Default)]
pub struct NavigationRedirects {
    waiting: Mutex<FxHashMap<PipelineId, Waiting>>,
}

/// What a navigation's request has become by the hops so far.
struct Waiting {
    method: Method,
    headers: HeaderMap,
    has_body: bool,
    url_list: Vec<UrlWithBlobClaim>,
    redirect_count: u32,
    response_tainting: ResponseTainting,
    referrer: Referrer,
    referrer_policy: ReferrerPolicy,
    embedder: Embedder,
    timing_allow_failed: bool,
    start_time: Option<CrossProcessInstant>,
    redirect_start: Option<CrossProcessInstant>,
}

impl NavigationRedirects {
    /// The navigation's response is a redirect, which is about to go to script.
    pub(crate) fn wait(&self, params: &FetchParams, timing: &ResourceFetchTiming) {
        let request = &params.request;
        let Some(pipeline) = request.pipeline_id else {
            return;
        };
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_LIMIT {
            waiting.clear();
        }
        waiting.insert(
            pipeline,
            Waiting {
                method: request.method.clone(),
                headers: request.headers.clone(),
                has_body: request.body.is_some(),
                url_list: request.url_list.clone(),
                redirect_count: request.redirect_count,
                response_tainting: request.response_tainting,
                referrer: request.referrer.clone(),
                referrer_policy: request.referrer_policy,
                embedder: params.embedder.clone(),
                timing_allow_failed: params.timing_allow_failed,
                start_time: timing.start_time,
                redirect_start: timing.redirect_start,
            },
        );
    }

    /// Script follows the redirect that came from `response_url`: turns its request into what it was before it, and gives
    /// the timing its beginning.
    pub(crate) fn resume(
        &self,
        params: &mut FetchParams,
        response_url: &ServoUrl,
        timing: &mut ResourceFetchTiming,
    ) {
        let request = &mut params.request;
        let waiting = request
            .pipeline_id
            .and_then(|pipeline| self.waiting.lock().remove(&pipeline))
            .filter(|waiting| {
                let last = waiting.url_list.last();
                last.is_some_and(|url| url.url() == *response_url)
            });
        let Some(waiting) = waiting else {
            forget_repeated_url(request);
            // Nobody knows which servers were on the way.
            params.timing_allow_failed = true;
            return;
        };
        request.method = waiting.method;
        request.headers = waiting.headers;
        if !waiting.has_body {
            request.body = None;
        }
        request.url_list = waiting.url_list;
        request.redirect_count = waiting.redirect_count;
        request.response_tainting = waiting.response_tainting;
        request.referrer = waiting.referrer;
        request.referrer_policy = waiting.referrer_policy;
        params.embedder = waiting.embedder;
        params.timing_allow_failed = waiting.timing_allow_failed;
        timing.start_time = waiting.start_time;
        timing.redirect_start = waiting.redirect_start;
    }
}

/// Takes the repetition out of script's URL list, which begins with the navigation's URL and gets that of each redirect, the
/// first of which is the same.
fn forget_repeated_url(request: &mut Request) {
    if let [first, second, ..] = request.url_list.as_slice()
        && first.url() == second.url()
    {
        request.url_list.remove(0);
        request.redirect_count = request.redirect_count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};
    use net_traits::ResourceTimingType;
    use servo_base::id::{PipelineNamespaceId, TEST_PIPELINE_ID};

    use super::super::checks::embedder_policy::EmbedderPolicyValue;
    use super::super::checks::test_requests::{request, url};
    use super::super::http_redirect_fetch::redirect;
    use super::*;

    const FIRST: &str = "https://a.example/post";
    const SECOND: &str = "https://b.example/";
    const THIRD: &str = "https://c.example/";

    /// The request that script makes for a navigation to [`FIRST`] that has come along `urls`.
    fn script_request(urls: &[&str]) -> Request {
        let mut request = request("https://a.example", urls);
        request.pipeline_id = Some(TEST_PIPELINE_ID);
        request.method = Method::POST;
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        request.redirect_count = u32::try_from(urls.len() - 1).unwrap();
        request.referrer = Referrer::ReferrerUrl(url("https://a.example/page"));
        request
    }

    fn urls(request: &Request) -> Vec<String> {
        let urls = request.url_list.iter();
        urls.map(|url| url.url().into_string()).collect()
    }

    fn timing() -> ResourceFetchTiming {
        ResourceFetchTiming::new(ResourceTimingType::Navigation)
    }

    #[test]
    fn a_second_hop_goes_on_where_the_first_ended() {
        let navigations = NavigationRedirects::default();
        let mut first = FetchParams::new(script_request(&[FIRST]));
        redirect(&mut first.request, 302, url(SECOND)).unwrap();
        first.request.referrer_policy = ReferrerPolicy::Origin;
        first.timing_allow_failed = true;
        first.embedder.policy.value = EmbedderPolicyValue::RequireCorp;
        let start = CrossProcessInstant::now();
        let mut first_timing = timing();
        first_timing.start_time = Some(start);
        first_timing.redirect_start = Some(start);
        navigations.wait(&first, &first_timing);

        // Script has the method, the body and the headers of the first request, and the first URL twice.
        let mut second = FetchParams::new(script_request(&[FIRST, FIRST, SECOND]));
        let mut second_timing = timing();
        navigations.resume(&mut second, &url(SECOND), &mut second_timing);
        redirect(&mut second.request, 307, url(THIRD)).unwrap();
        assert_eq!(second.request.method, Method::GET);
        assert!(!second.request.headers.contains_key(header::CONTENT_TYPE));
        assert_eq!(urls(&second.request), [FIRST, SECOND, THIRD]);
        assert_eq!(second.request.redirect_count, 2);
        assert_eq!(second.request.referrer_policy, ReferrerPolicy::Origin);
        assert!(second.timing_allow_failed);
        assert_eq!(
            second.embedder.policy.value,
            EmbedderPolicyValue::RequireCorp
        );
        assert_eq!(second_timing.start_time, Some(start));
        assert_eq!(second_timing.redirect_start, Some(start));
    }

    #[test]
    fn one_that_is_not_known_has_no_timing_to_show() {
        let navigations = NavigationRedirects::default();
        let first = FetchParams::new(script_request(&[FIRST]));
        navigations.wait(&first, &timing());
        // Another response than the one that was handed over.
        let mut other = FetchParams::new(script_request(&[SECOND, SECOND]));
        navigations.resume(&mut other, &url(SECOND), &mut timing());
        assert!(other.timing_allow_failed);
        assert_eq!(urls(&other.request), [SECOND]);
        assert_eq!(other.request.redirect_count, 0);
        // Each is resumed once.
        let mut again = FetchParams::new(script_request(&[FIRST, FIRST]));
        navigations.resume(&mut again, &url(FIRST), &mut timing());
        assert!(again.timing_allow_failed);
    }

    #[test]
    fn memory_is_bounded() {
        let navigations = NavigationRedirects::default();
        for index in 0..=WAITING_LIMIT {
            let mut request = script_request(&[FIRST]);
            request.pipeline_id = Some(PipelineId {
                namespace_id: PipelineNamespaceId(u32::try_from(index).unwrap()),
                ..TEST_PIPELINE_ID
            });
            navigations.wait(&FetchParams::new(request), &timing());
        }
        assert_eq!(navigations.waiting.lock().len(), 1);
    }
}
