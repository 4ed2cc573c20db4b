//! What a page asks the person through the browser: dialogs, pickers, menus and permissions of Servo's.
//!
//! A [`Dialog`] is a plain [`DialogView`] to draw and the responder that Servo waits for. Dropping it answers with the
//! safe default: an alert is closed, a question gets “no”, a picker keeps what it had.

use std::path::PathBuf;

use servo::{
    AuthenticationRequest, ColorPicker, ContextMenu, ContextMenuAction, ContextMenuItem,
    DeviceIntRect, EmbedderControl, EmbedderControlId, FilePicker, PermissionFeature,
    PermissionRequest, RgbColor, SelectElement, SelectElementOptionOrOptgroup, SimpleDialog,
};
use url::Url;
use user_cors::bounded_escaped;

/// How many characters of a page's text a dialog shows.
const MAX_MESSAGE: usize = 2000;

/// How many entries of a page's list or menu are shown.
const MAX_OPTIONS: usize = 5000;

/// Names a dialog as long as the browser runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DialogId(pub u64);

/// Something that a page asks.
pub struct Dialog {
    /// Its name.
    pub id: DialogId,
    /// What to draw.
    pub view: DialogView,
    control: Option<EmbedderControlId>,
    responder: Responder,
}

/// What to draw. Texts of the page are bounded, and escaped where they stand in a line.
#[derive(Clone, Debug)]
pub enum DialogView {
    /// `alert()`
    Alert {
        /// What the page says.
        message: String,
    },
    /// `confirm()`
    Confirm {
        /// What the page asks.
        message: String,
    },
    /// `prompt()`
    Prompt {
        /// What the page asks.
        message: String,
        /// The answer that it suggests.
        suggestion: String,
    },
    /// A server or proxy asks for a user name and password.
    Authentication {
        /// Who asks: the host, with the port if it is unusual.
        server: String,
        /// Whether it is the proxy that asks.
        for_proxy: bool,
        /// Whether the password would travel encrypted.
        is_secure: bool,
    },
    /// A `<select>` element was opened.
    Select {
        /// Its entries.
        entries: Vec<SelectEntry>,
        /// The identifiers of the chosen ones.
        selected: Vec<usize>,
        /// Whether more than one can be chosen.
        multiple: bool,
        /// Where the element is, in CSS pixels of the page.
        position: DeviceIntRect,
    },
    /// An `<input type=color>` was opened.
    Color {
        /// The color it has: red, green and blue.
        current: [u8; 3],
        /// Where the element is, in CSS pixels of the page.
        position: DeviceIntRect,
    },
    /// An `<input type=file>` was opened.
    File {
        /// Whether more than one can be chosen.
        multiple: bool,
        /// The extensions that it takes, without dots; empty for all.
        extensions: Vec<String>,
    },
    /// The menu of the secondary mouse button.
    ContextMenu {
        /// Its entries.
        entries: Vec<MenuEntry>,
        /// The target of the link that it was opened on.
        link: Option<Url>,
        /// Where the image comes from that it was opened on.
        image: Option<Url>,
        /// Where it was opened, in device pixels of the page.
        position: DeviceIntRect,
    },
    /// The page wants to use a feature that needs permission.
    Permission {
        /// What it wants, as the end of “wants to …”.
        wish: &'static str,
    },
}

/// An entry of a `<select>` element.
#[derive(Clone, Debug)]
pub enum SelectEntry {
    /// One to choose.
    Option {
        /// What identifies it in the answer.
        id: usize,
        /// Its text.
        label: String,
        /// Whether it can be chosen.
        enabled: bool,
        /// Whether it is in a group.
        in_group: bool,
    },
    /// The name of the group that follows.
    Group {
        /// Its text.
        label: String,
    },
}

/// An entry of a context menu.
#[derive(Clone, Debug)]
pub enum MenuEntry {
    /// Something to do.
    Action {
        /// What Servo is told.
        action: ContextMenuAction,
        /// Whether it can be done.
        enabled: bool,
    },
    /// A line.
    Separator,
}

/// What the person answered.
#[derive(Clone, PartialEq)]
pub enum DialogAnswer {
    /// OK, or allow.
    Accept,
    /// Cancel, close, or refuse.
    Cancel,
    /// The text of a prompt.
    Text(String),
    /// User name and password.
    Credentials {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// The identifiers of the chosen entries.
    Selected(Vec<usize>),
    /// Red, green and blue.
    Color([u8; 3]),
    /// The chosen files.
    Files(Vec<PathBuf>),
    /// An entry of a menu.
    Menu(ContextMenuAction),
}

impl std::fmt::Debug for DialogAnswer {
    /// Without what the person typed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accept => "Accept",
            Self::Cancel => "Cancel",
            Self::Text(_) => "Text",
            Self::Credentials { .. } => "Credentials",
            Self::Selected(_) => "Selected",
            Self::Color(_) => "Color",
            Self::Files(_) => "Files",
            Self::Menu(_) => "Menu",
        })
    }
}

enum Responder {
    Simple(SimpleDialog),
    Authentication(AuthenticationRequest),
    Select(SelectElement),
    Color(ColorPicker),
    File(FilePicker),
    ContextMenu(ContextMenu),
    Permission(PermissionRequest),
    #[cfg(test)]
    None,
}

impl Dialog {
    /// A dialog for a control of the page. `None` for controls that are no dialogs.
    pub fn from_control(id: DialogId, control: EmbedderControl) -> Option<Self> {
        let control_id = control.id();
        let (view, responder) = match control {
            EmbedderControl::SimpleDialog(dialog) => {
                let message = bounded(dialog.message());
                let view = match &dialog {
                    SimpleDialog::Alert(_) => DialogView::Alert { message },
                    SimpleDialog::Confirm(_) => DialogView::Confirm { message },
                    SimpleDialog::Prompt(prompt) => DialogView::Prompt {
                        message,
                        suggestion: bounded_escaped(prompt.current_value(), MAX_MESSAGE),
                    },
                };
                (view, Responder::Simple(dialog))
            },
            EmbedderControl::SelectElement(select) => {
                let view = DialogView::Select {
                    entries: select_entries(select.options()),
                    selected: select.selected_options(),
                    multiple: select.allow_select_multiple(),
                    position: select.position(),
                };
                (view, Responder::Select(select))
            },
            EmbedderControl::ColorPicker(picker) => {
                let color = picker.current_color();
                let current = color.map_or([0; 3], |color| [color.red, color.green, color.blue]);
                let view = DialogView::Color {
                    current,
                    position: picker.position(),
                };
                (view, Responder::Color(picker))
            },
            EmbedderControl::FilePicker(picker) => {
                let extensions = picker
                    .filter_patterns()
                    .iter()
                    .map(|pattern| pattern.0.clone())
                    .collect();
                let view = DialogView::File {
                    multiple: picker.allow_select_multiple(),
                    extensions,
                };
                (view, Responder::File(picker))
            },
            EmbedderControl::ContextMenu(menu) => {
                let view = DialogView::ContextMenu {
                    entries: menu
                        .items()
                        .iter()
                        .take(MAX_OPTIONS)
                        .map(menu_entry)
                        .collect(),
                    link: menu.element_info().link_url.clone(),
                    image: menu.element_info().image_url.clone(),
                    position: menu.position(),
                };
                (view, Responder::ContextMenu(menu))
            },
            EmbedderControl::InputMethod(_) => return None,
        };
        Some(Self {
            id,
            view,
            control: Some(control_id),
            responder,
        })
    }

    /// A dialog for a server that asks for credentials.
    pub fn from_authentication(id: DialogId, request: AuthenticationRequest) -> Self {
        let url = request.url();
        let host = url.host_str().unwrap_or("this server");
        let server = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let view = DialogView::Authentication {
            server,
            for_proxy: request.for_proxy(),
            is_secure: url.scheme() == "https",
        };
        Self {
            id,
            view,
            control: None,
            responder: Responder::Authentication(request),
        }
    }

    /// A dialog for a feature of Servo's that needs permission.
    pub fn from_permission(id: DialogId, request: PermissionRequest) -> Self {
        let view = DialogView::Permission {
            wish: wish(request.feature()),
        };
        Self {
            id,
            view,
            control: None,
            responder: Responder::Permission(request),
        }
    }

    /// Whether this is Servo's control of that name.
    pub fn is_control(&self, control: EmbedderControlId) -> bool {
        self.control == Some(control)
    }

    /// Tells Servo. An answer that does not fit the dialog counts as the safe default.
    pub fn answer(self, answer: DialogAnswer) {
        match (self.responder, answer) {
            (Responder::Simple(dialog), DialogAnswer::Accept) => dialog.confirm(),
            (Responder::Simple(SimpleDialog::Prompt(mut prompt)), DialogAnswer::Text(text)) => {
                prompt.set_current_value(&text);
                prompt.confirm();
            },
            (
                Responder::Authentication(request),
                DialogAnswer::Credentials { username, password },
            ) => {
                request.authenticate(username, password);
            },
            (Responder::Select(mut select), DialogAnswer::Selected(selected)) => {
                select.select(selected);
                select.submit();
            },
            (Responder::Color(mut picker), DialogAnswer::Color([red, green, blue])) => {
                picker.select(Some(RgbColor { red, green, blue }));
                picker.submit();
            },
            (Responder::File(mut picker), DialogAnswer::Files(paths)) => {
                picker.select(&paths);
                picker.submit();
            },
            (Responder::ContextMenu(menu), DialogAnswer::Menu(action)) => menu.select(action),
            (Responder::Permission(request), DialogAnswer::Accept) => request.allow(),
            // Dropping the responder gives the safe default.
            _ => {},
        }
    }

    /// A dialog that nobody waits for.
    #[cfg(test)]
    pub fn for_test(id: DialogId, view: DialogView) -> Self {
        Self {
            id,
            view,
            control: None,
            responder: Responder::None,
        }
    }
}

fn select_entries(options: &[SelectElementOptionOrOptgroup]) -> Vec<SelectEntry> {
    let entry = |option: &servo::SelectElementOption, in_group| SelectEntry::Option {
        id: option.id,
        label: line(&option.label),
        enabled: !option.is_disabled,
        in_group,
    };
    let mut entries = Vec::new();
    for option in options {
        match option {
            SelectElementOptionOrOptgroup::Option(option) => entries.push(entry(option, false)),
            SelectElementOptionOrOptgroup::Optgroup { label, options } => {
                entries.push(SelectEntry::Group { label: line(label) });
                entries.extend(options.iter().map(|option| entry(option, true)));
            },
        }
    }
    entries.truncate(MAX_OPTIONS);
    entries
}

fn menu_entry(item: &ContextMenuItem) -> MenuEntry {
    match item {
        ContextMenuItem::Item {
            action, enabled, ..
        } => MenuEntry::Action {
            action: *action,
            enabled: *enabled,
        },
        ContextMenuItem::Separator => MenuEntry::Separator,
    }
}

/// One line of a page's text.
fn line(text: &str) -> String {
    bounded_escaped(text, 200)
}

/// Several lines of a page's text.
fn bounded(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .take(100)
        .map(|line| bounded_escaped(line, MAX_MESSAGE))
        .collect();
    let text = lines.join("\n");
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn wish(feature: PermissionFeature) -> &'static str {
    match feature {
        PermissionFeature::Geolocation => "know where you are",
        PermissionFeature::Notifications | PermissionFeature::Push => "show notifications",
        PermissionFeature::Midi => "use your MIDI devices",
        PermissionFeature::Camera => "use your camera",
        PermissionFeature::Microphone => "use your microphone",
        PermissionFeature::Speaker => "choose where sound is played",
        PermissionFeature::DeviceInfo => "know about your devices",
        PermissionFeature::BackgroundSync => "work in the background",
        PermissionFeature::Bluetooth => "use your Bluetooth devices",
        PermissionFeature::PersistentStorage => "keep data on this computer for long",
        PermissionFeature::ScreenWakeLock(_) => "keep your screen on",
        PermissionFeature::Gamepad => "use your game controllers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_page_are_bounded_and_cannot_deceive() {
        let long = bounded(&"x".repeat(MAX_MESSAGE * 3));
        assert!(long.chars().count() <= MAX_MESSAGE + 1);
        assert!(bounded(&"\n".repeat(10_000)).len() < 1000);
        assert_eq!(bounded("one\ntwo\u{202e}"), "one\ntwo\\u{202e}");
        assert!(line(&"x".repeat(1000)).chars().count() <= 201);
    }

    #[test]
    fn answers_do_not_show_what_was_typed() {
        let answer = DialogAnswer::Credentials {
            username: "me".into(),
            password: "hunter2".into(),
        };
        assert_eq!(format!("{answer:?}"), "Credentials");
    }

    #[test]
    fn select_entries_keep_their_identifiers_through_groups() {
        let option = |id| servo::SelectElementOption {
            id,
            label: id.to_string(),
            is_disabled: id == 1,
        };
        let entries = select_entries(&[
            SelectElementOptionOrOptgroup::Option(option(0)),
            SelectElementOptionOrOptgroup::Optgroup {
                label: "group".into(),
                options: vec![option(1), option(2)],
            },
        ]);
        let ids: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                SelectEntry::Option {
                    id,
                    enabled,
                    in_group,
                    ..
                } => Some((*id, *enabled, *in_group)),
                SelectEntry::Group { .. } => None,
            })
            .collect();
        assert_eq!(ids, [(0, true, false), (1, false, true), (2, true, true)]);
    }
}
