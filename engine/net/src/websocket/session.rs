//! An established WebSocket: messages in both directions, and the ways in which it ends
//! ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455), sections 5 to 7).

use std::future;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use log::debug;
use net_traits::MessageData;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

use super::script::{Action, Actions, Events, length};
use crate::resource_manager::FetchController;

/// How large a message may be that a server sends, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;
/// How much is read or gathered for writing at once, in bytes.
const BUFFER_SIZE: usize = 16 << 10;
/// How long a server may take to answer the page's closing frame.
const CLOSING_LIMIT: Duration = Duration::from_secs(10);
/// How long a server may take to close the connection after both closing frames.
const LINGER_LIMIT: Duration = Duration::from_secs(2);
/// How long a last frame to a server may take when the page has heard of the end already.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);

/// The limits of the framing.
pub(super) fn configuration() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE)
}

/// How a session ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Both sides have sent a closing frame; this is what the server's said.
    Closed { code: Option<u16>, reason: String },
    /// [The connection fails](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7). The server is told this code, if
    /// it can still be told anything.
    Failed(Option<CloseCode>),
}

/// Runs a session until either side, or `controller`, ends it. Tells the page of the end, once. Returns how many bytes of
/// messages came in.
pub(super) async fn run<S>(
    stream: WebSocketStream<S>,
    actions: &mut Actions,
    events: Events,
    controller: &FetchController,
) -> u64
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = stream.split();
    let mut received = 0;
    let end = tokio::select! {
        biased;
        // The page is gone or is being left: “going away”.
        () = controller.cancelled() => End::Failed(Some(CloseCode::Away)),
        end = read(&mut stream, &events, &mut received) => end,
        end = write(&mut sink, actions) => end,
    };
    match end {
        End::Closed { code, reason } => events.closed(code, reason),
        End::Failed(code) => {
            events.fail();
            if let Some(code) = code {
                let farewell = Message::Close(Some(CloseFrame {
                    code,
                    reason: Utf8Bytes::default(),
                }));
                // Nothing depends on its arrival.
                let _ = timeout(FAREWELL_LIMIT, sink.send(farewell)).await;
            }
        },
    }
    received
}

/// Hands the server's messages to the page until the end.
async fn read<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    events: &Events,
    received: &mut u64,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let data = match stream.next().await {
            Some(Ok(Message::Text(text))) => MessageData::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => MessageData::Binary(bytes.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(frame))) => {
                // Reading on sends the answer, if one is due, and waits for the server to close the connection.
                let _ = timeout(LINGER_LIMIT, stream.next()).await;
                return match frame {
                    Some(frame) if is_of_forbidden_code(&frame) => End::Failed(None),
                    Some(frame) => End::Closed {
                        code: Some(frame.code.into()),
                        reason: frame.reason.as_str().to_owned(),
                    },
                    None => End::Closed {
                        code: None,
                        reason: String::new(),
                    },
                };
            },
            Some(Err(error)) => {
                debug!("a WebSocket failed: {error}");
                return End::Failed(code_for(&error));
            },
            // The connection was closed without a closing frame.
            None => return End::Failed(None),
        };
        *received += length(&data) as u64;
        events.received(data);
    }
}

/// Whether a closing frame had a code that none may have, which [fails the
/// connection](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
///
/// AD-HOC: tungstenite answers such a frame, and hands on the answer in its place. A server that itself says this, word for
/// word, is taken for one that broke the rules, which is what it says.
fn is_of_forbidden_code(frame: &CloseFrame) -> bool {
    frame.code == CloseCode::Protocol && frame.reason.as_str() == "Protocol violation"
}

/// What a server is told about an error of its own.
fn code_for(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}

/// Sends what the page wants, one message after another, as fast as the server takes them. Ends only if the connection
/// has failed.
async fn write<S>(sink: &mut SplitSink<WebSocketStream<S>, Message>, actions: &mut Actions) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(action) = actions.next().await {
        let sent = match action {
            Action::Send(data) => {
                let length = length(&data);
                let message = match data {
                    MessageData::Text(text) => Message::Text(text.into()),
                    MessageData::Binary(bytes) => Message::Binary(bytes.into()),
                };
                let sent = sink.send(message).await;
                actions.release(length);
                sent
            },
            Action::Close { code, reason } => {
                let frame = code.map(|code| CloseFrame {
                    code: code.into(),
                    reason: reason.into(),
                });
                // The server's answer is read on the other side; here only the time is kept.
                let closing = async {
                    let _ = sink.send(Message::Close(frame)).await;
                    future::pending::<()>().await;
                };
                let _ = timeout(CLOSING_LIMIT, closing).await;
                return End::Failed(None);
            },
            Action::Full => return End::Failed(Some(CloseCode::Away)),
        };
        match sent {
            Ok(()) => {},
            // The server has begun to close; what it said is read on the other side.
            Err(
                Error::ConnectionClosed
                | Error::AlreadyClosed
                | Error::Protocol(ProtocolError::SendAfterClosing),
            ) => break,
            Err(error) => {
                debug!("a message to a WebSocket's server could not be sent: {error}");
                return End::Failed(None);
            },
        }
    }
    // Nothing more will be sent: the end comes from the server.
    future::pending().await
}

#[cfg(test)]
mod tests {
    use net_traits::{WebSocketDomAction, WebSocketNetworkEvent};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tungstenite::protocol::Role;

    use super::*;

    type Socket = WebSocketStream<TcpStream>;

    struct Page {
        put: Box<dyn FnMut(WebSocketDomAction) + Send>,
        heard: UnboundedReceiver<WebSocketNetworkEvent>,
        controller: FetchController,
    }

    impl Page {
        fn send(&mut self, data: MessageData) {
            (self.put)(WebSocketDomAction::SendMessage(data));
        }

        fn close(&mut self, code: Option<u16>, reason: &str) {
            (self.put)(WebSocketDomAction::Close(code, Some(reason.to_owned())));
        }

        async fn hears(&mut self) -> String {
            match self.heard.recv().await {
                Some(WebSocketNetworkEvent::MessageReceived(MessageData::Text(text))) => {
                    format!("text {text}")
                },
                Some(WebSocketNetworkEvent::MessageReceived(MessageData::Binary(bytes))) => {
                    format!("binary {bytes:?}")
                },
                Some(WebSocketNetworkEvent::Close(code, reason)) => {
                    format!("close {code:?} {reason}")
                },
                Some(WebSocketNetworkEvent::Fail) => "fail".to_owned(),
                Some(_) => "something else".to_owned(),
                None => "nothing".to_owned(),
            }
        }
    }

    /// A session over loopback: the page's side of it, and the server's.
    async fn session() -> (Page, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let client = WebSocketStream::from_raw_socket(
            client.expect("a connection"),
            Role::Client,
            Some(configuration()),
        )
        .await;
        let server =
            WebSocketStream::from_raw_socket(server.expect("a connection").0, Role::Server, None)
                .await;
        let (put, mut actions) = Actions::queue(1 << 20);
        let (sender, heard) = unbounded_channel();
        let events = Events::new(move |event| {
            let _ = sender.send(event);
        });
        let controller = FetchController::detached();
        let controlled = controller.clone();
        tokio::spawn(async move { run(client, &mut actions, events, &controlled).await });
        let page = Page {
            put: Box::new(put),
            heard,
            controller,
        };
        (page, server)
    }

    async fn echo(mut server: Socket) {
        while let Some(Ok(message)) = server.next().await {
            if (message.is_text() || message.is_binary()) && server.send(message).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn messages_are_echoed_and_the_page_closes() {
        let (mut page, server) = session().await;
        let server = tokio::spawn(echo(server));
        page.send(MessageData::Text("hällo".to_owned()));
        page.send(MessageData::Binary(vec![0, 1, 255]));
        page.send(MessageData::Text(String::new()));
        assert_eq!(page.hears().await, "text hällo");
        assert_eq!(page.hears().await, "binary [0, 1, 255]");
        assert_eq!(page.hears().await, "text ");
        page.close(Some(3001), "done");
        assert_eq!(page.hears().await, "close Some(3001) done");
        assert_eq!(page.hears().await, "nothing");
        server.await.expect("the server ends");
    }

    #[tokio::test]
    async fn both_sides_may_send_more_than_fits_in_between() {
        let (mut page, server) = session().await;
        tokio::spawn(echo(server));
        for _ in 0..16 {
            page.send(MessageData::Binary(vec![7; 60 << 10]));
        }
        for _ in 0..16 {
            assert!(page.hears().await.starts_with("binary [7, 7"));
        }
    }

    #[tokio::test]
    async fn the_server_closes() {
        for (frame, expected) in [
            (None, "close None "),
            (
                Some(CloseFrame {
                    code: CloseCode::Library(4000),
                    reason: "bye".into(),
                }),
                "close Some(4000) bye",
            ),
        ] {
            let (mut page, mut server) = session().await;
            server.close(frame).await.expect("the frame is sent");
            let answer = server.next().await;
            assert!(matches!(answer, Some(Ok(Message::Close(_)))), "{answer:?}");
            drop(server);
            assert_eq!(page.hears().await, expected);
            assert_eq!(page.hears().await, "nothing");
        }
    }

    #[tokio::test]
    async fn a_lost_connection_fails_once() {
        let (mut page, server) = session().await;
        drop(server);
        assert_eq!(page.hears().await, "fail");
        assert_eq!(page.hears().await, "nothing");
    }

    #[tokio::test]
    async fn a_server_that_breaks_the_protocol_is_told_so() {
        use tokio::io::AsyncWriteExt;

        let (mut page, mut server) = session().await;
        // A text frame with a reserved bit.
        let frame = [0b1100_0001, 1, b'a'];
        server.get_mut().write_all(&frame).await.expect("written");
        assert_eq!(page.hears().await, "fail");
        match server.next().await {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Protocol),
            other => panic!("{other:?} is no closing frame"),
        }
    }

    #[tokio::test]
    async fn cancelling_ends_it_at_once() {
        let (mut page, mut server) = session().await;
        page.controller.cancel();
        assert_eq!(page.hears().await, "fail");
        match server.next().await {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Away),
            other => panic!("{other:?} is no closing frame"),
        }
    }

    #[tokio::test]
    async fn a_full_queue_fails() {
        let (mut page, _server) = session().await;
        page.send(MessageData::Binary(vec![0; (1 << 20) + 1]));
        assert_eq!(page.hears().await, "fail");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_the_close_is_given_up_on() {
        let (client, _server) = tokio::io::duplex(1 << 16);
        let client =
            WebSocketStream::from_raw_socket(client, Role::Client, Some(configuration())).await;
        let (mut put, mut actions) = Actions::queue(1 << 20);
        let (sender, mut heard) = unbounded_channel();
        let events = Events::new(move |event| {
            let _ = sender.send(event);
        });
        put(WebSocketDomAction::Close(Some(1000), None));
        let begin = tokio::time::Instant::now();
        run(client, &mut actions, events, &FetchController::detached()).await;
        assert_eq!(begin.elapsed(), CLOSING_LIMIT);
        assert!(matches!(
            heard.recv().await,
            Some(WebSocketNetworkEvent::Fail)
        ));
        assert!(heard.recv().await.is_none());
    }
}
