//! What the interface wants done. Drawing only queues these; the browser carries them out when the drawing is over.

use url::Url;
use user_cors::{Choice, GrantId, PermissionKey, QuestionId};

use super::dialog::{DialogAnswer, DialogId};
use super::notices::NoticeSubject;
use super::permissions::PermissionsCommand;
use super::tab::TabKey;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open what was typed, in the front tab.
    Open(String),
    /// Open a URL in a new tab.
    OpenInNewTab(Url),
    /// Open an empty tab.
    NewTab,
    /// Close a tab.
    CloseTab(TabKey),
    /// Open the tab again that was closed last.
    ReopenTab,
    /// Bring a tab to the front.
    SelectTab(TabKey),
    /// Bring the tab to the front that stands this far from the left, counted from 0.
    SelectTabAt(usize),
    /// Bring the last tab to the front.
    SelectLastTab,
    /// Bring the next tab to the front.
    NextTab,
    /// Bring the tab before to the front.
    PreviousTab,
    /// Go back in the history of the front tab.
    Back,
    /// Go forward in it.
    Forward,
    /// Load the front tab's page again.
    Reload,
    /// Stop loading it.
    Stop,
    /// Change its zoom.
    Zoom(Zoom),
    /// Make the front tab's page stop filling the screen.
    LeaveFullscreen,
    /// Answer a dialog of a tab.
    AnswerDialog(TabKey, DialogId, DialogAnswer),
    /// A question was drawn, whole, in this frame.
    QuestionVisible {
        /// Which one.
        question: QuestionId,
        /// Which state of its content.
        revision: u64,
        /// Whether the window had the keyboard's focus.
        focused: bool,
    },
    /// Go on from the warning about the local network to the choices.
    ConfirmQuestion {
        /// Which one.
        question: QuestionId,
        /// The state of its content that the person saw.
        revision: u64,
    },
    /// Answer a question.
    AnswerQuestion {
        /// Which one.
        question: QuestionId,
        /// The state of its content that the person saw.
        revision: u64,
        /// The answer.
        choice: Choice,
    },
    /// Show the question behind the quiet chip.
    OpenQuietQuestion,
    /// Show the permissions page.
    OpenPermissions,
    /// End a permission.
    RevokePermission(GrantId),
    /// Forget what was decided about a pair.
    ResetPermission(PermissionKey),
    /// End all permissions.
    RevokeAllPermissions,
    /// Change something else that the permissions page shows.
    Permissions(PermissionsCommand),
    /// Show what is known of the front tab's site.
    OpenSitePanel,
    /// Show it no more.
    CloseSitePanel,
    /// Accept the certificate over which a tab's document could not be loaded, and load it again.
    AcceptCertificate(TabKey),
    /// Take away the notice of the front tab.
    DismissNotice,
    /// Take away what the browser tells about itself in every tab.
    DismissStandingNotice(NoticeSubject),
    /// End the browser.
    Quit,
}

/// A change of zoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    /// One step larger.
    In,
    /// One step smaller.
    Out,
    /// 100 %.
    Reset,
}
