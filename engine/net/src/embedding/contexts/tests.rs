//! Who is known as a requester, and who is not.

use content_security_policy::Destination;
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::policy_container::PolicyContainer;
use net_traits::request::{InsecureRequestsPolicy, RequestBuilder, RequestMode};
use servo_base::id::{BrowsingContextId, PipelineNamespace, PipelineNamespaceId, TEST_WEBVIEW_ID};

use self::browsed_tab::{BrowsedTab, Handling};
use super::shown::Shown;
use super::*;

mod browsed_tab;
mod traversals;

fn url(text: &str) -> ServoUrl {
    ServoUrl::parse(text).expect("a URL")
}

/// Facts that are put in and questions that are asked at one moment.
struct Scene {
    contexts: Contexts,
    now: Instant,
}

impl Scene {
    fn new(namespace: u32) -> Self {
        PipelineNamespace::install(PipelineNamespaceId(namespace));
        Self::another()
    }

    /// One more in the same test.
    fn another() -> Self {
        Self {
            contexts: Contexts::default(),
            now: Instant::now(),
        }
    }

    fn document(&self, webview: WebViewId, document: &str, nested: bool) -> PipelineId {
        let pipeline = PipelineId::new();
        let request = navigation(webview, pipeline, document, nested);
        self.contexts
            .note_document(&request, Some(AddressSpace::Local), self.now);
        pipeline
    }

    /// The shell tells of the tab's entries.
    fn tell(&self, webview: WebViewId, entries: &[&str], current: usize) -> Shown {
        let entries: Vec<_> = entries.iter().map(|text| url(text).into_url()).collect();
        let mut shown = self
            .contexts
            .session_history_changed(webview, &entries, current)
            .expect("it is one of them");
        shown.left.sort();
        shown
    }

    /// The only entry of the tab has another document or another URL.
    fn show(&self, webview: WebViewId, text: &str) {
        self.tell(webview, &[text], 0);
    }

    fn requester(&self, request: &Request) -> Option<RequesterContext> {
        self.contexts.requester(request, self.now)
    }
}

fn client(origin: ImmutableOrigin, nested: bool, window: bool) -> RequestClient {
    RequestClient {
        preloaded_resources: Default::default(),
        policy_container: PolicyContainer::default(),
        origin: Origin::Origin(origin),
        is_nested_browsing_context: nested,
        insecure_requests_policy: InsecureRequestsPolicy::DoNotUpgrade,
        has_trustworthy_ancestor_origin: window,
    }
}

fn request(webview: Option<WebViewId>, pipeline: PipelineId, target: &str) -> RequestBuilder {
    let url = UrlWithBlobClaim::for_url(url(target)).expect("no blob URL");
    RequestBuilder::new(webview, url, Referrer::NoReferrer).pipeline_id(Some(pipeline))
}

/// As script makes it for a navigation from the browser's own interface.
fn navigation(webview: WebViewId, pipeline: PipelineId, target: &str, nested: bool) -> Request {
    let destination = if nested {
        Destination::IFrame
    } else {
        Destination::Document
    };
    request(Some(webview), pipeline, target)
        .destination(destination)
        .mode(RequestMode::Navigate)
        .client(client(ImmutableOrigin::new_opaque(), nested, false))
        .build()
}

/// As `fetch()` makes it in a window of `origin`.
fn fetch(webview: WebViewId, pipeline: PipelineId, origin: &str) -> Request {
    request(Some(webview), pipeline, "https://api.example/")
        .client(client(url(origin).origin(), false, true))
        .build()
}

#[test]
fn a_top_level_document_is_known() {
    let scene = Scene::new(7101);
    let page = "https://app.page.example/start";
    let pipeline = scene.document(TEST_WEBVIEW_ID, page, false);
    scene.show(TEST_WEBVIEW_ID, page);
    let requester = scene
        .requester(&fetch(TEST_WEBVIEW_ID, pipeline, page))
        .expect("known");
    assert_eq!(requester.client, ClientContext::TopLevelDocument);
    assert_eq!(*requester.origin, url(page).origin());
    assert_eq!(requester.top_level_site.to_string(), "https://page.example");
    assert_eq!(requester.address_space, AddressSpace::Local);
    assert_eq!(requester.tab, scene.contexts.tab(TEST_WEBVIEW_ID));
}

#[test]
fn what_disagrees_is_unknown() {
    let mut scene = Scene::new(7102);
    let page = "https://page.example/";
    let pipeline = scene.document(TEST_WEBVIEW_ID, page, false);
    let good = fetch(TEST_WEBVIEW_ID, pipeline, page);
    assert!(scene.requester(&good).is_some(), "it has only just arrived");

    let neighbour = WebViewId::mock_for_testing(BrowsingContextId::new());
    assert!(
        scene.requester(&fetch(neighbour, pipeline, page)).is_none(),
        "another tab"
    );
    let other = fetch(TEST_WEBVIEW_ID, pipeline, "https://other.example/");
    assert!(scene.requester(&other).is_none(), "another origin");
    let unknown = fetch(TEST_WEBVIEW_ID, PipelineId::new(), page);
    assert!(scene.requester(&unknown).is_none(), "another document");
    let mut nested = good.clone();
    nested.client = Some(client(url(page).origin(), true, true));
    assert!(scene.requester(&nested).is_none(), "a frame, it says");
    let mut opaque = good.clone();
    opaque.client = Some(client(ImmutableOrigin::new_opaque(), false, true));
    assert!(scene.requester(&opaque).is_none(), "a sandboxed document");
    let mut clientless = good.clone();
    clientless.client = None;
    assert!(scene.requester(&clientless).is_none(), "no client");

    scene.show(TEST_WEBVIEW_ID, page);
    scene.show(TEST_WEBVIEW_ID, "https://page.example/other");
    assert!(scene.requester(&good).is_some(), "history.replaceState");

    // A response that the tab never shows: a download.
    scene.document(TEST_WEBVIEW_ID, "https://files.example/file.zip", false);
    assert!(scene.requester(&good).is_none());
    scene.now += COMMIT_LIMIT + Duration::from_millis(1);
    assert!(scene.requester(&good).is_some());

    // The shell says otherwise.
    scene.show(TEST_WEBVIEW_ID, "https://elsewhere.example/");
    assert!(scene.requester(&good).is_none(), "another page is shown");
    scene.contexts.forget(TEST_WEBVIEW_ID);
    assert!(scene.requester(&good).is_none(), "the tab is closed");
}

#[test]
fn workers_and_frames_are_told_apart() {
    let scene = Scene::new(7103);
    let page = "https://page.example/";
    let pipeline = scene.document(TEST_WEBVIEW_ID, page, false);
    let mut worker = fetch(TEST_WEBVIEW_ID, pipeline, page);
    worker.client = Some(client(url(page).origin(), false, false));
    let kind = |request: &Request| scene.requester(request).map(|known| known.client);
    assert_eq!(kind(&worker), Some(ClientContext::DedicatedWorker));

    // From a page with a shared worker it may as well be that.
    let mut shared = fetch(TEST_WEBVIEW_ID, pipeline, page);
    shared.destination = Destination::SharedWorker;
    scene.contexts.note_request(&shared);
    assert_eq!(kind(&worker), Some(ClientContext::Unknown));
    let window = fetch(TEST_WEBVIEW_ID, pipeline, page);
    assert_eq!(kind(&window), Some(ClientContext::TopLevelDocument));

    let frame = "https://frame.example/";
    let pipeline = scene.document(TEST_WEBVIEW_ID, frame, true);
    let mut request = fetch(TEST_WEBVIEW_ID, pipeline, frame);
    request.client = Some(client(url(frame).origin(), true, true));
    let requester = scene.requester(&request).expect("known");
    assert_eq!(requester.client, ClientContext::Nested);
    assert_eq!(requester.top_level_site.to_string(), "https://page.example");
    // A worker of a frame says that it is not nested.
    request.client = Some(client(url(frame).origin(), false, false));
    assert_eq!(kind(&request), Some(ClientContext::Nested));
}

#[test]
fn a_worker_that_outlives_its_document_is_nobodys() {
    let scene = Scene::new(7110);
    let page = "https://page.example/";
    let mut tab = BrowsedTab::new(&scene, TEST_WEBVIEW_ID);
    let worker = |pipeline| {
        let mut request = fetch(TEST_WEBVIEW_ID, pipeline, page);
        request.client = Some(client(url(page).origin(), false, false));
        request
    };
    let kind = |request: &Request| scene.requester(request).map(|known| known.client);
    let first = tab.open(page);
    tab.fragment("fragment");
    assert_eq!(kind(&worker(first)), Some(ClientContext::DedicatedWorker));
    // The page is loaded again.
    let second = scene.document(TEST_WEBVIEW_ID, page, false);
    tab.commit(second, page, Handling::Replace);
    assert_eq!(kind(&worker(first)), Some(ClientContext::Unknown));
    assert_eq!(kind(&worker(second)), Some(ClientContext::DedicatedWorker));
    // Another one of the same origin, and back.
    let third = tab.open("https://page.example/next");
    assert_eq!(kind(&worker(second)), Some(ClientContext::Unknown));
    assert_eq!(kind(&worker(third)), Some(ClientContext::DedicatedWorker));
    tab.go(-1);
    assert_eq!(kind(&worker(second)), Some(ClientContext::DedicatedWorker));
    assert_eq!(kind(&worker(third)), Some(ClientContext::Unknown));
    // Those of another tab are not concerned.
    let neighbour = WebViewId::mock_for_testing(BrowsingContextId::new());
    let other = scene.document(neighbour, page, false);
    scene.show(neighbour, page);
    tab.go(1);
    let mut request = worker(other);
    request.target_webview_id = Some(neighbour);
    assert_eq!(kind(&request), Some(ClientContext::DedicatedWorker));
}

/// As layout makes it for a document of `origin`, whose base URL the page says is `base`.
fn font(webview: WebViewId, origin: &str, base: &str) -> Request {
    let target = UrlWithBlobClaim::for_url(url("https://fonts.example/")).expect("no blob URL");
    RequestBuilder::new(Some(webview), target, Referrer::ReferrerUrl(url(base)))
        .destination(Destination::Font)
        .client(client(url(origin).origin(), false, true))
        .build()
}

#[test]
fn a_font_is_of_the_document_that_the_tab_shows() {
    let scene = Scene::new(7108);
    let page = "https://app.page.example/start";
    let request = font(TEST_WEBVIEW_ID, page, page);
    assert!(scene.requester(&request).is_none(), "no document is known");
    let pipeline = scene.document(TEST_WEBVIEW_ID, page, false);
    scene.show(TEST_WEBVIEW_ID, page);

    let requester = scene.requester(&request).expect("known");
    assert_eq!(requester.document, DocumentId(pipeline.into()));
    assert_eq!(requester.client, ClientContext::TopLevelDocument);
    assert_eq!(requester.top_level_site.to_string(), "https://page.example");
    scene.show(TEST_WEBVIEW_ID, "https://app.page.example/replaced");
    assert!(scene.requester(&request).is_some(), "history.replaceState");

    // Another page of that origin is no other requester.
    let next = "https://app.page.example/next";
    let newer = scene.document(TEST_WEBVIEW_ID, next, false);
    scene.show(TEST_WEBVIEW_ID, next);
    let requester = scene.requester(&request).expect("known");
    assert_eq!(requester.document, DocumentId(newer.into()));
}

#[test]
fn a_font_is_nobodys_whose_document_is_uncertain() {
    let scene = Scene::new(7109);
    let page = "https://app.page.example/";
    scene.document(TEST_WEBVIEW_ID, page, false);
    scene.document(TEST_WEBVIEW_ID, "https://frame.example/", true);
    scene.show(TEST_WEBVIEW_ID, page);
    let good = font(TEST_WEBVIEW_ID, page, page);
    assert!(scene.requester(&good).is_some());

    let posing = font(TEST_WEBVIEW_ID, "https://frame.example/", page);
    assert!(scene.requester(&posing).is_none(), "by its base URL only");
    let sibling = font(TEST_WEBVIEW_ID, "https://page.example/", page);
    assert!(scene.requester(&sibling).is_none(), "another origin");
    let neighbour = WebViewId::mock_for_testing(BrowsingContextId::new());
    assert!(scene.requester(&font(neighbour, page, page)).is_none());
    let mut nested = good.clone();
    nested.client = Some(client(url(page).origin(), true, true));
    assert!(scene.requester(&nested).is_none(), "about:srcdoc");
    let mut opaque = good.clone();
    opaque.client = Some(client(ImmutableOrigin::new_opaque(), false, true));
    assert!(scene.requester(&opaque).is_none(), "a sandboxed document");
    let mut image = good.clone();
    image.destination = Destination::Image;
    assert!(scene.requester(&image).is_none(), "it names its document");
    let mut tabless = good.clone();
    tabless.target_webview_id = None;
    assert!(scene.requester(&tabless).is_none());

    // A frame of the page's origin is no top-level document.
    let framed = "https://framed.example/";
    scene.document(TEST_WEBVIEW_ID, framed, true);
    assert!(
        scene
            .requester(&font(TEST_WEBVIEW_ID, framed, framed))
            .is_none()
    );
    // The tab shows another page by now.
    scene.show(TEST_WEBVIEW_ID, "https://other.example/");
    assert!(scene.requester(&good).is_none());
    scene.show(TEST_WEBVIEW_ID, page);
    assert!(scene.requester(&good).is_some());

    // Two documents of the origin came from different networks.
    let elsewhere = navigation(
        TEST_WEBVIEW_ID,
        PipelineId::new(),
        "https://app.page.example/rebound",
        false,
    );
    scene
        .contexts
        .note_document(&elsewhere, Some(AddressSpace::Loopback), scene.now);
    assert!(scene.requester(&good).is_none());
}

#[test]
fn requests_have_the_site_of_their_tab() {
    let scene = Scene::new(7104);
    let site = |request: &Request| {
        scene
            .contexts
            .top_level_site(request, scene.now)
            .map(|site| site.to_string())
    };
    let top = navigation(
        TEST_WEBVIEW_ID,
        PipelineId::new(),
        "https://a.page.example/",
        false,
    );
    assert_eq!(site(&top).as_deref(), Some("https://page.example"));
    let file = navigation(
        TEST_WEBVIEW_ID,
        PipelineId::new(),
        "file:///etc/hosts",
        false,
    );
    assert_eq!(site(&file), None);

    let page = scene.document(TEST_WEBVIEW_ID, "https://page.example/", false);
    let image = fetch(TEST_WEBVIEW_ID, page, "https://page.example/");
    assert_eq!(site(&image).as_deref(), Some("https://page.example"));
    let frame = navigation(
        TEST_WEBVIEW_ID,
        PipelineId::new(),
        "https://ads.example/",
        true,
    );
    assert_eq!(site(&frame).as_deref(), Some("https://page.example"));
    let mut beacon = fetch(TEST_WEBVIEW_ID, page, "https://page.example/");
    beacon.target_webview_id = None;
    assert_eq!(site(&beacon).as_deref(), Some("https://page.example"));
    assert_eq!(scene.contexts.webview_of(&beacon), Some(TEST_WEBVIEW_ID));
}

#[test]
fn only_the_announced_navigation_is_the_users() {
    let mut scene = Scene::new(7105);
    let target = "http://bank.example/?q";
    let is_users = |scene: &Scene, request: &Request| {
        scene
            .contexts
            .is_user_initiated_navigation(request, scene.now)
    };
    let first = PipelineId::new();
    let typed = navigation(TEST_WEBVIEW_ID, first, target, false);
    assert!(!is_users(&scene, &typed), "nothing was announced");

    scene
        .contexts
        .expect_user_navigation(TEST_WEBVIEW_ID, url(target), scene.now);
    let frame = navigation(TEST_WEBVIEW_ID, PipelineId::new(), target, true);
    assert!(!is_users(&scene, &frame));
    let mut linked = typed.clone();
    linked.client = Some(client(url("https://evil.example/").origin(), false, false));
    assert!(!is_users(&scene, &linked));
    let mut referred = typed.clone();
    referred.referrer = Referrer::ReferrerUrl(url("https://evil.example/"));
    assert!(!is_users(&scene, &referred));
    let elsewhere = navigation(TEST_WEBVIEW_ID, first, "https://bank.example/?r", false);
    assert!(!is_users(&scene, &elsewhere));

    let upgraded = navigation(TEST_WEBVIEW_ID, first, "https://bank.example/?q", false);
    assert!(is_users(&scene, &upgraded));
    let redirected = navigation(TEST_WEBVIEW_ID, first, "https://login.example/", false);
    assert!(
        is_users(&scene, &redirected),
        "the same document, redirected"
    );
    let imitation = navigation(TEST_WEBVIEW_ID, PipelineId::new(), target, false);
    assert!(!is_users(&scene, &imitation), "it has been made already");

    scene
        .contexts
        .expect_user_navigation(TEST_WEBVIEW_ID, url(target), scene.now);
    scene.now += ANNOUNCEMENT_LIMIT + Duration::from_millis(1);
    assert!(!is_users(&scene, &imitation), "long ago");
}

#[test]
fn activation_is_transient() {
    let scene = Scene::new(7106);
    let active = |after: Duration| {
        scene
            .contexts
            .has_user_activation(TEST_WEBVIEW_ID, scene.now + after)
    };
    assert!(!active(Duration::ZERO));
    scene.contexts.user_interacted(TEST_WEBVIEW_ID, scene.now);
    assert!(active(ACTIVATION_LIMIT));
    assert!(!active(ACTIVATION_LIMIT + Duration::from_millis(1)));
}

#[test]
fn a_shown_document_replaces_the_others() {
    let scene = Scene::new(7107);
    let first = scene.document(TEST_WEBVIEW_ID, "https://one.example/", false);
    let frame = scene.document(TEST_WEBVIEW_ID, "https://frame.example/", true);
    let show = |entries: &[&str], current| {
        let shown = scene.tell(TEST_WEBVIEW_ID, entries, current);
        (shown.left, shown.navigated)
    };
    // The model was told by the response already, which this test leaves out: so it is told here.
    assert_eq!(show(&["https://one.example/#top"], 0), (vec![], true));
    let second = scene.document(TEST_WEBVIEW_ID, "https://two.example/", false);
    let pushed = "https://one.example/pushed";
    assert_eq!(show(&[pushed, pushed], 1), (vec![], false), "not yet");
    let request = navigation(TEST_WEBVIEW_ID, second, "https://two.example/", false);
    let site = scene.contexts.document_delivered(&request);
    assert_eq!(
        site.map(|site| site.to_string()).as_deref(),
        Some("https://two.example")
    );
    let entries = [pushed, pushed, "https://two.example/"];
    assert_eq!(show(&entries, 2), (vec![first, frame], false));
    assert_eq!(show(&entries, 2), (vec![], false), "once");
    // Back, without a response, and forward again.
    assert_eq!(show(&entries, 1), (vec![second], true));
    assert_eq!(show(&entries, 2), (vec![first, frame], true));
    // A page without a response.
    let entries = [pushed, pushed, "https://two.example/", "about:blank"];
    assert_eq!(show(&entries, 3), (vec![first, frame, second], true));
}
