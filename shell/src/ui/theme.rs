//! Colors, type and measures of the interface, light and dark.

use std::fs;
use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke,
    Style, TextStyle, Theme, Visuals, vec2,
};

/// The height of the row of tabs, in points.
pub const TAB_BAR_HEIGHT: f32 = 38.0;

/// The height of the toolbar, in points.
pub const TOOLBAR_HEIGHT: f32 = 44.0;

/// The corners of buttons and fields.
pub const ROUNDING: CornerRadius = CornerRadius::same(6);

/// The name of the family for what has to stand out.
const STRONG_FAMILY: &str = "strong";

/// The colors that egui's own visuals have no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Behind the tabs.
    pub backdrop: Color32,
    /// The toolbar and the front tab.
    pub surface: Color32,
    /// Fields to type in.
    pub field: Color32,
    /// Under the pointer.
    pub hover: Color32,
    /// Lines between areas.
    pub border: Color32,
    /// Text.
    pub text: Color32,
    /// Text that matters less.
    pub weak_text: Color32,
    /// What acts, and where the keyboard is.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// The permission bar.
    pub question: Color32,
    /// The line around it.
    pub question_border: Color32,
    /// The permission bar when the local network is concerned.
    pub caution: Color32,
    /// The line around that.
    pub caution_border: Color32,
    /// Text and symbols of caution.
    pub caution_text: Color32,
}

impl Palette {
    const LIGHT: Self = Self {
        backdrop: Color32::from_rgb(0xE4, 0xE7, 0xEC),
        surface: Color32::from_rgb(0xFB, 0xFB, 0xFC),
        field: Color32::from_rgb(0xEE, 0xF0, 0xF3),
        hover: Color32::from_rgb(0xE3, 0xE7, 0xEC),
        border: Color32::from_rgb(0xD3, 0xD8, 0xDF),
        text: Color32::from_rgb(0x1C, 0x20, 0x26),
        weak_text: Color32::from_rgb(0x58, 0x61, 0x6D),
        accent: Color32::from_rgb(0x25, 0x57, 0xC7),
        on_accent: Color32::WHITE,
        question: Color32::from_rgb(0xEC, 0xF2, 0xFF),
        question_border: Color32::from_rgb(0xC4, 0xD5, 0xF7),
        caution: Color32::from_rgb(0xFF, 0xF3, 0xDC),
        caution_border: Color32::from_rgb(0xEB, 0xC7, 0x7B),
        caution_text: Color32::from_rgb(0x8A, 0x4B, 0x00),
    };

    const DARK: Self = Self {
        backdrop: Color32::from_rgb(0x17, 0x19, 0x1D),
        surface: Color32::from_rgb(0x24, 0x27, 0x2C),
        field: Color32::from_rgb(0x18, 0x1A, 0x1E),
        hover: Color32::from_rgb(0x34, 0x39, 0x41),
        border: Color32::from_rgb(0x3A, 0x40, 0x49),
        text: Color32::from_rgb(0xE9, 0xEB, 0xEF),
        weak_text: Color32::from_rgb(0xA2, 0xAA, 0xB6),
        accent: Color32::from_rgb(0x8B, 0xB1, 0xFF),
        on_accent: Color32::from_rgb(0x10, 0x1A, 0x2E),
        question: Color32::from_rgb(0x20, 0x2C, 0x45),
        question_border: Color32::from_rgb(0x3A, 0x50, 0x80),
        caution: Color32::from_rgb(0x3D, 0x2F, 0x14),
        caution_border: Color32::from_rgb(0x7A, 0x5B, 0x1C),
        caution_text: Color32::from_rgb(0xFF, 0xC9, 0x6B),
    };

    /// The palette that goes with the visuals in use.
    pub fn of(visuals: &Visuals) -> &'static Self {
        if visuals.dark_mode {
            &Self::DARK
        } else {
            &Self::LIGHT
        }
    }
}

/// The font for what has to stand out, such as the name of a site.
pub fn strong_font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(STRONG_FAMILY.into()))
}

/// The font for running text.
pub fn text_font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Gives a context the browser's looks, for light and dark.
pub fn install(context: &egui::Context) {
    context.set_fonts(fonts());
    for (theme, palette, visuals) in [
        (Theme::Light, &Palette::LIGHT, Visuals::light()),
        (Theme::Dark, &Palette::DARK, Visuals::dark()),
    ] {
        context.style_mut_of(theme, |style| apply(style, palette, visuals.clone()));
    }
}

fn apply(style: &mut Style, palette: &Palette, mut visuals: Visuals) {
    style.text_styles = [
        (TextStyle::Small, text_font(12.0)),
        (TextStyle::Body, text_font(14.0)),
        (TextStyle::Button, text_font(14.0)),
        (TextStyle::Heading, strong_font(18.0)),
        (
            TextStyle::Monospace,
            FontId::new(13.0, FontFamily::Monospace),
        ),
    ]
    .into();
    style.spacing.item_spacing = vec2(8.0, 6.0);
    style.spacing.button_padding = vec2(12.0, 6.0);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.interact_size.y = 28.0;
    style.interaction.selectable_labels = false;

    visuals.override_text_color = None;
    visuals.panel_fill = palette.surface;
    visuals.window_fill = palette.surface;
    visuals.window_stroke = Stroke::new(1.0, palette.border);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    let shadow = Shadow {
        offset: [0, 4],
        blur: 18,
        spread: 0,
        color: Color32::from_black_alpha(48),
    };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.extreme_bg_color = palette.field;
    visuals.faint_bg_color = palette.field;
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.caution_text;
    visuals.weak_text_color = Some(palette.weak_text);
    visuals.selection.bg_fill = palette.accent.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.5, palette.accent);
    let widgets = &mut visuals.widgets;
    for (state, fill, border) in [
        (&mut widgets.noninteractive, palette.surface, palette.border),
        (&mut widgets.inactive, palette.field, palette.border),
        (&mut widgets.hovered, palette.hover, palette.border),
        (&mut widgets.active, palette.border, palette.border),
        (&mut widgets.open, palette.hover, palette.border),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, border);
        state.fg_stroke = Stroke::new(1.0, palette.text);
        state.corner_radius = ROUNDING;
        state.expansion = 0.0;
    }
    style.visuals = visuals;
}

/// Files of a regular and a bold face that belong together, the preferred first. egui's own font has no bold face, and
/// the emphasis on a site's name should not be a matter of color alone.
const FACES: [(&str, &str); 8] = [
    (
        "/usr/share/fonts/truetype/inter/Inter-Regular.ttf",
        "/usr/share/fonts/truetype/inter/Inter-Bold.ttf",
    ),
    (
        "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/google-noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/google-noto/NotoSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
        "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
        "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf",
    ),
    (
        "C:\\Windows\\Fonts\\segoeui.ttf",
        "C:\\Windows\\Fonts\\segoeuib.ttf",
    ),
    (
        "/System/Library/Fonts/Supplemental/Arial.ttf",
        "/System/Library/Fonts/Supplemental/Arial Bold.ttf",
    ),
];

/// Fonts for scripts that the others lack: site names can be in any.
const FALLBACKS: [&str; 6] = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
];

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut load = |name: &str, path: &str| match fs::read(path) {
        Ok(bytes) => {
            fonts
                .font_data
                .insert(name.to_owned(), Arc::new(FontData::from_owned(bytes)));
            true
        },
        Err(_) => false,
    };
    let found = FACES
        .iter()
        .any(|(regular, bold)| load("regular", regular) && load("bold", bold));
    let fallbacks: Vec<_> = FALLBACKS
        .into_iter()
        .filter(|path| load(path, path))
        .collect();

    let mut regular = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    regular.extend(fallbacks.into_iter().map(str::to_owned));
    let mut strong = regular.clone();
    if found {
        regular.insert(0, "regular".to_owned());
        strong.insert(0, "bold".to_owned());
    }
    fonts.families.insert(FontFamily::Proportional, regular);
    fonts
        .families
        .insert(FontFamily::Name(STRONG_FAMILY.into()), strong);
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>
    fn luminance(color: Color32) -> f32 {
        let channel = |value: u8| {
            let value = f32::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    /// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
    fn contrast(one: Color32, other: Color32) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_everywhere() {
        for palette in [&Palette::LIGHT, &Palette::DARK] {
            for ground in [
                palette.backdrop,
                palette.surface,
                palette.field,
                palette.question,
                palette.caution,
                palette.hover,
            ] {
                assert!(contrast(palette.text, ground) >= 7.0);
                assert!(contrast(palette.weak_text, ground) >= 4.5, "{ground:?}");
            }
            assert!(contrast(palette.on_accent, palette.accent) >= 4.5);
            assert!(contrast(palette.caution_text, palette.caution) >= 4.5);
            assert!(contrast(palette.accent, palette.question) >= 4.5);
        }
    }
}
