//! Step 11 of user-enabled CORS from the messages of a page to the wire: where a redirect leads that a list, a policy or a person
//! has spoken against, its name is not even looked up.
//!
//! A process has one embedding, so there is one test. Names below `.test` are known to a name server of the test's own, which
//! keeps what it was asked; one server answers for all of them.

mod world;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::header::{HOST, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, RCODE, ResourceRecord, TYPE};
use user_cors::{
    Blocklist, BlocklistOwner, BlocklistSource, Clock, CompiledBlocklist, InstalledBlocklist,
    OriginPattern, PermissionStore, Policy, PolicyStatus, SystemClock, Timestamp, UserCors,
};

use self::world::{Server, World, rules};

/// The server that is asked, and leads on.
const FIRST: &str = "first.test";

/// Where it leads.
const NEXT: &str = "next.test";

/// What has been asked for, by name.
type Asked = Arc<Mutex<Vec<String>>>;

fn times(asked: &Asked, name: &str) -> usize {
    let asked = asked.lock();
    asked.iter().filter(|known| *known == name).count()
}

/// Starts the name server. It ends with the process.
fn name_server(asked: Asked) -> std::net::SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let question = bytes.get(..length).unwrap_or_default();
            if let Some(answer) = answer(question, &asked) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    address
}

fn answer(question: &[u8], asked: &Asked) -> Option<Vec<u8>> {
    let question = Packet::parse(question).ok()?;
    let mut reply = Packet::new_reply(question.id());
    let question = question.questions.first()?;
    let name = question.qname.to_string();
    reply.questions.push(question.clone());
    if !name.ends_with(".test") {
        *reply.rcode_mut() = RCODE::NameError;
    } else if question.qtype == TYPE::A.into() {
        asked.lock().push(name);
        reply.answers.push(ResourceRecord::new(
            question.qname.clone(),
            CLASS::IN,
            0,
            RData::A(A::from(Ipv4Addr::LOCALHOST)),
        ));
    }
    reply.build_bytes_vec().ok()
}

/// All servers in one, silent about CORS. Preflights are refused, `/hop` leads to [`NEXT`].
fn respond(request: &Request<Incoming>, sent: &Asked) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    sent.lock().push(name.to_owned());
    let mut response = Response::new(Full::default());
    if request.method() == Method::OPTIONS {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    } else if request.uri().path() == "/hop" {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        let location = HeaderValue::from_str(&format!("https://{NEXT}:{port}/end"));
        let headers = response.headers_mut();
        headers.insert(LOCATION, location.expect("a URL"));
    }
    response
}

/// Whether the page reads what it asks for.
fn reads(world: &World, method: &Method, host: &str, path: &str) -> bool {
    let request = world.fetch(world.server.url(host, path));
    world.run(request.method(method.clone())).result.is_ok()
}

/// Speaks against [`NEXT`], so that nothing is known of it but its name.
fn against(user_cors: &UserCors, world: &World, way: &str, now: Timestamp) {
    match way {
        "the user's blocklist" => {
            let _ = user_cors.set_blocklist(Blocklist::new([NEXT.parse().expect("a host")]), now);
        },
        "a list file" => {
            let list = CompiledBlocklist::from_reader(NEXT.as_bytes()).expect("a list");
            let installed = InstalledBlocklist {
                source: BlocklistSource {
                    path: "/lists/list.txt".into(),
                    owner: BlocklistOwner::User,
                },
                list: Some(Arc::new(list)),
                problem: None,
            };
            let _ = user_cors.install_blocklists(vec![installed], now);
        },
        "a policy" => {
            let target = format!("https://{NEXT}:{}", world.server.port);
            let policy = Policy {
                blocked_targets: vec![OriginPattern::parse(&target).expect("a pattern")],
                ..Policy::default()
            };
            let _ = user_cors.set_policy(PolicyStatus::InForce(policy), now);
        },
        "a denial" => {
            user_cors.set_answers(rules("never"));
            assert!(!reads(world, &Method::GET, NEXT, "/end"));
            user_cors.set_answers(rules("once"));
        },
        _ => unreachable!("{way}"),
    }
}

#[test]
fn a_target_that_may_not_be_asked_about_is_not_looked_up() {
    let (asked, sent) = (Asked::default(), Asked::default());
    let user_cors = Arc::new(UserCors::new(
        PermissionStore::in_memory().expect("a store"),
    ));
    let now = SystemClock.now();
    let server = Server::start(&[FIRST, NEXT], {
        let sent = sent.clone();
        move |request| std::future::ready(respond(&request, &sent))
    });
    let name_server = name_server(asked.clone());
    let world = World::open(server, user_cors.clone(), rules("once"), Some(name_server));

    // One that is followed before anybody is asked, and one whose targets are asked about before anything is sent there.
    let methods = [Method::GET, Method::PUT];
    let follows = |expected: bool, why: &str| {
        for method in &methods {
            let (looked_up, reached) = (times(&asked, NEXT), times(&sent, NEXT));
            let reads = reads(&world, method, FIRST, "/hop");
            assert_eq!(reads, expected, "{method} with {why}");
            let looked_up = times(&asked, NEXT) - looked_up;
            let reached = times(&sent, NEXT) - reached;
            assert_eq!(
                looked_up,
                usize::from(expected),
                "{method} with {why}: looked up"
            );
            assert_eq!(reached, usize::from(expected), "{method} with {why}: sent");
        }
    };
    follows(true, "nothing against it");
    for way in [
        "the user's blocklist",
        "a list file",
        "a policy",
        "a denial",
    ] {
        against(&user_cors, &world, way, now);
        follows(false, way);
        let _ = user_cors.clear();
        let _ = user_cors.set_policy(PolicyStatus::None, now);
        let _ = user_cors.install_blocklists(Vec::new(), now);
        follows(true, &format!("what was not there before {way}"));
    }
}
