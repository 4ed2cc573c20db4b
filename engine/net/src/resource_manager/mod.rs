//! The resource manager: the thread that Servo's other threads send their network messages to.
//!
//! Pages wait for its answers synchronously (`document.cookie`, history state, blobs), so it never waits for anything
//! slow itself: whatever takes time becomes a task on the [runtime](crate::runtime). One thread serves two sets of stores,
//! the public and the private one, which share nothing.

mod fetch_groups;
mod fetches;
mod keepalive_questions;
mod memory;
mod messages;
mod page_target;
mod permission_changes;
mod stores;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Select, Sender};
use devtools_traits::DevtoolsControlMsg;
use embedder_traits::GenericEmbedderProxy;
use log::{debug, error};
use net_traits::blob_url_store::BlobTokenCommunicator;
use net_traits::filemanager_thread::FileTokenCheck;
use net_traits::{AsyncRuntime, CoreResourceMsg, CoreResourceThread, ResourceThreads};
use parking_lot::Mutex;
use profile_traits::mem::ProfilerChan as MemoryProfilerChan;
use profile_traits::time::ProfilerChan as TimeProfilerChan;
use servo_base::generic_channel::{self, GenericSender, RoutedReceiver};

pub(crate) use self::fetch_groups::Termination;
pub use self::fetch_groups::{FetchController, FetchGroups};
use self::messages::Manager;
pub(crate) use self::stores::connections_options;
use self::stores::{Stores, StoresOptions};
use crate::embedder::NetToEmbedderMsg;
use crate::embedding::Embedding;
use crate::protocols::ProtocolRegistry;
use crate::runtime::Runtime;

/// How long messages are still answered after the end, so that nobody is left waiting for an answer.
const LINGER_LIMIT: Duration = Duration::from_secs(5);

/// Starts the resource manager. Returns the way to its public and to its private side, and the runtime that its tasks run
/// on.
///
/// `certificate_path` names a PEM file of more roots to trust; `config_dir` is where cookies and HSTS hosts are kept, and
/// without one they are kept in memory only.
///
/// # Panics
/// If the operating system gives no threads or channels; nothing can be fetched then.
#[expect(clippy::too_many_arguments, reason = "the signature is Servo's")]
pub fn new_resource_threads(
    devtools: Option<Sender<DevtoolsControlMsg>>,
    _time_profiler: TimeProfilerChan,
    memory_profiler: MemoryProfilerChan,
    embedder: GenericEmbedderProxy<NetToEmbedderMsg>,
    config_dir: Option<PathBuf>,
    certificate_path: Option<String>,
    ignore_certificate_errors: bool,
    protocols: Arc<ProtocolRegistry>,
) -> (ResourceThreads, ResourceThreads, Box<dyn AsyncRuntime>) {
    let runtime = Runtime::start();
    let (public_sender, public) = channel();
    let (private_sender, private) = channel();
    let (report_sender, reports) = channel();
    let (public_communicator, public_tokens) = token_channel();
    let (private_communicator, private_tokens) = token_channel();
    let public_groups = FetchGroups::default();
    let private_groups = FetchGroups::default();
    if let Some(embedding) = Embedding::get() {
        embedding.attach([public_groups.clone(), private_groups.clone()]);
        embedding.forget_what_has_ended();
    }
    let options = StoresOptions {
        devtools,
        embedder,
        certificate_path: certificate_path.map(PathBuf::from),
        ignore_certificate_errors,
        protocols,
    };
    thread::Builder::new()
        .name("ResourceManager".to_owned())
        .spawn(move || {
            let manager = Manager::new(
                Stores::load(&options, config_dir, public_groups, public_communicator),
                Stores::load(&options, None, private_groups, private_communicator),
            );
            let channels = vec![
                Channel::new(public, Side::Public),
                Channel::new(private, Side::Private),
                Channel::new(public_tokens, Side::PublicTokens),
                Channel::new(private_tokens, Side::PrivateTokens),
                Channel::new(reports, Side::Reports),
            ];
            memory_profiler.run_with_memory_reporting(
                || serve(manager, channels),
                "network-cache-reporter".to_owned(),
                report_sender,
                CoreResourceMsg::CollectMemoryReport,
            );
        })
        .expect("the operating system starts a thread for the resource manager");
    (
        ResourceThreads::new(public_sender),
        ResourceThreads::new(private_sender),
        Box::new(runtime),
    )
}

fn channel() -> (CoreResourceThread, RoutedReceiver<CoreResourceMsg>) {
    let (sender, receiver) =
        generic_channel::channel().expect("the operating system makes a channel");
    (sender, receiver.route_preserving_errors())
}

/// The channel on which tokens of blobs come back and are renewed. Both happen while some message is written or taken
/// apart, where its own channel is not at hand.
fn token_channel() -> (
    Arc<Mutex<BlobTokenCommunicator>>,
    RoutedReceiver<CoreResourceMsg>,
) {
    let (sender, receiver): (GenericSender<CoreResourceMsg>, _) = channel();
    let communicator = BlobTokenCommunicator {
        revoke_sender: sender.clone(),
        refresh_token_sender: sender,
    };
    (Arc::new(Mutex::new(communicator)), receiver)
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Public,
    Private,
    PublicTokens,
    PrivateTokens,
    Reports,
}

struct Channel {
    receiver: RoutedReceiver<CoreResourceMsg>,
    side: Side,
}

impl Channel {
    fn new(receiver: RoutedReceiver<CoreResourceMsg>, side: Side) -> Self {
        Self { receiver, side }
    }

    /// Whether somebody may still wait for answers on it when the manager has been told to end.
    fn holds_the_end_up(&self) -> bool {
        matches!(self.side, Side::Public | Side::Private)
    }
}

/// Answers messages until it is told to end, and then for as long as anybody might still wait for an answer.
///
/// NB: the end is announced on the public side only.
fn serve(mut manager: Manager, mut channels: Vec<Channel>) {
    let mut deadline = None;
    while channels.iter().any(Channel::holds_the_end_up) {
        let Some((index, message)) = next(&channels, deadline) else {
            break;
        };
        let Some(message) = message else {
            channels.swap_remove(index);
            continue;
        };
        let Some(side) = channels.get(index).map(|channel| channel.side) else {
            continue;
        };
        match (side, message) {
            (_, Err(error)) => {
                error!("a message to the resource manager could not be read: {error}")
            },
            (Side::Public | Side::Private, Ok(CoreResourceMsg::Exit(reply))) => {
                manager.exit();
                deadline.get_or_insert_with(|| Instant::now() + LINGER_LIMIT);
                reply.send_or_ignore(());
            },
            (Side::Public, Ok(message)) => manager.handle(message, Which::Public),
            (Side::Private, Ok(message)) => manager.handle(message, Which::Private),
            (Side::PublicTokens, Ok(message)) => manager.handle_token(message, Which::Public),
            (Side::PrivateTokens, Ok(message)) => manager.handle_token(message, Which::Private),
            (Side::Reports, Ok(message)) => manager.handle_report(message),
        }
    }
    manager.exit();
    debug!("the resource manager ends");
}

/// One of the two sets of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Public,
    Private,
}

type Received = Option<Result<CoreResourceMsg, generic_channel::SendError>>;

/// The next message with the index of its channel; no message if that channel is closed. `None` after the deadline.
fn next(channels: &[Channel], deadline: Option<Instant>) -> Option<(usize, Received)> {
    let mut select = Select::new();
    for channel in channels {
        select.recv(&channel.receiver);
    }
    let operation = match deadline {
        Some(deadline) => select.select_deadline(deadline).ok()?,
        None => select.select(),
    };
    let index = operation.index();
    let channel = channels.get(index)?;
    Some((index, operation.recv(&channel.receiver).ok()))
}

impl Manager {
    /// A token of a blob comes back, or is renewed for a copy of its URL.
    fn handle_token(&self, message: CoreResourceMsg, which: Which) {
        let files = &self.stores(which).state.files;
        match message {
            CoreResourceMsg::RevokeTokenForFile(request) => {
                files.invalidate_token(&FileTokenCheck::Required(request.token), &request.blob_id);
            },
            CoreResourceMsg::RefreshTokenForFile(request) => {
                // Dropping the reply's channel would panic the thread that waits; a token that opens nothing does not.
                let token = match files.get_token_for_file(&request.blob_id, true) {
                    FileTokenCheck::Required(token) => token,
                    FileTokenCheck::NotRequired | FileTokenCheck::ShouldFail => {
                        uuid::Uuid::new_v4()
                    },
                };
                request.new_token_sender.send_or_ignore(token);
            },
            _ => error!("the channel for tokens of blobs got another message"),
        }
    }
}

#[cfg(test)]
mod tests;
