//! The Basic scheme.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

use super::credentials::Credentials;

/// The value of `Authorization` for these credentials, in UTF-8. It is marked as sensitive.
///
/// <https://www.rfc-editor.org/rfc/rfc7617#section-2>
pub fn basic_authorization(credentials: &Credentials) -> HeaderValue {
    let user_pass = format!("{}:{}", credentials.username, credentials.password);
    let value = format!("Basic {}", BASE64_STANDARD.encode(user_pass));
    // Base64 is ASCII, so the value is always valid.
    let mut value =
        HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        for (username, password, expected) in [
            // Examples of the standard, sections 2 and 2.1.
            (
                "Aladdin",
                "open sesame",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("test", "123£", "Basic dGVzdDoxMjPCow=="),
            ("", "", "Basic Og=="),
        ] {
            let value = basic_authorization(&Credentials {
                username: username.into(),
                password: password.into(),
            });
            assert_eq!(value, expected);
            assert!(value.is_sensitive());
        }
    }
}
