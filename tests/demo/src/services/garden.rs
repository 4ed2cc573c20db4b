//! Garden, the app that the user visits: the start page, the scenes, and nothing on the server's side.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::oauth::Credentials;
use crate::reply;
use crate::server::Service;
use crate::services::{path, timeline};
use crate::world::Origins;

/// The files of the app: path, media type, content.
const FILES: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("../../pages/start.html")),
    (
        "/scenes/timeline",
        HTML,
        include_str!("../../pages/timeline.html"),
    ),
    (
        "/scenes/photograph",
        HTML,
        include_str!("../../pages/photograph.html"),
    ),
    (
        "/scenes/answered",
        HTML,
        include_str!("../../pages/answered.html"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../../pages/style.css"),
    ),
    ("/scene.js", SCRIPT, include_str!("../../pages/scene.js")),
    ("/oauth.js", SCRIPT, include_str!("../../pages/oauth.js")),
    (
        "/timeline.js",
        SCRIPT,
        include_str!("../../pages/timeline.js"),
    ),
    (
        "/photograph.js",
        SCRIPT,
        include_str!("../../pages/photograph.js"),
    ),
    (
        "/answered.js",
        SCRIPT,
        include_str!("../../pages/answered.js"),
    ),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The app's server.
pub struct Garden {
    /// The module that tells the pages where the other services are.
    world: String,
}

impl Garden {
    /// The app, for services at these origins, with the user's keys to the timeline.
    pub fn new(origins: &Origins, credentials: &Credentials, bearer: &str) -> Self {
        let origins = json!({
            "photos": origins.photos.origin().ascii_serialization(),
            "timeline": origins.timeline.origin().ascii_serialization(),
            "vault": origins.vault.origin().ascii_serialization(),
            "printer": origins.printer.origin().ascii_serialization(),
            "commons": origins.commons.origin().ascii_serialization(),
            "partner": origins.partner.origin().ascii_serialization(),
        });
        let keys = json!({
            "consumerKey": credentials.consumer_key,
            "consumerSecret": credentials.consumer_secret,
            "token": credentials.token,
            "tokenSecret": credentials.token_secret,
            "bearer": bearer,
        });
        let paths = json!({ "signed": timeline::SIGNED, "bearer": timeline::BEARER });
        let world = format!(
            "// Where the other services are, and the keys to the timeline that the user gave this app.\n\
             export const origins = {origins};\nexport const keys = {keys};\nexport const paths = {paths};\n"
        );
        Self { world }
    }
}

impl Service for Garden {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return reply::method_not_allowed("GET, HEAD");
        }
        match path(request) {
            "/world.js" => reply::new(StatusCode::OK, SCRIPT, self.world.clone()),
            path => match FILES.iter().find(|(name, ..)| *name == path) {
                Some((_, content_type, content)) => {
                    reply::new(StatusCode::OK, content_type, *content)
                },
                None => reply::not_found(),
            },
        }
    }
}
