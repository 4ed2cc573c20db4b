//! SVG images: parsed once, rasterized for each size at which they are painted.

use std::sync::Arc;

use log::{debug, warn};
use malloc_size_of_derive::MallocSizeOf;
use net_traits::image_cache::FontResolver;
use pixels::{CorsStatus, ImageFrame, ImageMetadata, PixelFormat, RasterImage};
use resvg::tiny_skia::{IntSize, Pixmap, Transform};
use resvg::usvg::roxmltree::{Document, ParsingOptions};
use resvg::usvg::{self, ImageHrefResolver, fontdb};
use thiserror::Error;
use webrender_api::units::DeviceIntSize;

use super::panics::contain;
use super::svg_references::TooFar;
use super::{drawing_cost, svg_references};

/// How many pixels the longer side of a rasterized image has at most. WebRender scales what is larger.
const SIDE_LIMIT: f64 = 5000.0;

/// How many pixels a rasterized image has at most: 64 MiB of them.
const AREA_LIMIT: f64 = 16_777_216.0;

/// A parsed SVG image. Clones share the tree.
#[derive(Clone, MallocSizeOf)]
pub(super) struct SvgImage {
    #[conditional_malloc_size_of]
    tree: Arc<usvg::Tree>,
    cors_status: CorsStatus,
}

/// How the SVG images of a document are parsed: with the fonts that `fonts` finds, and without anything from outside the
/// image, as in the
/// [secure static mode](https://www.w3.org/TR/SVG2/conform.html#secure-static-mode).
pub(super) fn parsing_options(fonts: &Arc<dyn FontResolver>) -> usvg::Options<'static> {
    let (select, fall_back) = (fonts.clone(), fonts.clone());
    let embedded = ImageHrefResolver::default_data_resolver();
    usvg::Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(move |mime, data, options| {
                // NB: the resolver also takes compressed SVG, and would inflate it to any size.
                if data.starts_with(&[0x1f, 0x8b]) {
                    return None;
                }
                // NB: an SVG image in an SVG image is parsed there.
                if let Ok(text) = std::str::from_utf8(&data)
                    && let Ok(document) = document(text)
                {
                    svg_references::check(&document).ok()?;
                }
                embedded(mime, data, options)
            }),
            // NB: the default reads any path of the local disk.
            resolve_string: Box::new(|_, _| None),
        },
        font_resolver: usvg::FontResolver {
            select_font: Box::new(move |font, database| select.resolve(font, database)),
            select_fallback: Box::new(move |character, excluded, database| {
                fall_back.resolve_fallback(character, excluded, database)
            }),
        },
        fontdb: Arc::new(fontdb::Database::new()),
        ..usvg::Options::default()
    }
}

impl SvgImage {
    /// The image that `bytes` are, or `None` if they are no SVG document in UTF-8.
    pub(super) fn parse(
        bytes: &[u8],
        cors_status: CorsStatus,
        options: &usvg::Options<'_>,
    ) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let tree = contain("parsing an SVG image", || parse(text, options))?
            .inspect_err(|error| debug!("An SVG image could not be parsed: {error}"))
            .ok()?;
        Some(Self {
            tree: Arc::new(tree),
            cors_status,
        })
    }

    /// Whether the image's pixels may be read.
    pub(super) fn cors_status(&self) -> CorsStatus {
        self.cors_status
    }

    /// The [natural dimensions](https://drafts.csswg.org/css-images/#natural-dimensions), in CSS pixels.
    pub(super) fn natural_size(&self) -> ImageMetadata {
        let size = self.tree.size().to_int_size();
        ImageMetadata {
            width: size.width(),
            height: size.height(),
        }
    }

    /// The image with `size` device pixels, or fewer in the same proportion where there would be too many. One that cannot
    /// be drawn, or [takes too much](drawing_cost), or has no extent, is a transparent pixel.
    pub(super) fn rasterize(&self, size: DeviceIntSize) -> RasterImage {
        raster_size(size)
            .filter(|size| {
                drawing_cost::check(&self.tree, *size)
                    .inspect_err(|error| warn!("An SVG image is not drawn: {error}"))
                    .is_ok()
            })
            .and_then(|size| contain("rasterizing an SVG image", || self.draw(size))?)
            .unwrap_or_else(|| self.raster_image(1, 1, vec![0; 4]))
    }

    fn draw(&self, size: IntSize) -> Option<RasterImage> {
        let (width, height) = (size.width(), size.height());
        let natural = self.tree.size();
        let transform = Transform::from_scale(
            width as f32 / natural.width(),
            height as f32 / natural.height(),
        );
        let mut pixmap = Pixmap::new(width, height)?;
        resvg::render(&self.tree, transform, &mut pixmap.as_mut());
        Some(self.raster_image(width, height, pixmap.take()))
    }

    fn raster_image(&self, width: u32, height: u32, premultiplied_rgba8: Vec<u8>) -> RasterImage {
        RasterImage {
            metadata: ImageMetadata { width, height },
            format: PixelFormat::RGBA8,
            id: None,
            cors_status: self.cors_status,
            frames: vec![ImageFrame {
                delay: None,
                byte_range: 0..premultiplied_rgba8.len(),
                width,
                height,
            }],
            bytes: Arc::new(premultiplied_rgba8),
            is_opaque: false,
            loop_count: None,
        }
    }
}

/// Why bytes are not an SVG image.
#[derive(Debug, Error)]
enum ParseError {
    #[error(transparent)]
    Svg(#[from] usvg::Error),
    #[error(transparent)]
    TooFar(#[from] TooFar),
}

fn parse(text: &str, options: &usvg::Options<'_>) -> Result<usvg::Tree, ParseError> {
    let document = document(text)?;
    svg_references::check(&document)?;
    Ok(usvg::Tree::from_xmltree(&document, options)?)
}

fn document(text: &str) -> Result<Document<'_>, usvg::Error> {
    let options = ParsingOptions {
        // Entities are usual in what some programs write. What they come to is bounded.
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(usvg::Error::ParsingFailed)
}

/// `requested`, scaled down to the limits; `None` if it has no extent.
fn raster_size(requested: DeviceIntSize) -> Option<IntSize> {
    if requested.width <= 0 || requested.height <= 0 {
        return None;
    }
    let (width, height) = (f64::from(requested.width), f64::from(requested.height));
    let scale = (SIDE_LIMIT / width.max(height))
        .min((AREA_LIMIT / (width * height)).sqrt())
        .min(1.0);
    IntSize::from_wh(
        ((width * scale) as u32).max(1),
        ((height * scale) as u32).max(1),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use resvg::usvg::Font;

    use super::*;

    #[derive(MallocSizeOf)]
    struct NoFonts;

    impl FontResolver for NoFonts {
        fn resolve(&self, _: &Font, _: &mut Arc<fontdb::Database>) -> Option<fontdb::ID> {
            None
        }

        fn resolve_fallback(
            &self,
            _: char,
            _: &[fontdb::ID],
            _: &mut Arc<fontdb::Database>,
        ) -> Option<fontdb::ID> {
            None
        }
    }

    fn image(text: &str) -> Option<SvgImage> {
        let fonts: Arc<dyn FontResolver> = Arc::new(NoFonts);
        SvgImage::parse(text.as_bytes(), CorsStatus::Safe, &parsing_options(&fonts))
    }

    fn svg(attributes: &str, contents: &str) -> String {
        format!("<svg xmlns='http://www.w3.org/2000/svg' {attributes}>{contents}</svg>")
    }

    fn pixel(image: &RasterImage, x: usize, y: usize) -> [u8; 4] {
        let at = (y * image.metadata.width as usize + x) * 4;
        image.bytes[at..at + 4].try_into().unwrap()
    }

    #[test]
    fn an_image_fills_the_size_that_was_asked_for() {
        let contents = "<rect width='5' height='4' fill='#f00'/>";
        let image = image(&svg("width='10' height='4'", contents)).unwrap();
        assert_eq!(
            image.natural_size(),
            ImageMetadata {
                width: 10,
                height: 4,
            }
        );
        let raster = image.rasterize(DeviceIntSize::new(100, 80));
        assert_eq!(raster.metadata.width, 100);
        assert_eq!(raster.metadata.height, 80);
        assert_eq!(pixel(&raster, 48, 78), [255, 0, 0, 255]);
        assert_eq!(pixel(&raster, 52, 78), [0, 0, 0, 0]);
    }

    #[test]
    fn sizes_are_bounded_in_proportion() {
        for (requested, expected) in [
            ((0, 10), None),
            ((10, -1), None),
            ((640, 480), Some((640, 480))),
            ((10_000, 10), Some((5000, 5))),
            ((i32::MAX, 1), Some((5000, 1))),
            ((8192, 8192), Some((4096, 4096))),
        ] {
            let size = raster_size(DeviceIntSize::new(requested.0, requested.1));
            assert_eq!(size.map(|size| (size.width(), size.height())), expected);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_obstacle() {
        let text = format!("\u{feff}{}", svg("width='1' height='1'", ""));
        assert!(image(&text).is_some());
    }

    #[test]
    fn an_image_without_extent_is_a_transparent_pixel() {
        let image = image(&svg("width='1' height='1'", "")).unwrap();
        let raster = image.rasterize(DeviceIntSize::new(0, 5));
        assert_eq!(raster.bytes.as_slice(), [0, 0, 0, 0]);
    }

    #[test]
    fn what_would_never_be_done_is_not_begun() {
        let filter = "<filter id='f'><feMorphology radius='9999'/></filter>\
                      <rect width='9' height='9' filter='url(#f)'/>";
        let image = image(&svg("width='10' height='10'", filter)).unwrap();
        let raster = image.rasterize(DeviceIntSize::new(4000, 4000));
        assert_eq!(raster.bytes.as_slice(), [0, 0, 0, 0]);
        // In a small size it can be drawn.
        assert_eq!(
            image.rasterize(DeviceIntSize::new(10, 10)).metadata.width,
            10
        );
    }

    #[test]
    fn layers_within_layers_do_not_overflow() {
        let inner = "<rect width='9' height='9'/>";
        let deep = format!(
            "{}{inner}{}",
            "<g opacity='.9'>".repeat(900),
            "</g>".repeat(900)
        );
        let image = image(&svg("width='10' height='10'", &deep)).unwrap();
        assert_eq!(
            image.rasterize(DeviceIntSize::new(10, 10)).metadata.width,
            10
        );
    }

    #[test]
    fn nothing_is_read_from_outside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("red.svg");
        std::fs::write(
            &path,
            svg(
                "width='4' height='4'",
                "<rect width='4' height='4' fill='#f00'/>",
            ),
        )
        .unwrap();
        for href in [
            path.display().to_string(),
            format!("file://{}", path.display()),
        ] {
            let contents = format!("<image href='{href}' width='4' height='4'/>");
            let image = image(&svg("width='4' height='4'", &contents)).unwrap();
            let raster = image.rasterize(DeviceIntSize::new(4, 4));
            assert_eq!(pixel(&raster, 2, 2), [0, 0, 0, 0], "{href}");
        }
    }

    #[test]
    fn compressed_documents_are_not_inflated() {
        let gzip =
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xb3\x29\x2e\x4b\xd7\xb7\x03\0\x42\x0f\x83\x28\x06\0\0\0";
        let fonts: Arc<dyn FontResolver> = Arc::new(NoFonts);
        assert!(SvgImage::parse(gzip, CorsStatus::Safe, &parsing_options(&fonts)).is_none());
    }

    proptest! {
        #[test]
        fn broken_documents_never_panic(
            attributes in "( (width|height|viewBox)='[-0-9e. %]{0,12}'){0,3}",
            contents in "(<(rect|path d='M0 0L[0-9e -]{0,9}z'|g|use href='#a'|filter id='a'|text)[^<]{0,12}/?>){0,6}",
        ) {
            if let Some(image) = image(&svg(&attributes, &contents)) {
                image.rasterize(DeviceIntSize::new(16, 16));
            }
        }
    }
}
