//! What a person sees and does in the window, with mouse and keyboard on a display of the test's own.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use latchkey_demo::reply;
use latchkey_e2e::{Answer, BrowserWindow, Pair, Point, RawServer, wait_for};

const LIMIT: Duration = Duration::from_secs(60);

/// How long the content of the bar has to be in view before a button answers.
const ARMING_TIME: Duration = Duration::from_millis(700);

/// A place in the page that nothing of the interface ever covers.
const IN_PAGE: Point = Point { x: 500, y: 700 };

/// Reads from the silent target at once, and tells what came of it and which keys the page got.
const ASK: &str = "
    const say = word => fetch('/told/' + word);
    addEventListener('keyup', event => say('key-' + event.key));
    await say('started');
    try {
        const response = await fetch(target + '/data');
        await say('read-' + response.type + '-' + (await response.text()).length);
    } catch (error) {
        await say(error.name);
    }";

/// What [`ASK`] tells when it was allowed to read.
const READ: &str = "read-cors-20";

fn silent(_: &Request<Bytes>) -> Response<Bytes> {
    reply::text(StatusCode::OK, "what anyone can read")
}

fn open(pair: &Pair) -> Result<BrowserWindow> {
    BrowserWindow::open(pair.page.origin().as_str(), &pair.options_without_rules())
}

/// What the page told of its request: nothing, as long as the question is open.
fn outcomes(pair: &Pair) -> Vec<String> {
    let mut told = pair.told();
    told.retain(|word| word != "started" && !word.starts_with("key-"));
    told
}

/// Presses a letter and waits until the page has got it: what the person did before has then had its effect.
fn letter_arrives(window: &BrowserWindow, pair: &Pair, letter: &str) -> Result<()> {
    window.key(letter)?;
    pair.wait_for_told(&format!("key-{letter}"), LIMIT)
}

#[test]
fn a_question_waits_in_a_chip_until_the_person_acts() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    ensure!(window.picture()?.bar().is_none());
    assert_eq!(outcomes(&pair), [""; 0]);
    window.click(IN_PAGE)?;
    let bar = window.wait_for_bar()?;
    // A temporary profile keeps nothing: once, this visit, not now, never.
    assert_eq!(bar.buttons.len(), 4, "{bar:?}");
    assert_eq!(outcomes(&pair), [""; 0]);
    window.quit()
}

#[test]
fn the_chip_opens_the_bar() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    let chip = window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(chip.center())?;
    window.wait_for_bar()?;
    window.wait_to_see("no chip", |picture| picture.chip().is_none().then_some(()))?;
    window.quit()
}

#[test]
fn an_early_click_does_nothing_and_a_later_one_allows() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    // A machine that is too busy to click early is given another chance.
    for _ in 0..5 {
        let window = open(&pair)?;
        window.wait_to_see("the chip", |picture| picture.chip())?;
        let before = Instant::now();
        window.click(IN_PAGE)?;
        let early = window.wait_for_bar()?;
        window.click(early.allow_once().context("no button")?)?;
        if before.elapsed() >= ARMING_TIME {
            window.quit()?;
            pair.page.log().take();
            continue;
        }
        nothing_is_allowed_before_a_click_in_time(&window, &pair)?;
        window.wait_to_see("no bar", |picture| picture.bar().is_none().then_some(()))?;
        return window.quit();
    }
    anyhow::bail!("this machine never clicked within {ARMING_TIME:?}")
}

/// What was pressed so far allowed nothing, and a click on the button that answers does.
fn nothing_is_allowed_before_a_click_in_time(window: &BrowserWindow, pair: &Pair) -> Result<()> {
    letter_arrives(window, pair, "x")?;
    assert_eq!(outcomes(pair), [""; 0]);
    let bar = window.wait_for_armed_bar()?;
    assert_eq!(outcomes(pair), [""; 0]);
    window.click(bar.allow_once().context("no button")?)?;
    pair.wait_for_told(READ, LIMIT)
}

#[test]
fn a_press_that_began_early_allows_nothing_when_it_ends() -> Result<()> {
    // It begins before the buttons answer and ends after that; a button that is held for longer than 800 ms is not clicked.
    const HELD: Duration = Duration::from_millis(680);
    let pair = Pair::start(ASK, silent)?;
    // A machine that is too busy to press early is given another chance.
    for _ in 0..5 {
        let window = open(&pair)?;
        window.wait_to_see("the chip", |picture| picture.chip())?;
        let before = Instant::now();
        window.click(IN_PAGE)?;
        let early = window.wait_for_bar()?;
        let seen = Instant::now();
        window.press_for(early.allow_once().context("no button")?, HELD)?;
        let (began, ended) = (before.elapsed().saturating_sub(HELD), seen.elapsed());
        if began >= ARMING_TIME || ended < ARMING_TIME {
            window.quit()?;
            pair.page.log().take();
            continue;
        }
        nothing_is_allowed_before_a_click_in_time(&window, &pair)?;
        return window.quit();
    }
    anyhow::bail!("this machine never pressed within {ARMING_TIME:?}")
}

#[test]
fn not_now_is_the_usual_failure() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    let bar = window.wait_for_armed_bar()?;
    window.click(bar.not_now().context("no button")?)?;
    pair.wait_for_told("TypeError", LIMIT)?;
    window.wait_to_see("no bar", |picture| picture.bar().is_none().then_some(()))?;
    window.quit()
}

#[test]
fn enter_answers_nothing() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    window.wait_for_bar()?;
    window.key("Return")?;
    pair.wait_for_told("key-Enter", LIMIT)?;
    assert_eq!(outcomes(&pair), [""; 0]);
    window.wait_for_armed_bar()?;
    window.key("Return")?;
    window.key("space")?;
    letter_arrives(&window, &pair, "y")?;
    assert_eq!(outcomes(&pair), [""; 0]);
    let bar = window.wait_for_armed_bar()?;
    window.click(bar.allow_once().context("no button")?)?;
    pair.wait_for_told(READ, LIMIT)?;
    window.quit()
}

/// A server that sends the beginning of a body that any origin may read, and tells when the client left.
fn endless() -> Result<(RawServer, mpsc::Receiver<Instant>)> {
    let (sender, left) = mpsc::channel();
    let server = RawServer::start(move |_| {
        let sender = sender.clone();
        Answer::Write(Box::new(move |stream| {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 1000\r\n\r\nbegun",
            )?;
            // A reset is a way of leaving, too.
            let _ = stream.read(&mut [0; 16]);
            // A test that is over listens no more.
            let _ = sender.send(Instant::now());
            Ok(())
        }))
    })?;
    Ok((server, left))
}

#[test]
fn closing_the_tab_ends_its_question_and_its_fetches() -> Result<()> {
    const SCRIPT: &str = "
        const say = word => fetch('/told/' + word);
        fetch(target + '/data').catch(() => {});
        const begun = await fetch('http://localhost:' + location.hash.slice(1) + '/endless');
        await begun.body.getReader().read();
        await say('begun');";
    let pair = Pair::start(SCRIPT, silent)?;
    let (server, left) = endless()?;
    let url = format!("{}#{}", pair.page.origin(), server.port());
    let mut window = BrowserWindow::open(&url, &pair.options_without_rules())?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    window.wait_for_bar()?;
    pair.wait_for_told("begun", LIMIT)?;
    ensure!(left.try_recv().is_err());
    let closed = Instant::now();
    window.key("ctrl+w")?;
    let left = left.recv_timeout(LIMIT).context("the fetch goes on")?;
    let took = left.duration_since(closed);
    println!("the connection ended {took:?} after the tab");
    ensure!(took < Duration::from_secs(1), "{took:?}");
    // It was the last tab.
    wait_for(LIMIT, || {
        if window.is_running() {
            Err("the browser runs on without a tab".to_owned())
        } else {
            Ok(())
        }
    })?;
    let ended = window.wait_for_end(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

#[test]
fn closing_the_window_with_an_open_question_is_clean() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    window.wait_for_bar()?;
    window.close()?;
    let ended = window.wait_for_end(LIMIT)?;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    ensure!(!outcomes(&pair).iter().any(|word| word == READ));
    Ok(())
}

#[test]
fn a_typed_address_is_opened_as_nobodys_but_the_persons() -> Result<()> {
    let server = RawServer::start(|path| match path {
        "/typed" => Answer::html("<!doctype html><script>fetch('/told/arrived')</script>"),
        _ => Answer::html("<!doctype html><script>fetch('/told/first')</script>"),
    })?;
    let window = BrowserWindow::open(&server.url("/"), &Default::default())?;
    server.wait_for_told("first", LIMIT)?;
    window.key("ctrl+l")?;
    window.type_text(&server.url("/typed"))?;
    window.key("Return")?;
    server.wait_for_told("arrived", LIMIT)?;
    let seen = server.seen();
    let typed = seen
        .iter()
        .find(|request| request.path == "/typed")
        .context("not asked for")?;
    assert_eq!(typed.header("sec-fetch-site"), Some("none"));
    assert_eq!(typed.header("sec-fetch-mode"), Some("navigate"));
    assert_eq!(typed.header("sec-fetch-dest"), Some("document"));
    assert_eq!(typed.header("referer"), None);
    window.quit()
}

#[test]
fn pages_scroll_and_take_text() -> Result<()> {
    let server = RawServer::start(|_| {
        Answer::html(
            "<!doctype html><body style='margin:0;height:9000px'>
             <input style='position:fixed;left:0;top:0;width:400px;height:60px'>
             <script>
                 const say = word => fetch('/told/' + word);
                 addEventListener('scroll', () => say('at-' + Math.round(scrollY) + '-'));
                 document.querySelector('input').oninput = event => say('text-' + event.target.value);
                 addEventListener('load', () => say('loaded'));
             </script>",
        )
    })?;
    let window = BrowserWindow::open(&server.url("/"), &Default::default())?;
    server.wait_for_told("loaded", LIMIT)?;
    let furthest = || -> u32 {
        let requests = server.requests();
        let places = requests
            .iter()
            .filter_map(|path| path.strip_prefix("/told/at-"));
        places
            .filter_map(|place| place.trim_end_matches('-').parse().ok())
            .max()
            .unwrap_or(0)
    };
    let scrolls_beyond = |place: u32| {
        wait_for(LIMIT, || match furthest() {
            reached if reached > place => Ok(reached),
            reached => Err(format!("scrolled to {reached}, not beyond {place}")),
        })
    };
    window.wheel_down(IN_PAGE, 3)?;
    scrolls_beyond(100)?;
    window.click(IN_PAGE)?;
    let wheel = furthest();
    window.key("Next")?;
    scrolls_beyond(wheel + 300)?;
    window.click(Point { x: 200, y: 82 + 30 })?;
    window.type_text("Schlussel42")?;
    server.wait_for_told("text-Schlussel42", LIMIT)?;
    // A click into the page takes the keyboard back from the address bar.
    window.key("ctrl+l")?;
    window.click(Point { x: 200, y: 82 + 30 })?;
    window.type_text("x")?;
    wait_for(LIMIT, || {
        let requests = server.requests();
        let longer = |path: &String| path.starts_with("/told/text-") && path.contains('x');
        if requests.iter().any(longer) {
            Ok(())
        } else {
            Err(format!("the caret stayed in the address bar: {requests:?}"))
        }
    })?;
    window.quit()
}

#[test]
fn two_device_pixels_for_each_css_pixel() -> Result<()> {
    const COLOR: [u8; 3] = [0xC0, 0x00, 0xC0];
    let page = || {
        Answer::html(
            "<!doctype html><body style='margin:0'>
             <div style='position:absolute;left:100px;top:50px;width:200px;height:80px;background:#c000c0'></div>
             <script>
                 const say = word => fetch('/told/' + word);
                 document.querySelector('div').onclick = event => say(`click-${event.clientX}-${event.clientY}`);
                 addEventListener('load', () => say(`ratio-${devicePixelRatio}-${innerWidth}`));
             </script>",
        )
    };
    for (ratio, scale) in [("1", 1), ("2", 2)] {
        let server = RawServer::start(move |_| page())?;
        let options = latchkey_e2e::BrowserOptions {
            arguments: vec![format!("--device-pixel-ratio={ratio}")],
            ..Default::default()
        };
        let window = BrowserWindow::open(&server.url("/"), &options)?;
        server.wait_for_told(&format!("ratio-{ratio}-1024"), LIMIT)?;
        let area = window.wait_to_see("the square", |picture| {
            picture.areas(COLOR).first().copied()
        })?;
        assert_eq!((area.width, area.height), (200 * scale, 80 * scale));
        assert_eq!((area.x, area.y), (100 * scale, (82 + 50) * scale));
        window.click(area.center())?;
        server.wait_for_told("click-200-90", LIMIT)?;
        window.quit()?;
    }
    Ok(())
}

#[test]
fn leaving_the_page_ends_its_question() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let server = RawServer::start(|_| {
        Answer::html("<!doctype html><script>fetch('/told/arrived')</script>")
    })?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    window.wait_for_bar()?;
    window.key("ctrl+l")?;
    window.type_text(&server.url("/elsewhere"))?;
    window.key("Return")?;
    server.wait_for_told("arrived", LIMIT)?;
    window.wait_to_see("no bar", |picture| {
        (picture.bar().is_none() && picture.chip().is_none()).then_some(())
    })?;
    ensure!(!outcomes(&pair).iter().any(|word| word == READ));
    window.quit()
}

#[test]
fn the_keyboard_reaches_the_bar() -> Result<()> {
    let pair = Pair::start(ASK, silent)?;
    let window = open(&pair)?;
    window.wait_to_see("the chip", |picture| picture.chip())?;
    window.click(IN_PAGE)?;
    let bar = window.wait_for_armed_bar()?;
    let allow_once = *bar.buttons.first().context("no button")?;
    let at_rest = window.picture()?.part(allow_once);
    window.key("F6")?;
    // From the address bar over what stands beside it.
    for _ in 0..8 {
        window.key("Tab")?;
        let seen = wait_for(Duration::from_millis(500), || {
            let picture = window.picture().map_err(|error| error.to_string())?;
            if picture.part(allow_once) == at_rest {
                Err("the button does not look focused".to_owned())
            } else {
                Ok(())
            }
        });
        if seen.is_ok() {
            window.key("space")?;
            pair.wait_for_told(READ, LIMIT)?;
            return window.quit();
        }
    }
    anyhow::bail!("Tab does not lead to a button that shows it")
}

#[test]
fn an_alert_waits_for_the_person() -> Result<()> {
    let server = RawServer::start(|_| {
        Answer::html(
            "<!doctype html><script>
                 onload = () => {
                     const before = new XMLHttpRequest();
                     before.open('GET', '/told/before', false);
                     before.send();
                     alert('Hello');
                     fetch('/told/after');
                 };
             </script>",
        )
    })?;
    let window = BrowserWindow::open(&server.url("/"), &Default::default())?;
    server.wait_for_told("before", LIMIT)?;
    window.wait_to_see("the dialog", |picture| picture.dialog())?;
    ensure!(server.wait_for_told("after", Duration::ZERO).is_err());
    window.key("Return")?;
    server.wait_for_told("after", LIMIT)?;
    window.quit()
}

#[test]
fn tabs_open_close_and_zoom() -> Result<()> {
    let server = RawServer::start(|path| {
        let name = path.trim_start_matches('/').to_owned();
        Answer::html(&format!(
            "<!doctype html><script>
                 const say = word => fetch('/told/{name}-' + word);
                 onload = () => say('loaded');
                 onresize = () => say('width-' + innerWidth);
                 onkeyup = event => say('key-' + event.key);
             </script>"
        ))
    })?;
    let window = BrowserWindow::open(&server.url("/one"), &Default::default())?;
    server.wait_for_told("one-loaded", LIMIT)?;
    window.key("ctrl+t")?;
    window.type_text(&server.url("/two"))?;
    window.key("Return")?;
    server.wait_for_told("two-loaded", LIMIT)?;
    window.click(IN_PAGE)?;
    window.key("b")?;
    server.wait_for_told("two-key-b", LIMIT)?;
    window.key("ctrl+plus")?;
    let width: u32 = server.wait_for_told("two-width-", LIMIT)?.parse()?;
    ensure!((800..1000).contains(&width), "{width}");
    window.key("ctrl+w")?;
    window.click(IN_PAGE)?;
    window.key("c")?;
    server.wait_for_told("one-key-c", LIMIT)?;
    ensure!(server.wait_for_told("two-key-c", Duration::ZERO).is_err());
    window.quit()
}

#[test]
fn a_page_of_the_browsers_own_is_shown_in_the_first_tab() -> Result<()> {
    let window = BrowserWindow::open("latchkey:permissions", &Default::default())?;
    window.wait_for_title("Permissions — Latchkey")?;
    // With another tab behind it the window would stay.
    window.key("ctrl+w")?;
    let ended = window.wait_for_end(LIMIT)?;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    Ok(())
}
