//! The scenes, and for each answer of the user what the page gets and what the server sees: stated here, checked by
//! [`crate::check`].

use anyhow::Result;
use serde_json::{Value, json};
use url::Url;

use crate::record::SeenRequest;
use crate::server::Server;
use crate::services::photos::{PRIVATE_PHOTO, PUBLIC_PHOTO, Photos};
use crate::services::timeline::{BEARER, SIGNED};
use crate::world::World;

/// What the user answers to every question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Allow once.
    Allow,
    /// Not now.
    Decline,
}

impl Answer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Allow, Self::Decline];

    /// For file names and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Decline => "decline",
        }
    }

    /// The rules by which a headless browser answers so, for `--user-cors`.
    pub fn rules(self) -> Value {
        let answer = match self {
            Self::Allow => "once",
            Self::Decline => "not-now",
        };
        json!({ "rules": [{ "requester": "*", "target": "*", "answer": answer }] })
    }
}

/// One scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Reads an API that wants a custom header, with plain XHR.
    Timeline,
    /// Draws another origin's photo on a canvas and reads its pixels.
    Photograph,
    /// Asks servers for which the user is not asked.
    Answered,
}

/// What a scene's report must hold at one place.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// This value.
    Exactly(Value),
    /// A colour of three channels, each at most three away from this one's: decoders may round differently.
    ColourNear([u8; 3]),
}

impl Wanted {
    /// Whether a value is what is wanted.
    pub fn is_met_by(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Exactly(wanted) => value == Some(wanted),
            Self::ColourNear(wanted) => {
                let Some(channels) = value.and_then(Value::as_array) else {
                    return false;
                };
                let near = |(channel, wanted): (&Value, &u8)| {
                    channel
                        .as_u64()
                        .is_some_and(|channel| channel.abs_diff(u64::from(*wanted)) <= 3)
                };
                channels.len() == wanted.len() && channels.iter().zip(wanted).all(near)
            },
        }
    }
}

/// A request that a server must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRequest {
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: &'static str,
    /// The answer's status.
    pub status: u16,
    /// Its `Sec-Fetch-Mode`.
    pub mode: &'static str,
    /// Whether it carries a cookie.
    pub cookie: bool,
    /// The names of the headers that the page set.
    pub page_set: &'static [&'static str],
    /// Whether it is marked with `Sec-User-Enabled-CORS`.
    pub user_enabled: bool,
}

impl WantedRequest {
    const fn new(method: &'static str, path: &'static str, status: u16) -> Self {
        Self {
            method,
            path,
            status,
            mode: "cors",
            cookie: false,
            page_set: &[],
            user_enabled: false,
        }
    }

    /// Whether this is the request that was seen.
    pub fn is_met_by(&self, seen: &SeenRequest) -> bool {
        self.method == seen.method.as_str()
            && self.path == seen.path
            && self.status == seen.status.as_u16()
            && Some(self.mode) == seen.mode.as_deref()
            && self.cookie == seen.cookie
            && self.page_set == seen.page_set_headers()
            && self.user_enabled == seen.user_enabled
    }
}

/// What one server must see, in this order, and nothing else below the paths that count.
pub struct WantedTraffic {
    /// The server.
    pub server: fn(&World) -> &Server,
    /// The beginnings of the paths that count: pages and icons that are loaded besides do not.
    pub paths: &'static [&'static str],
    /// The requests.
    pub requests: Vec<WantedRequest>,
}

/// What is stated of a scene under one answer.
pub struct Statement {
    /// What it shows, in a sentence.
    pub summary: &'static str,
    /// Places in the page's report, as JSON pointers, and what is wanted there.
    pub page: Vec<(&'static str, Wanted)>,
    /// What the servers must see.
    pub traffic: Vec<WantedTraffic>,
}

impl Scene {
    /// All of them, in the order in which they are played.
    pub const ALL: [Self; 3] = [Self::Timeline, Self::Photograph, Self::Answered];

    /// For file names and tables; the report names it too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Photograph => "photograph",
            Self::Answered => "answered",
        }
    }

    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timeline => "read a token-protected API with a custom header from plain XHR",
            Self::Photograph => "paint another origin's photo on a canvas and read its pixels",
            Self::Answered => "servers for which the user is not asked",
        }
    }

    /// The URL that plays it without a person.
    pub fn automatic_url(self, world: &World) -> Url {
        let scene = world.garden.url(&format!("/scenes/{}?auto", self.name()));
        if self != Self::Photograph {
            return scene;
        }
        // First a visit to the photo host, which leaves its session's cookie: that no cookie is sent later then says
        // something.
        let mut sign_in = world.photos.url("/login?auto");
        sign_in
            .query_pairs_mut()
            .append_pair("continue", scene.as_str());
        sign_in
    }

    /// What is stated of it.
    ///
    /// # Errors
    ///
    /// If the photograph that it reads cannot be made.
    pub fn statement(self, answer: Answer) -> Result<Statement> {
        match self {
            Self::Timeline => Ok(timeline(answer)),
            Self::Photograph => photograph(answer),
            Self::Answered => Ok(answered()),
        }
    }
}

fn exactly(value: impl Into<Value>) -> Wanted {
    Wanted::Exactly(value.into())
}

fn timeline(answer: Answer) -> Statement {
    let preflight = |path| WantedRequest::new("OPTIONS", path, 405);
    let anonymous = |path| WantedRequest {
        page_set: &["authorization"],
        user_enabled: true,
        ..WantedRequest::new("GET", path, 200)
    };
    let (summary, page, requests) = match answer {
        Answer::Allow => (
            "the page reads the timeline; its own Authorization header is sent, and no cookie",
            vec![
                ("/signed/outcome", exactly("read")),
                ("/signed/status", exactly(200)),
                ("/signed/posts", exactly(5)),
                ("/signed/rateLimit", exactly("14")),
                ("/bearer/outcome", exactly("read")),
                ("/bearer/status", exactly(200)),
                ("/bearer/posts", exactly(5)),
            ],
            vec![
                preflight(SIGNED),
                anonymous(SIGNED),
                preflight(BEARER),
                anonymous(BEARER),
            ],
        ),
        Answer::Decline => (
            "the page sees the usual network error; nothing but the preflights is sent",
            vec![
                ("/signed/outcome", exactly("refused")),
                ("/signed/status", exactly(0)),
                ("/bearer/outcome", exactly("refused")),
                ("/bearer/status", exactly(0)),
            ],
            vec![preflight(SIGNED), preflight(BEARER)],
        ),
    };
    let traffic = vec![WantedTraffic {
        server: |world| &world.timeline,
        paths: &["/1.1/", "/2/"],
        requests,
    }];
    Statement {
        summary,
        page,
        traffic,
    }
}

fn photograph(answer: Answer) -> Result<Statement> {
    let embedded = |path| WantedRequest {
        mode: "no-cors",
        cookie: true,
        ..WantedRequest::new("GET", path, 200)
    };
    // The exchange that the user is asked about was held; it is released or dropped, and nothing is sent again.
    let requests = vec![
        embedded(PUBLIC_PHOTO),
        embedded(PRIVATE_PHOTO),
        WantedRequest::new("GET", PUBLIC_PHOTO, 200),
        WantedRequest::new("GET", PRIVATE_PHOTO, 401),
    ];
    let mut page = vec![
        ("/embedded/shown", exactly(true)),
        ("/embedded/readableWithoutCors", exactly(false)),
        ("/embedded/signedIn", exactly(true)),
    ];
    let summary = match answer {
        Answer::Allow => {
            page.extend([
                ("/public/outcome", exactly("read")),
                ("/public/width", exactly(crate::photograph::WIDTH)),
                ("/public/height", exactly(crate::photograph::HEIGHT)),
                (
                    "/public/average",
                    Wanted::ColourNear(Photos::public_photo_average()?),
                ),
                ("/private/outcome", exactly("read")),
                ("/private/status", exactly(401)),
                ("/private/type", exactly("cors")),
            ]);
            "the page reads the public photo's pixels, and of the private one what anyone gets; the cookie that embedded \
             images carry stays out"
        },
        Answer::Decline => {
            page.extend([
                ("/public/outcome", exactly("refused")),
                ("/private/outcome", exactly("refused")),
                ("/private/error", exactly("TypeError")),
            ]);
            "the page sees the usual failures; the same requests without cookies are sent, as without the feature"
        },
    };
    let traffic = vec![WantedTraffic {
        server: |world| &world.photos,
        paths: &["/public/", "/private/"],
        requests,
    }];
    Ok(Statement {
        summary,
        page,
        traffic,
    })
}

/// The same whatever the user would answer: that rules which allow everything change nothing shows that there is no
/// question.
fn answered() -> Statement {
    let once = |server: fn(&World) -> &Server| WantedTraffic {
        server,
        paths: &["/"],
        requests: vec![WantedRequest::new("GET", "/", 200)],
    };
    Statement {
        summary: "opted out, local, and another origin named: the usual failure, whatever the answers would be; proper CORS: \
                  read",
        page: vec![
            ("/vault/outcome", exactly("refused")),
            ("/printer/outcome", exactly("refused")),
            ("/partner/outcome", exactly("refused")),
            ("/commons/outcome", exactly("read")),
            ("/commons/status", exactly(200)),
        ],
        traffic: vec![
            once(|world| &world.vault),
            once(|world| &world.printer),
            once(|world| &world.partner),
            once(|world| &world.commons),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, StatusCode};

    #[test]
    fn colours_may_be_off_by_three() {
        let wanted = Wanted::ColourNear([100, 0, 255]);
        for (value, met) in [
            (json!([100, 0, 255]), true),
            (json!([103, 3, 252]), true),
            (json!([104, 0, 255]), false),
            (json!([100, 0]), false),
            (json!([100, 0, 255, 255]), false),
            (json!("100"), false),
        ] {
            assert_eq!(wanted.is_met_by(Some(&value)), met, "{value}");
        }
        assert!(!wanted.is_met_by(None));
    }

    #[test]
    fn a_request_is_met_in_every_respect_or_not_at_all() {
        let wanted = WantedRequest {
            page_set: &["authorization"],
            user_enabled: true,
            ..WantedRequest::new("GET", "/a", 200)
        };
        let headers = [
            ("sec-fetch-mode", "cors"),
            ("authorization", "x"),
            ("sec-user-enabled-cors", "?1"),
        ];
        let seen = |method: &str, path: &str, headers: &[(&str, &str)], status| {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            SeenRequest::new(
                &request.body(()).expect("a request"),
                StatusCode::from_u16(status).expect("a status"),
            )
        };
        assert!(wanted.is_met_by(&seen("GET", "/a", &headers, 200)));
        assert!(!wanted.is_met_by(&seen("POST", "/a", &headers, 200)));
        assert!(!wanted.is_met_by(&seen("GET", "/b", &headers, 200)));
        assert!(!wanted.is_met_by(&seen("GET", "/a", &headers, 401)));
        for missing in 0..headers.len() {
            let mut fewer = headers.to_vec();
            fewer.remove(missing);
            assert!(
                !wanted.is_met_by(&seen("GET", "/a", &fewer, 200)),
                "without {}",
                headers[missing].0
            );
        }
        for more in [("cookie", "a=b"), ("x-custom", "1")] {
            let more = [&headers[..], &[more]].concat();
            assert!(!wanted.is_met_by(&seen("GET", "/a", &more, 200)));
        }
    }

    #[test]
    fn declining_sends_nothing_that_was_not_sent_without_the_feature() {
        for scene in Scene::ALL {
            let statement = scene.statement(Answer::Decline).expect("a statement");
            let requests = statement
                .traffic
                .iter()
                .flat_map(|traffic| &traffic.requests);
            assert!(
                requests.into_iter().all(|request| !request.user_enabled),
                "{}",
                scene.name()
            );
        }
    }
}
