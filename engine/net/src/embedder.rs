//! Messages to the program that embeds Servo.
//!
//! Servo matches [`NetToEmbedderMsg`] exhaustively, so this is all that can be said on this way; what has no word here
//! goes through [`crate::embedding`].

use std::path::PathBuf;

use cookie::Cookie;
use embedder_traits::{
    AuthenticationResponse, EmbedderControlId, FilePickerRequest, WebResourceRequest,
    WebResourceResponseMsg,
};
use net_traits::CookieOperationId;
use servo_base::id::WebViewId;
use servo_url::ServoUrl;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// What the network threads ask of the embedding program, or tell it.
pub enum NetToEmbedderMsg {
    /// Let the person pick files; the answer is `None` if they pick none.
    SelectFiles(
        EmbedderControlId,
        FilePickerRequest,
        oneshot::Sender<Option<Vec<PathBuf>>>,
    ),
    /// A request is about to be made, for this tab if it has one. The program may answer it itself.
    WebResourceRequested(
        Option<WebViewId>,
        WebResourceRequest,
        UnboundedSender<WebResourceResponseMsg>,
    ),
    /// A server, or a proxy if the flag is set, asks this tab's navigation for a user name and a password.
    RequestAuthentication(
        WebViewId,
        ServoUrl,
        bool,
        oneshot::Sender<Option<AuthenticationResponse>>,
    ),
    /// An operation on the cookie store that the program began has found these cookies.
    EmbedderCookieOperationResponseWithCookies(CookieOperationId, Vec<Cookie<'static>>),
    /// An operation on the cookie store that the program began is done.
    EmbedderCookieOperationResponse(CookieOperationId),
}
