//! What the permission bar says. No name of a site is ever cut, and what a page chose stands isolated.

use egui::text::{LayoutJob, TextFormat};
use user_cors::{
    Action, Choice, HostDisplay, OriginDisplay, QuestionStep, QuestionView, Scheme, TargetNetwork,
    isolated,
};

use crate::ui::theme::{self, Palette};

/// Text in which some parts stand out.
#[derive(Default)]
pub(super) struct Headline(Vec<(String, bool)>);

impl Headline {
    fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.0.push((text.into(), false));
        self
    }

    /// The name of an origin, whole, with its registrable domain standing out. Where the name reads otherwise in ASCII,
    /// that follows.
    fn origin(&mut self, origin: &OriginDisplay) -> &mut Self {
        if origin.scheme == Scheme::Http {
            self.text("http://");
        }
        let HostDisplay {
            ascii,
            subdomain,
            emphasised,
            ..
        } = &origin.host;
        if origin.host.differs() {
            // Isolated, the name cannot reorder what stands around it.
            self.text("\u{2068}").text(subdomain.as_str());
            self.0.push((emphasised.clone(), true));
            self.text("\u{2069}").text(format!(" ({ascii})"));
        } else {
            self.text(subdomain.as_str());
            self.0.push((emphasised.clone(), true));
        }
        if let Some(port) = origin.port {
            self.text(format!(":{port}"));
        }
        self
    }

    fn origins(&mut self, origins: &[OriginDisplay]) -> &mut Self {
        for (index, origin) in origins.iter().enumerate() {
            match origins.len() - index {
                _ if index == 0 => {},
                1 => {
                    self.text(" and ");
                },
                _ => {
                    self.text(", ");
                },
            }
            self.origin(origin);
        }
        self
    }

    /// The text alone.
    pub(super) fn plain(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// The text as it is drawn.
    pub(super) fn job(&self, palette: &Palette) -> LayoutJob {
        const SIZE: f32 = 15.0;
        let mut job = LayoutJob::default();
        for (text, strong) in &self.0 {
            let font_id = if *strong {
                theme::strong_font(SIZE)
            } else {
                theme::text_font(SIZE)
            };
            let format = TextFormat {
                font_id,
                color: palette.text,
                line_height: Some(SIZE * 1.45),
                ..TextFormat::default()
            };
            job.append(text, 0.0, format);
        }
        job
    }
}

/// Who asks whom for what.
pub(super) fn headline(question: &QuestionView) -> Headline {
    let mut headline = Headline::default();
    let (requester, targets) = (&question.requester, &question.targets);
    match (question.network, question.action) {
        (TargetNetwork::Public, Action::Read) => {
            headline
                .origin(requester)
                .text(" wants to read from ")
                .origins(targets);
            headline
                .text(", as seen from ")
                .text(vantage(question))
                .text(".");
        },
        (TargetNetwork::Public, Action::SendAndRead) => {
            headline
                .origin(requester)
                .text(" wants to send to ")
                .origins(targets);
            headline
                .text(" and read the answer, as seen from ")
                .text(vantage(question))
                .text(".");
        },
        (TargetNetwork::LocalNetwork, _) if question.step == QuestionStep::Warning => {
            headline
                .origin(requester)
                .text(" wants to reach into your local network, to ");
            headline.origins(targets).text(".");
        },
        (TargetNetwork::LocalNetwork, _) => {
            headline
                .text("Let ")
                .origin(requester)
                .text(" read from ")
                .origins(targets);
            headline.text(" in your local network?");
        },
    }
    headline
}

/// From where the server is seen, and whom it sees.
fn vantage(question: &QuestionView) -> String {
    match &question.egress {
        Some(proxy) => format!("the egress {}", isolated(proxy)),
        None => "your network".to_owned(),
    }
}

/// What would be done and what would not, in sentences for everyone.
pub(super) fn explanation(question: &QuestionView) -> Vec<String> {
    let hosts = sentence_list(
        question
            .targets
            .iter()
            .map(|target| isolated(&target.host.unicode)),
    );
    let is_one = question.targets.len() == 1;
    let does = if is_one { "does" } else { "do" };
    match question.network {
        TargetNetwork::Public => {
            let mut sentences = vec![format!("Your cookies and logins for {hosts} stay out.")];
            let mut second = format!(
                "{hosts} {does} not say whether other sites may do this. If you allow it, this page reads what anyone \
                 could read there."
            );
            if question.requests.iter().any(|request| !request.page_headers.is_empty()) {
                second.push_str(" What the page itself adds, such as a key that you gave it, is sent along.");
            }
            sentences.push(second);
            sentences
        },
        TargetNetwork::LocalNetwork if is_one => vec![
            format!(
                "{hosts} is not on the Internet, but a device or service that only your network reaches. Such devices \
                 often trust whoever can reach them."
            ),
            "Allow this only if you opened this page to use that device. Your cookies and logins for it stay out."
                .to_owned(),
        ],
        TargetNetwork::LocalNetwork => vec![
            format!(
                "{hosts} are not on the Internet, but devices or services that only your network reaches. Such devices \
                 often trust whoever can reach them."
            ),
            "Allow this only if you opened this page to use those devices. Your cookies and logins for them stay out."
                .to_owned(),
        ],
    }
}

fn sentence_list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What a button says, and its name for assistive technology, which says whom it allows.
pub(super) fn choice_text(choice: Choice, question: &QuestionView) -> (&'static str, String) {
    let requester = &question.requester;
    let targets = sentence_list(question.targets.iter().map(ToString::to_string));
    let do_it = match question.action {
        Action::Read => format!("read from {targets}"),
        Action::SendAndRead => format!("send to {targets} and read the answer"),
    };
    let (label, rest) = match choice {
        Choice::AllowOnce => ("Allow once", format!("{requester} may {do_it} this time")),
        Choice::AllowForVisit => (
            "Allow for this visit",
            format!("{requester} may {do_it} until you leave the site in this tab"),
        ),
        Choice::AlwaysAllow => (
            "Always allow",
            format!("{requester} may {do_it} for 30 days, longer if it is used"),
        ),
        Choice::NotNow => ("Not now", format!("{requester} may not {do_it} this time")),
        Choice::Never => (
            "Never",
            format!("{requester} may not {do_it}, and does not ask again"),
        ),
    };
    (label, format!("{label}: {rest}"))
}
