//! Servers that misbehave in every way we could think of, against the whole fetch stack.
//!
//! A [`Kind`] says what a server does and what a page then hears. Each is driven from the messages that Servo's script sends
//! to bytes on a socket, within a limit of time and of memory; nothing may panic; and afterwards an honest request to the
//! same server, over whatever connections are left, gets the honest answer. `docs/hostile-servers.md` is the list for people.
//!
//! `HOSTILE=words` in the environment runs only the kinds whose names have these words.

mod client;
mod http2;
mod kinds;
mod limits;
mod server;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use servo_url::ServoUrl;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::client::{Client, Heard, Memory, request};
use crate::kinds::{Kind, Outcome};
use crate::server::{HONEST, Over, Server};

/// How long a kind may take that ends by itself.
const LIMIT: Duration = Duration::from_secs(30);

/// How long it may take until a server sees that a fetch was given up.
const FREED_WITHIN: Duration = Duration::from_secs(1);

/// The client, which one test at a time has, so that its memory is that of one kind.
static CLIENT: LazyLock<Mutex<Client>> = LazyLock::new(|| {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        lock(&PANICS).push(info.to_string());
        hook(info);
    }));
    Mutex::new(Client::start())
});

/// What panicked, in whatever thread.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn heads_of_responses() {
    run(kinds::heads::KINDS);
}

#[test]
fn lengths_and_chunks() {
    run(kinds::framing::KINDS);
}

#[test]
fn content_codings() {
    run(kinds::codings::KINDS);
}

#[test]
fn redirects_and_addresses() {
    run(kinds::redirects::KINDS);
}

#[test]
fn what_is_remembered() {
    run(kinds::memory::KINDS);
}

#[test]
fn cors_and_ranges() {
    run(kinds::cors::KINDS);
}

#[test]
fn tls() {
    run(kinds::tls::KINDS);
}

#[test]
fn http_2() {
    run(kinds::http2::KINDS);
}

#[test]
fn web_sockets() {
    run(kinds::websocket::KINDS);
}

#[test]
fn there_are_sixty_kinds_and_all_are_in_the_document() {
    let all = || kinds::AREAS.iter().flat_map(|(_, kinds)| *kinds);
    let names: BTreeSet<_> = all().map(|kind| kind.name).collect();
    assert_eq!(names.len(), all().count(), "two kinds share a name");
    assert!(names.len() >= 60, "{}", names.len());

    let mut tables = String::new();
    for (heading, kinds) in kinds::AREAS {
        let _ = write!(
            tables,
            "\n## {heading}\n\n| what the server does | what a page hears |\n| --- | --- |\n"
        );
        for kind in kinds {
            let _ = writeln!(tables, "| {} | {} |", kind.name, kind.outcome.in_words());
        }
    }
    let document = include_str!("../../../../docs/hostile-servers.md");
    assert!(
        document.ends_with(&tables),
        "docs/hostile-servers.md should end with:\n{tables}"
    );
}

/// A lock, also after a test that failed while it held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse(url: &str) -> ServoUrl {
    ServoUrl::parse(url).expect("a URL")
}

/// Runs each of `kinds`, and reports all that went wrong.
fn run(kinds: &'static [Kind]) {
    let client = lock(&CLIENT);
    let runtime = Runtime::new().expect("a runtime");
    let chosen = std::env::var("HOSTILE").unwrap_or_default();
    let mut wrong = String::new();
    // A test before this one may have failed, which is a panic of its own.
    lock(&PANICS).clear();
    for kind in kinds.iter().filter(|kind| kind.name.contains(&chosen)) {
        let began = Instant::now();
        let (result, growth) = runtime.block_on(drive(&client, kind));
        let took = began.elapsed();
        println!(
            "{:>6} ms {:>4} MiB  {}",
            took.as_millis(),
            growth >> 20,
            kind.name
        );
        let mut problems: Vec<_> = result.err().into_iter().collect();
        if growth > kind.memory << 20 {
            problems.push(format!("took {} MiB of memory", growth >> 20));
        }
        problems.append(&mut lock(&PANICS));
        for problem in problems {
            let _ = writeln!(wrong, "{}: {problem}", kind.name);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Meets one kind of server, then the same server being honest. Returns what was wrong, and the memory that it took.
async fn drive(client: &Client, kind: &'static Kind) -> (Result<(), String>, u64) {
    let prepared = (kind.prepare)();
    let server = Server::start(kind.over, client.tls.clone(), move |conn| {
        (kind.serve)(conn, prepared)
    })
    .await;
    let memory = Memory::watch();
    let result = meet(client, kind, &server).await;
    let growth = memory.growth();
    server.signals.be_honest();
    let result = match result {
        Ok(()) => check_honest(client, kind, &server).await,
        error => error,
    };
    (result, growth)
}

fn url(kind: &Kind, server: &Server, path: &str) -> String {
    let scheme = match kind.over {
        Over::Tcp | Over::Reset => "http",
        Over::Tls | Over::Http2 | Over::RawTls => "https",
    };
    format!("{scheme}://localhost:{}{path}", server.address.port())
}

async fn meet(client: &Client, kind: &Kind, server: &Server) -> Result<(), String> {
    if let Outcome::Socket(expected) = kind.outcome {
        let url = url(kind, server, "/socket").replacen("http", "ws", 1);
        let heard = client.socket(&url).end(LIMIT).await;
        return match heard {
            Ok(heard) if heard == expected => Ok(()),
            other => Err(format!("the page heard {other:?}")),
        };
    }
    for round in 0..kind.rounds {
        let url = url(kind, server, &format!("/{round}"));
        let url = parse(&url);
        let mut fetch = client.fetch((kind.request)(request(&url, &url)));
        let heard = if let Outcome::GivenUp { .. } = kind.outcome {
            give_up(client, server, &mut fetch).await?
        } else {
            fetch
                .end(LIMIT)
                .await
                .ok_or_else(|| format!("no end in round {round}: {:?}", fetch.so_far()))?
        };
        if !kind.outcome.admits(&heard) {
            return Err(format!("in round {round} the page heard {heard:?}"));
        }
    }
    (kind.check)(client, &url(kind, server, "/"))
}

/// Waits until the server has done enough, gives the fetch up, and sees that the server is left alone at once.
async fn give_up(
    client: &Client,
    server: &Server,
    fetch: &mut client::Fetch,
) -> Result<Heard, String> {
    let enough = async {
        let signalled = server.signals.enough.notified();
        tokio::pin!(signalled);
        loop {
            tokio::select! {
                () = &mut signalled => return Ok(()),
                ended = fetch.end(Duration::from_millis(20)) => if let Some(heard) = ended {
                    return Err(format!("ended by itself: {heard:?}"));
                },
            }
        }
    };
    timeout(LIMIT, enough)
        .await
        .map_err(|_| "the server could not do enough".to_owned())??;
    client.cancel(fetch);
    let heard = fetch
        .end(LIMIT)
        .await
        .ok_or("no end after it was given up")?;
    if heard.complete {
        return Err("complete after it was given up".to_owned());
    }
    Ok(heard)
}

/// An honest request after a kind's misbehaviour.
async fn check_honest(client: &Client, kind: &Kind, server: &Server) -> Result<(), String> {
    if let Outcome::GivenUp { .. } = kind.outcome
        && kind.over != Over::Http2
    {
        let given_up = Instant::now();
        while server.signals.open() > 0 {
            if given_up.elapsed() > FREED_WITHIN {
                return Err("a connection stays open after the fetch was given up".to_owned());
            }
            sleep(Duration::from_millis(1)).await;
        }
    }
    let url = parse(&url(kind, server, "/honest"));
    let heard = client.fetch(request(&url, &url)).end(LIMIT).await;
    match heard {
        Some(heard) if heard.complete && heard.status == Some(200) && heard.text == HONEST => {
            Ok(())
        },
        other => Err(format!("an honest request afterwards got {other:?}")),
    }
}
