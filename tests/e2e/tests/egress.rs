//! The egress end to end: by which way an anonymous request leaves, and what a server and a page see of it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{HOST as HOST_FIELD, LOCATION};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use latchkey_demo::reply;
use latchkey_demo::server::Peer;
use latchkey_e2e::{Browser, NameServer, Names, Pair, Proxy, ProxyProtocol};

const LIMIT: Duration = Duration::from_secs(60);
const HOST: &str = "data.silent.test";
const PROTOCOLS: [ProxyProtocol; 2] = [ProxyProtocol::HttpConnect, ProxyProtocol::Socks5];

const READ: &str = "
    const response = await fetch(target + '/data');
    tell(response.type + ' ' + response.status + ' ' + await response.text());";

const WRITE: &str = "
    const response = await fetch(target + '/data', { method: 'PUT', body: 'x' });
    tell(response.type + ' ' + await response.text());";

/// Tells from where it is asked.
fn whoami(request: &Request<Bytes>) -> Response<Bytes> {
    match request.method() {
        &Method::OPTIONS => reply::method_not_allowed("GET"),
        _ => match request.extensions().get::<Peer>() {
            Some(Peer(address)) => reply::text(StatusCode::OK, address.to_string()),
            None => reply::text(StatusCode::INTERNAL_SERVER_ERROR, "nobody"),
        },
    }
}

fn same(_: &Request<Bytes>) -> Response<Bytes> {
    reply::text(StatusCode::OK, "what anyone can read")
}

/// What the page tells when each question is answered with this.
fn told(pair: &Pair, answer: &str, more: &[&str]) -> Result<String> {
    let mut options = pair.options(answer)?;
    options
        .arguments
        .extend(more.iter().map(|argument| (*argument).to_owned()));
    let mut browser = pair.open(&options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    end(browser)?;
    Ok(told)
}

fn end(browser: Browser) -> Result<()> {
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

fn egress(proxy: &Proxy) -> String {
    format!("user_cors.egress={}", proxy.url())
}

/// An address at which nothing listens.
fn nobody() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[test]
fn the_page_reads_what_a_stranger_sees() -> Result<()> {
    for protocol in PROTOCOLS {
        let mut pair = Pair::start_at(HOST, Names::Known, READ, whoami)?;
        let proxy = Proxy::start(protocol, pair.target.address())?;
        pair.declare_public(proxy.address());
        let told = told(&pair, "once", &["--pref", &egress(&proxy)])?;
        assert_eq!(told, format!("cors 200 {}", Proxy::SEEN_FROM));
        // The name is left to the proxy, and TLS goes through it.
        let asked = format!("{HOST}:{}", pair.target.address().port());
        assert_eq!(proxy.asked(), [asked], "{protocol:?}");
        let seen = pair.target.log().take();
        let marked: Vec<bool> = seen.iter().map(|request| request.user_enabled).collect();
        assert_eq!(marked, [false, true], "{seen:?}");
        ensure!(!seen[1].cookie, "{seen:?}");
    }
    Ok(())
}

#[test]
fn a_write_after_a_preflight_goes_through_it_and_one_that_was_sent_is_not_sent_again() -> Result<()>
{
    let mut pair = Pair::start_at(HOST, Names::Known, WRITE, whoami)?;
    let proxy = Proxy::start(ProxyProtocol::Socks5, pair.target.address())?;
    pair.declare_public(proxy.address());
    let preference = egress(&proxy);
    let told_by_put = told(&pair, "once", &["--pref", &preference])?;
    assert_eq!(told_by_put, format!("cors {}", Proxy::SEEN_FROM));
    let seen = pair.target.log().take();
    let methods: Vec<&str> = seen.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["OPTIONS", "PUT"]);

    let simple =
        "const response = await fetch(target, { method: 'POST', body: 'x' }); tell('read');";
    let mut pair = Pair::start_at(HOST, Names::Known, simple, whoami)?;
    let proxy = Proxy::start(ProxyProtocol::Socks5, pair.target.address())?;
    pair.declare_public(proxy.address());
    assert_eq!(
        told(&pair, "once", &["--pref", &egress(&proxy)])?,
        "TypeError"
    );
    assert_eq!(pair.target.log().take().len(), 1);
    assert_eq!(proxy.asked(), [""; 0]);
    Ok(())
}

#[test]
fn an_egress_that_is_no_way_out_is_a_failure() -> Result<()> {
    let mut pair = Pair::start_at(HOST, Names::Known, READ, whoami)?;
    let gone = nobody()?;
    pair.declare_public(gone);
    // One that is declared public and not there, one that nobody knows, and one that is there and not public.
    let private = Proxy::start(ProxyProtocol::HttpConnect, pair.target.address())?;
    for egress in [
        format!("user_cors.egress=http://{gone}"),
        format!("user_cors.egress=socks5://{gone}"),
        "user_cors.egress=socks5://no-such-name.invalid:1080".to_owned(),
        egress(&private),
    ] {
        assert_eq!(told(&pair, "visit", &["--pref", &egress])?, "TypeError");
        let seen = pair.target.log().take();
        assert_eq!(seen.len(), 1, "{egress}: {seen:?}");
        ensure!(!seen[0].user_enabled, "{egress}: {seen:?}");
    }
    assert_eq!(private.asked(), [""; 0]);
    Ok(())
}

#[test]
fn a_chain_of_redirects_leaves_through_it_at_each_hop() -> Result<()> {
    let mut pair = Pair::start_at(HOST, Names::Known, READ, |request| {
        if request.uri().path() == "/data" {
            let mut response = reply::text(StatusCode::FOUND, "");
            response.headers_mut().insert(
                http::header::LOCATION,
                http::HeaderValue::from_static("/end"),
            );
            return response;
        }
        whoami(request)
    })?;
    let proxy = Proxy::start(ProxyProtocol::HttpConnect, pair.target.address())?;
    pair.declare_public(proxy.address());
    let told = told(&pair, "once", &["--pref", &egress(&proxy)])?;
    assert_eq!(told, format!("cors 200 {}", Proxy::SEEN_FROM));
    let seen = pair.target.log().take();
    let paths: Vec<(&str, bool)> = seen
        .iter()
        .map(|request| (request.path.as_str(), request.user_enabled))
        .collect();
    assert_eq!(paths, [("/data", false), ("/data", true), ("/end", true)]);
    Ok(())
}

/// A response that leads to `/end` of another host at the same port.
fn redirect_to(host: &str, request: &Request<Bytes>) -> Response<Bytes> {
    let named = request.headers().get(HOST_FIELD);
    let authority = match named.and_then(|value| value.to_str().ok()) {
        Some(value) => value.parse().ok(),
        // HTTP/2 has it in the URL.
        None => request.uri().authority().cloned(),
    };
    let port = authority
        .and_then(|authority: Authority| authority.port_u16())
        .unwrap_or(443);
    let mut response = reply::text(StatusCode::FOUND, "");
    if let Ok(location) = format!("https://{host}:{port}/end").parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

#[test]
fn only_the_egress_looks_up_where_a_chain_leads() -> Result<()> {
    const NEXT: &str = "next.silent.test";
    for protocol in PROTOCOLS {
        let names = NameServer::start()?;
        for host in [HOST, NEXT] {
            names.set(host, Ipv4Addr::LOCALHOST);
        }
        let mut pair = Pair::start_with_aliases(HOST, &[NEXT], READ, |request| {
            if request.uri().path() == "/data" {
                return redirect_to(NEXT, request);
            }
            whoami(request)
        })?;
        let proxy = Proxy::start(protocol, pair.target.address())?;
        pair.declare_public(proxy.address());
        let name_server = names.address().to_string();
        let arguments = ["--pref", &egress(&proxy), "--name-server", &name_server];
        let told = told(&pair, "once", &arguments)?;
        assert_eq!(told, format!("cors 200 {}", Proxy::SEEN_FROM));
        // Once for the page's own request, which is no anonymous one.
        assert_eq!(names.times_asked(HOST), 1, "{protocol:?}");
        assert_eq!(names.times_asked(NEXT), 0, "{protocol:?}");
        let port = pair.target.address().port();
        assert_eq!(
            proxy.asked(),
            [format!("{HOST}:{port}"), format!("{NEXT}:{port}")]
        );
    }
    Ok(())
}

/// The proxy would lead any of these to the server.
#[test]
fn what_is_not_public_by_its_name_is_no_matter_of_the_egress() -> Result<()> {
    // The server's own addresses are declared public.
    for inside in [
        "127.0.0.9",
        "10.0.0.1",
        "[fd00::1]",
        "printer",
        "printer.local",
    ] {
        let mut pair = Pair::start_with_aliases(HOST, &["printer", "printer.local"], READ, {
            move |request| {
                if request.uri().path() == "/data" {
                    return redirect_to(inside, request);
                }
                whoami(request)
            }
        })?;
        let names = NameServer::start()?;
        names.set(HOST, Ipv4Addr::LOCALHOST);
        let proxy = Proxy::start(ProxyProtocol::HttpConnect, pair.target.address())?;
        pair.declare_public(proxy.address());
        let name_server = names.address().to_string();
        let arguments = ["--pref", &egress(&proxy), "--name-server", &name_server];
        assert_eq!(told(&pair, "once", &arguments)?, "TypeError", "{inside}");
        let port = pair.target.address().port();
        let first = format!("{HOST}:{port}");
        ensure!(
            proxy.asked().iter().all(|asked| *asked == first),
            "{inside}: {:?}",
            proxy.asked()
        );
        let seen = pair.target.log().take();
        ensure!(
            seen.iter().all(|request| request.path == "/data"),
            "{inside}: {seen:?}"
        );
    }
    Ok(())
}

/// What a proxy that is not the egress leads to, nobody can tell.
#[test]
fn behind_another_proxy_nobody_is_asked() -> Result<()> {
    let pair = Pair::start_at(HOST, Names::Known, READ, same)?;
    assert_eq!(
        told(&pair, "once", &[])?,
        "cors 200 what anyone can read",
        "without it"
    );
    pair.target.log().take();
    let proxy = Proxy::start(ProxyProtocol::HttpConnect, pair.target.address())?;
    let through = format!("network_https_proxy_uri={}", proxy.url());
    let arguments = [
        "--pref",
        &through,
        "--pref",
        "network_http_no_proxy=page.asker.localhost",
    ];
    assert_eq!(told(&pair, "once", &arguments)?, "TypeError");
    let port = pair.target.address().port();
    assert_eq!(proxy.asked(), [format!("{HOST}:{port}")]);
    let seen = pair.target.log().take();
    assert_eq!(seen.len(), 1, "{seen:?}");
    ensure!(!seen[0].user_enabled, "{seen:?}");
    Ok(())
}

#[test]
fn a_dual_check_hands_over_what_everybody_gets() -> Result<()> {
    for (answering, expected) in [
        (
            same as fn(&Request<Bytes>) -> Response<Bytes>,
            "cors 200 what anyone can read",
        ),
        (whoami, "TypeError"),
    ] {
        let mut pair = Pair::start_at(HOST, Names::Known, READ, answering)?;
        let proxy = Proxy::start(ProxyProtocol::Socks5, pair.target.address())?;
        pair.declare_public(proxy.address());
        let dual = ["--pref", &egress(&proxy), "--pref", "user_cors.dual_check"];
        assert_eq!(told(&pair, "once", &dual)?, expected);
        let seen = pair.target.log().take();
        let marked: Vec<bool> = seen.iter().map(|request| request.user_enabled).collect();
        assert_eq!(marked, [false, true, true], "{seen:?}");
        assert_eq!(proxy.asked().len(), 1);
    }
    // Without an egress there is nothing to compare with.
    let pair = Pair::start_at(HOST, Names::Known, READ, same)?;
    assert_eq!(
        told(&pair, "once", &["--pref", "user_cors.dual_check"])?,
        "TypeError"
    );
    assert_eq!(pair.target.log().take().len(), 1);
    Ok(())
}

#[test]
fn a_command_shows_whom_a_server_sees() -> Result<()> {
    let mut pair = Pair::start_at(HOST, Names::Known, READ, whoami)?;
    let proxy = Proxy::start(ProxyProtocol::Socks5, pair.target.address())?;
    let url = pair.target.url("/whoami").to_string();
    pair.declare_public(proxy.address());
    let show = |preference: &str| -> Result<(bool, String)> {
        let options = pair.options_without_rules();
        let output = std::process::Command::new(Browser::binary()?)
            .args([
                "--temporary-profile",
                "--pref",
                preference,
                "--show-egress",
                &url,
            ])
            .args(&options.arguments)
            .envs(options.environment)
            .output()
            .context("the browser does not start")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.success(), text))
    };
    let through = show(&egress(&proxy))?;
    let expected = format!(
        "egress: {}\nstatus: 200\n{}\n",
        proxy.url(),
        Proxy::SEEN_FROM
    );
    assert_eq!(through, (true, expected));
    let direct = show("user_cors.egress=direct")?;
    assert_eq!(
        direct,
        (true, "egress: direct\nstatus: 200\n127.0.0.1\n".to_owned())
    );
    let nowhere = show(&format!("user_cors.egress=socks5://{}", nobody()?))?;
    assert_eq!(nowhere, (false, String::new()));
    Ok(())
}

/// A name that leads to a public server when it is asked about, and to this machine when it is sent to.
#[test]
fn a_name_that_moves_to_this_machine_is_not_followed() -> Result<()> {
    const PUT: &str = "
        const request = fetch(target + '/data', { method: 'PUT', body: 'x' });
        request.then(() => tell('read'), error => tell(error.name));";
    const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
    const FORWARDED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
    let names = Arc::new(NameServer::start()?);
    let moving = Arc::clone(&names);
    let mut pair = Pair::start_at(HOST, Names::Asked, PUT, move |request| {
        match request.method() {
            // Between the preflight and what follows it the name moves.
            &Method::OPTIONS => {
                moving.set(HOST, INSIDE);
                reply::method_not_allowed("GET")
            },
            _ => reply::text(StatusCode::OK, "read"),
        }
    })?;
    let server = pair.target.address();
    let inside = TcpListener::bind((INSIDE, server.port()))?;
    inside.set_nonblocking(true)?;
    let name_server = names.address().to_string();

    // The request goes to the addresses that were classified, without another look-up.
    names.set(HOST, Ipv4Addr::LOCALHOST);
    assert_eq!(
        told(&pair, "visit", &["--name-server", &name_server])?,
        "read"
    );
    assert_eq!(names.times_asked(HOST), 1);
    assert!(inside.accept().is_err());

    // Where nothing answers there any more, the name is looked up, and not followed.
    let forwarder = SocketAddr::from((FORWARDED, server.port()));
    forward_once(TcpListener::bind(forwarder)?, server);
    pair.declare_public(forwarder);
    pair.target.log().take();
    names.set(HOST, FORWARDED);
    assert_eq!(
        told(&pair, "visit", &["--name-server", &name_server])?,
        "TypeError"
    );
    assert_eq!(names.times_asked(HOST), 3);
    assert!(inside.accept().is_err(), "this machine was connected to");
    let seen = pair.target.log().take();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].method, Method::OPTIONS);
    Ok(())
}

/// Forwards one connection, and is gone for the next.
fn forward_once(listener: TcpListener, server: SocketAddr) {
    thread::spawn(move || -> io::Result<()> {
        let (near, _) = listener.accept()?;
        drop(listener);
        let far = TcpStream::connect(server)?;
        let (mut from, mut to) = (near.try_clone()?, far.try_clone()?);
        thread::spawn(move || io::copy(&mut from, &mut to));
        io::copy(&mut &far, &mut &near)?;
        Ok(())
    });
}
