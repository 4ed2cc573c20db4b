//! The services of the demo, one to a file: each on an origin, and a site, of its own.

pub mod commons;
pub mod garden;
pub mod partner;
pub mod photos;
pub mod printer;
pub mod timeline;
pub mod vault;

/// The part of a request's URI that services look at: the path, without the query.
fn path<B>(request: &http::Request<B>) -> &str {
    request.uri().path()
}

/// The value of a parameter of the request's query.
fn query_parameter<B>(request: &http::Request<B>, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
