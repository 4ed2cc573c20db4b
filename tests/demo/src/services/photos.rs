//! Lumen, a photo host that never heard of CORS: a public album for everyone, a private one for who has signed in.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use url::Url;

use crate::ca::random_token;
use crate::photograph::{self, Palette};
use crate::reply;
use crate::server::Service;
use crate::services::{path, query_parameter};

/// The name of the session's cookie.
const SESSION: &str = "lumen_session";

/// The most sessions that are open at once; the oldest is closed first.
const MAX_SESSIONS: usize = 64;

/// A photograph of one of the albums.
struct Photograph {
    path: &'static str,
    title: &'static str,
    is_private: bool,
    jpeg: Bytes,
}

/// The photograph of the public album that the scenes read.
pub const PUBLIC_PHOTO: &str = "/public/valley.jpg";
/// The photograph of the private album that the scenes ask for.
pub const PRIVATE_PHOTO: &str = "/private/harbour.jpg";

/// What the albums hold: path, title, whether it is private, and its light.
const ALBUMS: [(&str, &str, bool, Palette); 4] = [
    (
        PUBLIC_PHOTO,
        "Morning in the valley",
        false,
        Palette {
            seed: 21,
            zenith: [68, 118, 176],
            horizon: [250, 206, 160],
            foreground: [22, 48, 58],
            light: [255, 226, 176],
            sun: (0.64, 0.30),
        },
    ),
    (
        "/public/coast.jpg",
        "The coast at noon",
        false,
        Palette {
            seed: 77,
            zenith: [36, 104, 190],
            horizon: [196, 226, 240],
            foreground: [24, 66, 60],
            light: [255, 255, 246],
            sun: (0.30, 0.20),
        },
    ),
    (
        "/public/dusk.jpg",
        "Dusk",
        false,
        Palette {
            seed: 140,
            zenith: [38, 30, 84],
            horizon: [244, 132, 112],
            foreground: [26, 18, 44],
            light: [255, 186, 140],
            sun: (0.46, 0.40),
        },
    ),
    (
        PRIVATE_PHOTO,
        "From our window, not for everyone",
        true,
        Palette {
            seed: 202,
            zenith: [12, 18, 44],
            horizon: [84, 104, 148],
            foreground: [8, 12, 24],
            light: [214, 222, 255],
            sun: (0.76, 0.22),
        },
    ),
];

/// The photo host.
pub struct Photos {
    album: Vec<Photograph>,
    /// Where a visitor may be sent on to after signing in: no other origin.
    continues_to: Url,
    sessions: Mutex<Vec<String>>,
}

impl Photos {
    /// Develops the photographs. After signing in, visitors can be sent on to pages of one origin.
    ///
    /// # Errors
    ///
    /// If a photograph cannot be encoded.
    pub fn new(continues_to: Url) -> anyhow::Result<Self> {
        let album = ALBUMS
            .iter()
            .map(|(path, title, is_private, palette)| {
                Ok(Photograph {
                    path,
                    title,
                    is_private: *is_private,
                    jpeg: photograph::develop(palette)?.jpeg,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            album,
            continues_to,
            sessions: Mutex::default(),
        })
    }

    /// The average colour of [`PUBLIC_PHOTO`], by channel: what a page finds that reads its pixels.
    ///
    /// # Errors
    ///
    /// If the photograph cannot be encoded.
    pub fn public_photo_average() -> anyhow::Result<[u8; 3]> {
        Ok(photograph::develop(&ALBUMS[0].3)?.average)
    }

    /// Whether the request carries the cookie of an open session.
    fn is_signed_in(&self, request: &Request<Bytes>) -> bool {
        let sessions = self.sessions.lock();
        let cookies = request
            .headers()
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|value| value.split(';'))
            .any(|pair| match pair.trim().split_once('=') {
                Some((SESSION, session)) => sessions.iter().any(|open| open == session),
                _ => false,
            })
    }

    fn photograph(&self, photograph: &Photograph, request: &Request<Bytes>) -> Response<Bytes> {
        if photograph.is_private && !self.is_signed_in(request) {
            return reply::text(
                StatusCode::UNAUTHORIZED,
                "This album is private. Sign in first.",
            );
        }
        let mut response = reply::new(StatusCode::OK, "image/jpeg", photograph.jpeg.clone());
        let caching = if photograph.is_private {
            "private, no-cache"
        } else {
            "public, max-age=600"
        };
        reply::set(&mut response, header::CACHE_CONTROL, caching);
        response
    }

    fn album_page(&self, is_private: bool) -> Response<Bytes> {
        let figures: String = self
            .album
            .iter()
            .filter(|photograph| photograph.is_private == is_private)
            .map(|Photograph { path, title, .. }| {
                let title = reply::escaped(title);
                format!("<figure><img src=\"{path}\" alt=\"{title}\"><figcaption>{title}</figcaption></figure>\n")
            })
            .collect();
        let title = if is_private {
            "Your private album"
        } else {
            "Public album"
        };
        page(title, &figures)
    }

    fn sign_in_page(request: &Request<Bytes>) -> Response<Bytes> {
        let next = query_parameter(request, "continue").unwrap_or_default();
        let form = format!(
            "<form method=\"post\" action=\"/login\" id=\"sign-in\">\n<input type=\"hidden\" name=\"continue\" value=\"{}\">\n\
             <p>Nobody checks a password here: the button gives you a session's cookie.</p>\n\
             <button>Sign in as Ada</button>\n</form>\n{}",
            reply::escaped(&next),
            // Scenes that play by themselves have nobody to press the button.
            if query_parameter(request, "auto").is_some() {
                "<script>document.getElementById(\"sign-in\").submit()</script>\n"
            } else {
                ""
            },
        );
        page("Sign in to Lumen", &form)
    }

    fn sign_in(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Ok(session) = random_token() else {
            return reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "No session could be opened.",
            );
        };
        let mut response = reply::text(StatusCode::SEE_OTHER, "Signed in.");
        // `SameSite=None`, as hosts set it whose pictures are embedded elsewhere: the browser sends it with every request
        // that may carry cookies at all.
        let cookie = format!("{SESSION}={session}; Path=/; Secure; HttpOnly; SameSite=None");
        let (Ok(cookie), Ok(location)) = (
            HeaderValue::try_from(cookie),
            HeaderValue::try_from(self.next_page(request)),
        ) else {
            return reply::text(
                StatusCode::BAD_REQUEST,
                "There is no such page to go on to.",
            );
        };
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        response.headers_mut().insert(header::LOCATION, location);
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(session);
        response
    }

    /// Where to go after signing in: a page of the one origin that may be named, else the private album.
    fn next_page(&self, request: &Request<Bytes>) -> String {
        let form = url::form_urlencoded::parse(request.body());
        let asked = form
            .filter(|(name, _)| name == "continue")
            .find_map(|(_, value)| Url::parse(&value).ok());
        match asked {
            Some(url) if url.origin() == self.continues_to.origin() => url.into(),
            _ => "/private".to_owned(),
        }
    }
}

impl Service for Photos {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        match path(request) {
            "/login" if request.method() == Method::POST => self.sign_in(request),
            _ if !is_read => reply::method_not_allowed("GET, HEAD"),
            "/" => self.album_page(false),
            "/login" => Self::sign_in_page(request),
            "/private" if self.is_signed_in(request) => self.album_page(true),
            "/private" => Self::sign_in_page(request),
            other => match self
                .album
                .iter()
                .find(|photograph| photograph.path == other)
            {
                Some(photograph) => self.photograph(photograph, request),
                None => reply::not_found(),
            },
        }
    }
}

fn page(title: &str, content: &str) -> Response<Bytes> {
    let page = include_str!("../../pages/photos.html")
        .replace("{{title}}", &reply::escaped(title))
        .replace("{{content}}", content);
    reply::html(StatusCode::OK, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Photos {
        Photos::new(Url::parse("https://app.garden.localhost:1/").expect("a URL"))
            .expect("a photo host")
    }

    fn get(path: &str, cookie: Option<&str>) -> Request<Bytes> {
        let mut request = Request::get(path);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request.body(Bytes::new()).expect("a request")
    }

    fn sign_in(host: &Photos, form: &'static str) -> (String, String) {
        let response = host.answer(
            &Request::post("/login")
                .body(Bytes::from(form))
                .expect("a request"),
        );
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let text = |name| response.headers()[name].to_str().expect("text").to_owned();
        let cookie = text(header::SET_COOKIE);
        assert!(cookie.contains("; Secure; HttpOnly; SameSite=None"));
        (
            cookie.split(';').next().expect("a pair").to_owned(),
            text(header::LOCATION),
        )
    }

    #[test]
    fn the_private_album_wants_an_open_session() {
        let host = host();
        let (cookie, _) = sign_in(&host, "");
        for (cookie, status) in [
            (None, 401),
            (Some("lumen_session=guessed"), 401),
            (Some("other=1"), 401),
            (Some(cookie.as_str()), 200),
            (Some(format!("a=b; {cookie}").as_str()), 200),
        ] {
            assert_eq!(host.answer(&get(PRIVATE_PHOTO, cookie)).status(), status);
        }
    }

    #[test]
    fn the_public_album_is_for_everyone_and_says_nothing_of_cors() {
        let response = host().answer(&get(PUBLIC_PHOTO, None));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "image/jpeg");
        assert!(
            response
                .headers()
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-"))
        );
    }

    #[test]
    fn signing_in_leads_to_no_foreign_origin() {
        let host = host();
        for (form, location) in [
            (
                "continue=https://app.garden.localhost:1/scenes/photograph?auto",
                "https://app.garden.localhost:1/scenes/photograph?auto",
            ),
            ("continue=https://app.garden.localhost:2/", "/private"),
            (
                "continue=https://app.garden.localhost:1.evil.test/",
                "/private",
            ),
            ("continue=//evil.test/", "/private"),
            ("", "/private"),
        ] {
            assert_eq!(sign_in(&host, form).1, location, "{form}");
        }
    }

    #[test]
    fn what_a_query_holds_is_text_in_the_page() {
        let page = host().answer(&get("/login?continue=%22%3E%3Cscript%3E", None));
        let page = String::from_utf8_lossy(page.body()).into_owned();
        assert!(page.contains("&quot;&gt;&lt;script&gt;") && !page.contains("\"><script>"));
    }
}
