//! Which document a tab shows when its session history changes, and what it has left.

use proptest::prelude::*;

use super::browsed_tab::{BrowsedTab, Handling};
use super::*;

const ONE: &str = "https://page.example/one";
const TWO: &str = "https://page.example/two";
const THREE: &str = "https://page.example/three";
const OTHER: &str = "https://other.example/";

/// Whether the shown document was taken for the one before, without a question or fetch that ended.
fn stays(shown: &Shown) -> bool {
    shown.left.is_empty() && !shown.navigated
}

/// A tab's documents on one site, of which the last is shown.
fn opened<'a>(scene: &'a Scene, urls: &[&str]) -> (BrowsedTab<'a>, Vec<PipelineId>) {
    let mut tab = BrowsedTab::new(scene, TEST_WEBVIEW_ID);
    let documents = urls.iter().map(|url| tab.open(url)).collect();
    (tab, documents)
}

impl Scene {
    fn committed(&self) -> Option<PipelineId> {
        let state = self.contexts.0.lock();
        state.tabs[&TEST_WEBVIEW_ID].committed
    }
}

#[test]
fn a_page_may_take_the_url_of_a_page_before_it() {
    let scene = Scene::new(7111);
    let (mut tab, documents) = opened(&scene, &[ONE, TWO]);
    assert!(stays(&tab.push_state(ONE)), "pushState");
    assert!(stays(&tab.fragment("top")), "and a fragment");
    assert!(stays(&tab.push_state(THREE)));
    assert!(stays(&tab.replace_state(ONE)), "replaceState");
    assert_eq!(scene.committed(), Some(documents[1]));
    // There is the way back all the same.
    let shown = tab.go(-4).expect("an entry");
    assert_eq!((shown.left, shown.navigated), (vec![documents[1]], true));
    assert_eq!(scene.committed(), Some(documents[0]));
}

#[test]
fn after_going_back_too() {
    PipelineNamespace::install(PipelineNamespaceId(7112));
    for (begin, back) in [
        (&[ONE, TWO][..], -1),
        (&[ONE, THREE, TWO], -2),
        (&[ONE, TWO, THREE], -2),
    ] {
        let scene = Scene::another();
        let (mut tab, documents) = opened(&scene, begin);
        assert!(tab.go(back).is_some_and(|shown| shown.navigated));
        // In the place of the entries that were there, which may be one.
        assert!(stays(&tab.push_state(TWO)), "{begin:?}");
        assert!(stays(&tab.push_state(TWO)), "{begin:?}, the same once more");
        assert_eq!(scene.committed(), Some(documents[0]));
    }
}

#[test]
fn what_has_been_pushed_is_gone_back_to() {
    let scene = Scene::new(7113);
    let (mut tab, mut documents) = opened(&scene, &[ONE]);
    tab.push_state(TWO);
    documents.push(tab.open(THREE));
    // Its response had another URL.
    let shown = tab.go(-1).expect("an entry");
    assert_eq!((shown.left, shown.navigated), (vec![documents[1]], true));
    assert!(stays(&tab.go(-1).expect("an entry")), "its own entry");
    let shown = tab.go(2).expect("an entry");
    assert_eq!((shown.left, shown.navigated), (vec![documents[0]], true));
    let shown = tab.go(-2).expect("an entry");
    assert_eq!(shown.left, [documents[1]]);
}

#[test]
fn two_documents_of_one_url_are_told_apart_by_their_entries() {
    let scene = Scene::new(7114);
    let (mut tab, documents) = opened(&scene, &[ONE, TWO, ONE, TWO]);
    for (by, at, left) in [(-2, 1, 3), (-1, 0, 1), (2, 2, 0), (-1, 1, 2), (2, 3, 1)] {
        let shown = tab.go(by).expect("an entry");
        assert!(shown.left.contains(&documents[left]), "{by}");
        assert_eq!(scene.committed(), Some(documents[at]), "{by}");
    }
    // One and the same URL on both sides: forward, or a new entry in the place of the next?
    let scene = Scene::another();
    let (mut tab, documents) = opened(&scene, &[ONE]);
    let next = scene.document(TEST_WEBVIEW_ID, ONE, false);
    tab.commit(next, ONE, Handling::Push);
    tab.go(-1);
    let shown = tab.push_state(ONE);
    assert_eq!(
        shown.left,
        [documents[0]],
        "it is taken for the way forward"
    );
    assert!(shown.navigated);
}

#[test]
fn a_document_without_a_response_leaves_the_others() {
    let scene = Scene::new(7115);
    let (mut tab, documents) = opened(&scene, &[ONE]);
    let frame = tab.frame("https://frame.example/");
    let blank = PipelineId::new();
    let shown = tab.commit(blank, "about:blank", Handling::Push);
    assert_eq!(
        (shown.left, shown.navigated),
        (vec![documents[0], frame], true)
    );
    assert_eq!(scene.committed(), None);
    let shown = tab.go(-1).expect("an entry");
    assert_eq!((shown.left, shown.navigated), (vec![], true));
    assert_eq!(scene.committed(), Some(documents[0]));
    // One of the same origin, which a page or a service worker has made.
    let shown = tab.commit(PipelineId::new(), TWO, Handling::Push);
    assert_eq!(
        (shown.left, shown.navigated),
        (vec![documents[0], frame], true)
    );
}

#[test]
fn frames_are_left_with_the_document_that_they_are_in() {
    let scene = Scene::new(7116);
    let (mut tab, mut documents) = opened(&scene, &[ONE]);
    let early = tab.frame("https://frame.example/early");
    documents.push(tab.open(TWO));
    let second = tab.frame("https://frame.example/second");
    tab.go(-1);
    let late = tab.frame("https://frame.example/late");
    assert_eq!(
        tab.go(1).expect("an entry").left,
        [documents[0], early, late]
    );
    assert_eq!(tab.go(-1).expect("an entry").left, [documents[1], second]);
}

#[test]
fn a_document_that_is_to_come_is_not_left() {
    let scene = Scene::new(7117);
    let (mut tab, documents) = opened(&scene, &[ONE, TWO]);
    let coming = scene.document(TEST_WEBVIEW_ID, THREE, false);
    let its_frame = tab.frame("https://frame.example/");
    let shown = tab.go(-1).expect("an entry");
    assert_eq!(shown.left, [documents[1]], "nor is its frame");
    assert!(stays(&tab.push_state(THREE)), "it may take its URL");
    assert_eq!(scene.committed(), Some(documents[0]));
    let shown = tab.commit(coming, THREE, Handling::Push);
    assert_eq!(shown.left, [documents[0], documents[1]]);
    assert_eq!(scene.committed(), Some(coming));
    // Two that come in a row, of which the shell hears late.
    let first = scene.document(TEST_WEBVIEW_ID, ONE, false);
    let second = scene.document(TEST_WEBVIEW_ID, TWO, false);
    tab.commit(first, ONE, Handling::Replace);
    assert_eq!(scene.committed(), Some(first));
    let shown = tab.commit(second, TWO, Handling::Replace);
    assert!(shown.left.contains(&first) && shown.left.contains(&its_frame));
    assert_eq!(scene.committed(), Some(second));
}

#[test]
fn frames_to_come_are_of_the_document_that_the_tab_went_back_to() {
    let scene = Scene::new(7118);
    let mut tab = BrowsedTab::new(&scene, TEST_WEBVIEW_ID);
    let from = |tab: &mut BrowsedTab<'_>, text: &str, space| {
        let pipeline = PipelineId::new();
        let request = navigation(TEST_WEBVIEW_ID, pipeline, text, false);
        scene
            .contexts
            .note_document(&request, Some(space), scene.now);
        tab.commit(pipeline, text, Handling::Push);
    };
    let frame = navigation(
        TEST_WEBVIEW_ID,
        PipelineId::new(),
        "https://frame.example/",
        true,
    );
    let space = || scene.contexts.address_space(&frame, scene.now);
    from(&mut tab, "https://public.example/", AddressSpace::Public);
    from(&mut tab, "http://127.0.0.1/", AddressSpace::Loopback);
    assert_eq!(space(), AddressSpace::Loopback);
    tab.go(-1);
    assert_eq!(space(), AddressSpace::Public);
}

#[test]
fn an_entry_that_is_loaded_anew_is_not_shown_before_it_has_come() {
    let scene = Scene::new(7119);
    let (_, documents) = opened(&scene, &[ONE, TWO]);
    let told = |entries: [&str; 2], current| scene.tell(TEST_WEBVIEW_ID, &entries, current);
    // Servo has thrown the first one away: the tab is at its entry, and shows the second one.
    assert!(stays(&told([TWO, TWO], 0)));
    assert_eq!(scene.committed(), Some(documents[1]));
    let again = scene.document(TEST_WEBVIEW_ID, ONE, false);
    assert_eq!(told([ONE, TWO], 0).left, documents);
    assert_eq!(scene.committed(), Some(again));
    // The other entry is the second one's still.
    assert_eq!(told([ONE, TWO], 1).left, [documents[0], again]);
    assert_eq!(scene.committed(), Some(documents[1]));
}

#[test]
fn removed_frames_do_not_hide_the_way_back() {
    let scene = Scene::new(7120);
    let (mut tab, documents) = opened(&scene, &[ONE, TWO]);
    assert!(stays(&tab.frame_goes_on()));
    assert!(stays(&tab.frame_goes_on()));
    tab.remove_frames();
    assert!(
        stays(&tab.push_state(THREE)),
        "it adds one, and two are gone"
    );
    tab.frame_goes_on();
    tab.remove_frames();
    let shown = tab.go(-2).expect("an entry");
    assert_eq!((shown.left, shown.navigated), (vec![documents[1]], true));
}

#[test]
fn what_is_not_within_the_history_is_not_taken() {
    let scene = Scene::new(7121);
    let entries = [url(ONE).into_url()];
    let changed = &scene.contexts;
    let shown = |entries: &[url::Url], current| {
        changed
            .session_history_changed(TEST_WEBVIEW_ID, entries, current)
            .is_some()
    };
    assert!(!shown(&[], 0) && !shown(&entries, 1) && shown(&entries, 0));
}

/// What a page or a person does.
#[derive(Clone, Debug)]
enum Act {
    Open(&'static str),
    OpenInPlace(&'static str),
    OpenWithoutResponse(&'static str),
    PushState(&'static str),
    ReplaceState(&'static str),
    Fragment(&'static str),
    ReplaceFragment(&'static str),
    FrameGoesOn,
    RemoveFrames,
    Go(isize),
}

fn act() -> impl Strategy<Value = Act> {
    let any_url = || prop::sample::select(vec![ONE, TWO, THREE, OTHER]);
    let own_url = || prop::sample::select(vec![ONE, TWO, THREE]);
    let fragment = || prop::sample::select(vec!["a", "b"]);
    prop_oneof![
        3 => any_url().prop_map(Act::Open),
        1 => any_url().prop_map(Act::OpenInPlace),
        1 => prop::sample::select(vec!["about:blank", TWO]).prop_map(Act::OpenWithoutResponse),
        4 => own_url().prop_map(Act::PushState),
        1 => own_url().prop_map(Act::ReplaceState),
        1 => fragment().prop_map(Act::Fragment),
        1 => fragment().prop_map(Act::ReplaceFragment),
        1 => Just(Act::FrameGoesOn),
        1 => Just(Act::RemoveFrames),
        6 => prop::sample::select(vec![-3_isize, -2, -1, 1, 2, 3]).prop_map(Act::Go),
    ]
}

fn install_once() {
    thread_local! {
        static INSTALLED: () = PipelineNamespace::install(PipelineNamespaceId(7122));
    }
    INSTALLED.with(|()| ());
}

proptest! {
    /// The tab leaves what it has left, however the page hides it; and what it has not left it leaves only where it cannot be told.
    #[test]
    fn the_shown_document_is_known(acts in prop::collection::vec(act(), 1..40)) {
        install_once();
        let scene = Scene::another();
        let mut tab = BrowsedTab::new(&scene, TEST_WEBVIEW_ID);
        let mut known = vec![tab.open(ONE)];
        // Whether all that was done can be told exactly.
        let mut is_exact = true;
        for act in acts {
            let before = tab.current();
            let was_at = tab.url();
            let (_, forward) = tab.reach();
            let can_rewrite = was_at.host_str() == Some("page.example");
            let shown = match act {
                Act::Open(text) => {
                    let pipeline = scene.document(TEST_WEBVIEW_ID, text, false);
                    known.push(pipeline);
                    tab.commit(pipeline, text, Handling::Push)
                },
                // NB: the entries of what is replaced are from then on the replacing document's, with all URLs that it had, also of
                // another origin.
                Act::OpenInPlace(text) => {
                    if was_at.host_str() != url(text).host_str() {
                        continue;
                    }
                    is_exact &= known.contains(&before) && !tab.has_changed_its_url();
                    let pipeline = scene.document(TEST_WEBVIEW_ID, text, false);
                    known.push(pipeline);
                    tab.commit(pipeline, text, Handling::Replace)
                },
                // Of a replacement by one of the same origin nothing can be seen.
                Act::OpenWithoutResponse(text) => {
                    if equal_but_for_fragment(&was_at, &url(text)) {
                        continue;
                    }
                    // It may look like the way forward.
                    is_exact &= forward == 0;
                    tab.commit(PipelineId::new(), text, Handling::Push)
                },
                Act::PushState(text) if can_rewrite => tab.push_state(text),
                Act::ReplaceState(text) if can_rewrite => {
                    is_exact = false;
                    tab.replace_state(text)
                },
                Act::Fragment(text) => tab.fragment(text),
                Act::ReplaceFragment(text) => {
                    tab.replace_fragment(text);
                    continue;
                },
                Act::FrameGoesOn => tab.frame_goes_on(),
                Act::RemoveFrames => {
                    is_exact = false;
                    tab.remove_frames();
                    continue;
                },
                Act::Go(by) => match tab.go(by) {
                    Some(shown) => shown,
                    None => continue,
                },
                _ => continue,
            };
            let after = tab.current();
            if is_exact && before != after && known.contains(&before) {
                prop_assert!(shown.left.contains(&before), "{act:?}: it is left");
            }
            if tab.url().host_str() != was_at.host_str() {
                prop_assert!(!known.contains(&before) || shown.left.contains(&before));
                prop_assert!(shown.navigated);
            }
            // A new entry with the URL of the one before, in the place of entries that may have that URL, too.
            let cannot_be_told = before == after
                && !matches!(act, Act::Go(_))
                && forward > 0
                && equal_but_for_fragment(&was_at, &tab.url());
            if is_exact && before == after && !cannot_be_told {
                prop_assert!(shown.left.is_empty() && !shown.navigated, "{act:?}: it is there still");
            }
            if is_exact && !cannot_be_told {
                prop_assert_eq!(scene.committed(), known.contains(&after).then_some(after));
            }
            // What was taken for another document is not known from then on.
            is_exact &= !cannot_be_told;
        }
    }
}

fn equal_but_for_fragment(one: &ServoUrl, other: &ServoUrl) -> bool {
    one.as_url()[..url::Position::AfterQuery] == other.as_url()[..url::Position::AfterQuery]
}
