//! The window's side of winit: events go in, frames come out.

use std::rc::Rc;
use std::time::{Duration, Instant};

use egui::{Context, IMEPurpose, Rect, ThemePreference, Ui, ViewportId};
use egui_winit::accesskit_winit;
use winit::application::ApplicationHandler;
use winit::event::{ElementState, MouseButton, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::{Fullscreen, WindowId};

use super::cursor::cursor_icon;
use super::input::{self, Composition};
use super::paint::{FramePainter, device_size};
use super::routing::{self, PageTarget, Pointer};
use super::surface::Surface;
use crate::browser::command::{Command, Zoom};
use crate::browser::front::Front;
use crate::browser::tab::TabState;
use crate::browser::{Browser, Placement};
use crate::event::{EventSender, ShellEvent};
use crate::quit::Ending;
use crate::startup::{Engine, Startup};
use crate::ui::{self, Commands, Interface, PageArea, View, dialogs};

/// The browser as winit drives it.
pub struct App {
    startup: Startup,
    events: EventSender,
    accessibility: Option<EventLoopProxy<ShellEvent>>,
    window: Option<BrowserWindow>,
    error: Option<anyhow::Error>,
}

impl App {
    /// A browser that opens its window when winit is ready.
    pub fn new(
        startup: Startup,
        events: EventSender,
        accessibility: EventLoopProxy<ShellEvent>,
    ) -> Self {
        Self {
            startup,
            events,
            accessibility: Some(accessibility),
            window: None,
            error: None,
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// If the window could not be opened.
    pub fn result(self) -> anyhow::Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    fn after_event(&mut self, event_loop: &ActiveEventLoop) {
        if self
            .window
            .as_ref()
            .is_some_and(|window| window.browser.wants_to_quit())
        {
            event_loop.exit();
        }
    }
}

impl ApplicationHandler<ShellEvent> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let Some(accessibility) = self.accessibility.take() else {
            return;
        };
        match BrowserWindow::open(
            event_loop,
            &mut self.startup,
            self.events.clone(),
            accessibility,
        ) {
            Ok(window) => self.window = Some(window),
            Err(error) => {
                self.error = Some(error);
                event_loop.exit();
            },
        }
    }

    fn new_events(&mut self, _event_loop: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some(window)) = (cause, &mut self.window) {
            let now = Instant::now();
            window.browser.tick(now);
            if window
                .next_frame
                .is_some_and(|next_frame| next_frame <= now)
            {
                window.next_frame = None;
                window.surface.request_redraw();
            }
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: ShellEvent) {
        if let Some(window) = &mut self.window {
            window.shell_event(event);
        }
        self.after_event(event_loop);
    }

    fn window_event(
        &mut self,
        event_loop: &ActiveEventLoop,
        _window: WindowId,
        event: WindowEvent,
    ) {
        if let Some(window) = &mut self.window {
            window.window_event(&event);
        }
        self.after_event(event_loop);
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let wake_up = self.window.as_ref().and_then(|window| {
            let deadlines = [window.next_frame, window.browser.next_deadline()];
            deadlines.into_iter().flatten().min()
        });
        event_loop.set_control_flow(wake_up.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }

    fn exiting(&mut self, _event_loop: &ActiveEventLoop) {
        if let Some(window) = self.window.take() {
            window.close();
        }
    }
}

/// A window with a browser in it.
pub(super) struct BrowserWindow {
    pub(super) browser: Browser,
    events: EventSender,
    pub(super) context: Context,
    egui: egui_winit::State,
    painter: FramePainter,
    pub(super) surface: Rc<Surface>,
    pub(super) interface: Interface,
    overrides: Option<String>,
    ending: Ending,
    page: PageArea,
    pointer: Pointer,
    pub(super) modifiers: ModifiersState,
    pub(super) composition: Composition,
    window_focused: bool,
    page_was_fullscreen: bool,
    title: String,
    next_frame: Option<Instant>,
}

impl BrowserWindow {
    fn open(
        event_loop: &ActiveEventLoop,
        startup: &mut Startup,
        events: EventSender,
        accessibility: EventLoopProxy<ShellEvent>,
    ) -> anyhow::Result<Self> {
        let surface = Rc::new(Surface::open(event_loop, &startup.arguments)?);
        let painter = FramePainter::new(surface.clone())?;
        let context = Context::default();
        ui::theme::install(&context);
        context.options_mut(|options| {
            // NB: `set_zoom_factor` would scale the size of a frame before the first, which is 10000 by 10000 points.
            options.zoom_factor = surface.zoom_factor();
            // Keys for zooming are the page's.
            options.zoom_with_keyboard = false;
        });
        let redraw = events.clone();
        context.set_request_repaint_callback(move |info| {
            if info.delay.is_zero() {
                redraw.send(ShellEvent::Redraw);
            }
        });
        let mut egui = egui_winit::State::new(
            context.clone(),
            ViewportId::ROOT,
            &surface.window,
            Some(surface.window.scale_factor() as f32),
            surface.window.theme(),
            Some(painter.max_texture_side()),
        );
        egui.init_accesskit(event_loop, &surface.window, accessibility);

        let Engine {
            servo,
            user_content,
            ending,
            governing,
        } = startup.start(&events)?;
        let mut browser = Browser::new(
            servo,
            surface.clone(),
            user_content,
            startup.profile_is_temporary(),
        );
        browser.govern(governing);
        let first_page = startup.first_page.take();
        let mut interface = Interface::default();
        let own_page = startup.arguments.own_page();
        interface.toolbar.focus_address = first_page.is_none() && own_page.is_none();
        browser.open_tab(first_page, Placement::Front);
        if let Some(page) = own_page {
            browser.show_own_page(page);
        }

        surface.window.set_visible(true);
        let mut window = Self {
            browser,
            events,
            context,
            egui,
            painter,
            surface,
            interface,
            overrides: startup.overrides(),
            ending,
            page: PageArea {
                rect: Rect::ZERO,
                shows_page: false,
            },
            pointer: Pointer::default(),
            modifiers: ModifiersState::empty(),
            composition: Composition::default(),
            window_focused: false,
            page_was_fullscreen: false,
            title: String::new(),
            next_frame: None,
        };
        window.apply_theme();
        window.surface.request_redraw();
        Ok(window)
    }

    /// Takes everything apart while the window's display is still there.
    fn close(self) {
        let Self {
            browser,
            painter,
            egui,
            surface,
            ending,
            ..
        } = self;
        browser.shut_down(&ending);
        painter.destroy();
        drop(egui);
        drop(surface);
        ending.finish();
    }

    fn shell_event(&mut self, event: ShellEvent) {
        match event {
            ShellEvent::Spin => {
                self.events.spin_begins();
                self.browser.spin();
                self.follow_page();
            },
            ShellEvent::QuestionsChanged(webview) => self.browser.questions_changed(webview),
            ShellEvent::Navigation(webview, navigation) => {
                self.browser.navigation(webview, navigation);
            },
            ShellEvent::Connected(webview, facts) => self.browser.connected(webview, *facts),
            ShellEvent::Issue(webview, issue) => self.browser.issue(webview, &issue),
            ShellEvent::Administration(change) => self.browser.administered(change),
            ShellEvent::Redraw => self.surface.request_redraw(),
            ShellEvent::Accessibility(event) => self.accessibility_event(event),
            ShellEvent::Quit => self.browser.apply(Command::Quit),
        }
    }

    fn accessibility_event(&mut self, event: accesskit_winit::Event) {
        match event.window_event {
            accesskit_winit::WindowEvent::InitialTreeRequested => self.context.enable_accesskit(),
            accesskit_winit::WindowEvent::ActionRequested(request) => {
                self.egui.on_accesskit_action_request(request);
            },
            accesskit_winit::WindowEvent::AccessibilityDeactivated => {
                self.context.disable_accesskit()
            },
        }
        self.surface.request_redraw();
    }

    fn window_event(&mut self, event: &WindowEvent) {
        match event {
            WindowEvent::RedrawRequested => return self.redraw(),
            WindowEvent::CloseRequested => return self.browser.apply(Command::Quit),
            WindowEvent::Resized(size) => {
                self.surface.resize(*size);
                self.surface.request_redraw();
            },
            WindowEvent::ScaleFactorChanged { .. } => self.surface.request_redraw(),
            WindowEvent::ThemeChanged(theme) => {
                self.surface.set_theme(*theme);
                self.apply_theme();
            },
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::Focused(focused) => {
                self.window_focused = *focused;
                if !focused {
                    self.pointer.release_all();
                }
                self.surface.request_redraw();
            },
            WindowEvent::DroppedFile(path) => {
                if let Ok(url) = url::Url::from_file_path(path) {
                    self.browser.load(url);
                }
            },
            WindowEvent::KeyboardInput {
                event,
                is_synthetic: false,
                ..
            } => {
                if self.shortcut(event) || self.page_key(event) {
                    return;
                }
            },
            WindowEvent::Ime(ime) if self.page_has_keyboard() => return self.page_ime(ime),
            _ => self.pointer_event(event),
        }
        let response = self.egui.on_window_event(&self.surface.window, event);
        if response.repaint {
            self.surface.request_redraw();
        }
    }

    fn pointer_event(&mut self, event: &WindowEvent) {
        let page = self.page_target();
        let context = self.context.clone();
        let for_page = match event {
            WindowEvent::CursorMoved { position, .. } => {
                self.pointer.moved(*position, &context, page)
            },
            WindowEvent::CursorLeft { .. } => self.pointer.left(),
            WindowEvent::MouseInput { state, button, .. } => match (state, button) {
                (ElementState::Pressed, MouseButton::Back) => {
                    return self.browser.apply(Command::Back);
                },
                (ElementState::Pressed, MouseButton::Forward) => {
                    return self.browser.apply(Command::Forward);
                },
                _ => {
                    if *state == ElementState::Pressed && !self.window_focused {
                        // Without a window manager, nobody else gives the focus to a window that is clicked.
                        self.surface.window.focus_window();
                    }
                    let for_page = self.pointer.button(*state, *button, &context, page);
                    if *state == ElementState::Pressed && for_page.is_some() {
                        self.focus_page();
                    }
                    for_page
                },
            },
            WindowEvent::MouseWheel { delta, .. } if self.pointer.is_in_page(&context, page) => {
                if self.modifiers.control_key() {
                    let point = self.pointer.page_point(&context, page);
                    let event = input::wheel_event(*delta, self.modifiers, 1.0, point);
                    return self.zoom_with_wheel(&event);
                }
                let point = self.pointer.page_point(&context, page);
                let scale = f64::from(self.surface.scale_factor());
                Some(input::wheel_event(*delta, self.modifiers, scale, point))
            },
            WindowEvent::Touch(touch)
                if page.takes_input && routing::covers(&context, page, touch.location) =>
            {
                self.focus_page();
                Some(input::touch_event(
                    touch,
                    routing::point(&context, page, touch.location),
                ))
            },
            _ => None,
        };
        if let Some(event) = for_page {
            self.browser.page_input(event);
        }
    }

    fn zoom_with_wheel(&mut self, event: &servo::InputEvent) {
        if let servo::InputEvent::Wheel(wheel) = event
            && wheel.delta.y != 0.0
        {
            let zoom = if wheel.delta.y > 0.0 {
                Zoom::In
            } else {
                Zoom::Out
            };
            self.browser.apply(Command::Zoom(zoom));
        }
    }

    pub(super) fn page_target(&self) -> PageTarget {
        let is_free = self
            .selected()
            .is_some_and(|state| !state.dialogs.front().is_some_and(dialogs::blocks_page));
        PageTarget {
            rect: self.page.rect,
            takes_input: self.page.shows_page && is_free,
        }
    }

    pub(super) fn selected(&self) -> Option<&TabState> {
        self.browser.selected_tab().map(|tab| &tab.state)
    }

    fn apply_theme(&mut self) {
        let theme = if self.surface.prefers_dark() {
            ThemePreference::Dark
        } else {
            ThemePreference::Light
        };
        self.context.set_theme(theme);
        self.browser.theme_changed();
        self.surface.request_redraw();
    }

    /// Does to the window what the page in front asks for.
    fn follow_page(&mut self) {
        let is_fullscreen = self.selected().is_some_and(|state| state.is_fullscreen);
        if self.page_was_fullscreen != is_fullscreen {
            self.page_was_fullscreen = is_fullscreen;
            self.surface
                .window
                .set_fullscreen(is_fullscreen.then_some(Fullscreen::Borderless(None)));
        }
        let title = match self.selected() {
            Some(state) if state.shows_new_tab_page() && state.own_page.is_none() => {
                "Latchkey".to_owned()
            },
            Some(state) => format!("{} — Latchkey", state.label()),
            None => "Latchkey".to_owned(),
        };
        if self.title != title {
            self.surface.window.set_title(&title);
            self.title = title;
        }
    }

    fn redraw(&mut self) {
        self.follow_page();
        let input = self.egui.take_egui_input(&self.surface.window);
        let mut commands = Commands::new();
        let (output, page) = self.lay_out(input, &mut commands);
        let egui::FullOutput {
            platform_output,
            textures_delta,
            shapes,
            pixels_per_point,
            viewport_output,
        } = output;
        self.egui
            .handle_platform_output(&self.surface.window, platform_output);
        for command in commands {
            self.browser.apply(command);
        }
        if self.page != page {
            self.page = page;
        }
        let size = device_size(page.rect, pixels_per_point);
        if self.page_size_changed(size) {
            self.browser.front_changed(size);
        }
        self.browser
            .set_page_focused(self.window_focused && self.page_has_keyboard());
        self.browser.paint();
        let output = egui::FullOutput {
            platform_output: egui::PlatformOutput::default(),
            textures_delta,
            shapes,
            pixels_per_point,
            viewport_output,
        };
        let delay = self.painter.paint(&self.context, output);
        self.schedule(delay);
    }

    fn page_size_changed(&self, size: servo::DeviceIntSize) -> bool {
        use servo::RenderingContext as _;
        let scale_changed = self.browser.selected_tab().is_some_and(|tab| {
            tab.webview.hidpi_scale_factor().get() != self.surface.scale_factor()
        });
        scale_changed || self.surface.page_context.size2d().to_i32() != size
    }

    fn lay_out(
        &mut self,
        input: egui::RawInput,
        commands: &mut Commands,
    ) -> (egui::FullOutput, PageArea) {
        let tabs = self.browser.tabs();
        let selected_key = self.browser.selected_tab().map(|tab| tab.key);
        let view = View {
            tabs: tabs.iter().map(|tab| (tab.key, &tab.state)).collect(),
            selected: tabs
                .iter()
                .position(|tab| Some(tab.key) == selected_key)
                .unwrap_or(0),
            is_fullscreen: self.surface.window.fullscreen().is_some(),
            window_focused: self.window_focused,
            overrides: self.overrides.as_deref(),
            permissions: self.browser.permissions(),
            site_panel: self.browser.site_panel(),
            notices: self.browser.notices(),
            now: Instant::now(),
        };
        let page_callback = self.painter.page_callback();
        let page_has_keyboard = self.context.memory(|memory| memory.focused().is_none());
        let interface = &mut self.interface;
        let mut page = self.page;
        let output = self.context.run_ui(input, |ui| {
            page = ui::interface_ui(ui, &view, interface, commands, |ui, rect| {
                page_callback(ui, rect);
                if let Some((_, tab)) = view.selected_tab() {
                    page_manners_ui(ui, rect, tab, page_has_keyboard);
                }
            });
        });
        (output, page)
    }

    fn schedule(&mut self, delay: Duration) {
        self.next_frame = if delay.is_zero() {
            self.surface.request_redraw();
            None
        } else {
            Instant::now().checked_add(delay)
        };
    }
}

/// The pointer and the input method that the page wants.
fn page_manners_ui(ui: &Ui, rect: Rect, tab: &TabState, has_keyboard: bool) {
    if ui.rect_contains_pointer(rect)
        && let Some(cursor) = tab.cursor
    {
        ui.ctx().set_cursor_icon(cursor_icon(cursor));
    }
    if let Some(field) = tab.input_method.filter(|_| has_keyboard) {
        let place = dialogs::element_rect(rect, tab.zoom, field.position);
        let purpose = if field.is_password {
            IMEPurpose::Password
        } else {
            IMEPurpose::Normal
        };
        ui.ctx().output_mut(|output| {
            output.ime = Some(egui::output::IMEOutput {
                purpose,
                rect: place,
                cursor_rect: place,
                should_interrupt_composition: false,
            });
        });
    }
}
