//! What it takes to draw an SVG image, before it is drawn. A few hundred bytes can describe a picture that takes hours or all
//! memory: filters whose work grows with the square of a number in them, patterns and layers of any size, shapes upon shapes.
//! Drawing cannot be ended once it has begun, and the threads that draw are shared by all documents.

use resvg::tiny_skia::{IntSize, Rect, Transform};
use resvg::usvg::filter::{Filter, Kind};
use resvg::usvg::{ClipPath, Group, Image, ImageKind, Mask, Node, Paint, Path, Pattern, Tree};
use thiserror::Error;

/// How many pixels may be written, with those that are read for one counted like it. That is some seconds, or a minute where
/// an estimate is too low.
const WORK_LIMIT: f64 = 4e9;

/// How many bytes of pixels may be held at one time, beyond the image itself.
const MEMORY_LIMIT: f64 = 512.0 * 1024.0 * 1024.0;

/// How many bytes a pixel has.
const PIXEL_BYTES: f64 = 4.0;

/// What a node takes whatever its size, in pixels written; and what a segment of a path takes.
const NODE_WORK: f64 = 256.0;
const SEGMENT_WORK: f64 = 64.0;

/// How many dashes of one stroke are drawn.
const DASHES_LIMIT: f64 = 1e6;

/// How many canvases wide and high a layer of resvg's is at most.
const LAYER_LIMIT: f64 = 5.0;

/// Why an image is not drawn.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum TooCostly {
    /// It takes too long.
    #[error("it takes more than {WORK_LIMIT} pixels to draw it")]
    Work,
    /// It takes too much memory.
    #[error("it takes more than {MEMORY_LIMIT} bytes to draw it")]
    Memory,
}

/// Looks at what it takes to draw `tree` with `size` pixels.
///
/// # Errors
/// What there is too much of. The estimate itself ends as soon as there is.
pub(super) fn check(tree: &Tree, size: IntSize) -> Result<(), TooCostly> {
    let (width, height) = (f64::from(size.width()), f64::from(size.height()));
    let natural = tree.size();
    let surface = Surface {
        transform: Transform::from_scale(
            size.width() as f32 / natural.width(),
            size.height() as f32 / natural.height(),
        ),
        width,
        height,
        layer: (width * LAYER_LIMIT, height * LAYER_LIMIT),
        held: 0.0,
    };
    Estimate { work: 0.0 }.group(tree.root(), surface)
}

/// What is drawn onto.
#[derive(Clone, Copy)]
struct Surface {
    transform: Transform,
    /// In pixels.
    width: f64,
    height: f64,
    /// How wide and high a layer may be.
    layer: (f64, f64),
    /// How many bytes are held while this is drawn.
    held: f64,
}

impl Surface {
    fn pixels(&self) -> f64 {
        self.width * self.height
    }

    /// How many pixels of it `rect` covers at most.
    fn covered_by(&self, rect: Rect) -> f64 {
        let (width, height) = self.size_of(rect);
        width.min(self.width) * height.min(self.height)
    }

    /// How many pixels wide and high `rect` is, with a margin.
    fn size_of(&self, rect: Rect) -> (f64, f64) {
        rect.transform(self.transform).map_or((0.0, 0.0), |rect| {
            (
                f64::from(rect.width()) + 4.0,
                f64::from(rect.height()) + 4.0,
            )
        })
    }

    /// This, while `count` more surfaces of that size are held.
    fn holding(self, count: f64, (width, height): (f64, f64)) -> Result<Self, TooCostly> {
        let held = self.held + count * width * height * PIXEL_BYTES;
        if held.is_nan() || held > MEMORY_LIMIT {
            return Err(TooCostly::Memory);
        }
        Ok(Self { held, ..self })
    }
}

struct Estimate {
    work: f64,
}

impl Estimate {
    fn spend(&mut self, work: f64) -> Result<(), TooCostly> {
        self.work += work;
        if self.work.is_nan() || self.work > WORK_LIMIT {
            return Err(TooCostly::Work);
        }
        Ok(())
    }

    /// The contents of a group, onto its own layer if it has one.
    fn group(&mut self, group: &Group, surface: Surface) -> Result<(), TooCostly> {
        let transform = surface.transform.pre_concat(group.transform());
        let surface = Surface {
            transform,
            ..surface
        };
        self.spend(NODE_WORK)?;
        if !group.should_isolate() {
            return self.children(group, surface);
        }
        let (width, height) = surface.size_of(group.layer_bounding_box().to_rect());
        let size = (width.min(surface.layer.0), height.min(surface.layer.1));
        let layer = Surface {
            width: size.0,
            height: size.1,
            ..surface.holding(1.0, size)?
        };
        self.spend(2.0 * layer.pixels())?;
        self.children(group, layer)?;
        for filter in group.filters() {
            self.filter(filter, layer)?;
        }
        if let Some(clip_path) = group.clip_path() {
            self.clip_path(clip_path, layer)?;
        }
        if let Some(mask) = group.mask() {
            self.mask(mask, layer)?;
        }
        Ok(())
    }

    fn children(&mut self, group: &Group, surface: Surface) -> Result<(), TooCostly> {
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group, surface)?,
                Node::Path(path) => self.path(path, surface)?,
                Node::Image(image) => self.image(image, surface)?,
                Node::Text(text) => self.group(text.flattened(), surface)?,
            }
        }
        Ok(())
    }

    fn path(&mut self, path: &Path, surface: Surface) -> Result<(), TooCostly> {
        let segments = path.data().len() as f64;
        self.spend(NODE_WORK + segments * SEGMENT_WORK)?;
        let covered = surface.covered_by(path.stroke_bounding_box());
        if let Some(fill) = path.fill() {
            self.paint(fill.paint(), covered, surface)?;
        }
        if let Some(stroke) = path.stroke() {
            self.paint(stroke.paint(), covered, surface)?;
            if let Some(dashes) = stroke.dasharray() {
                let period: f32 = dashes.iter().sum();
                let bounds = path.data().bounds();
                let length = segments * f64::from(bounds.width() + bounds.height());
                let periods = length / f64::from(period.max(f32::MIN_POSITIVE));
                let count = (periods * dashes.len() as f64).min(DASHES_LIMIT);
                self.spend(count * SEGMENT_WORK)?;
            }
        }
        Ok(())
    }

    /// So many pixels, painted with `paint`.
    fn paint(&mut self, paint: &Paint, pixels: f64, surface: Surface) -> Result<(), TooCostly> {
        match paint {
            Paint::Color(_) => self.spend(pixels),
            Paint::LinearGradient(_) | Paint::RadialGradient(_) => self.spend(4.0 * pixels),
            Paint::Pattern(pattern) => {
                self.spend(16.0 * pixels)?;
                self.pattern(pattern, surface)
            },
        }
    }

    fn pattern(&mut self, pattern: &Pattern, surface: Surface) -> Result<(), TooCostly> {
        let transform = surface.transform.pre_concat(pattern.transform());
        let (x, y) = transform.get_scale();
        let rect = pattern.rect();
        let size = (
            f64::from(rect.width()) * f64::from(x),
            f64::from(rect.height()) * f64::from(y),
        );
        let tile = Surface {
            transform: Transform::from_scale(x, y),
            width: size.0,
            height: size.1,
            ..surface.holding(1.0, size)?
        };
        self.spend(tile.pixels())?;
        self.group(pattern.root(), tile)
    }

    fn image(&mut self, image: &Image, surface: Surface) -> Result<(), TooCostly> {
        self.spend(NODE_WORK + 16.0 * surface.pixels())?;
        let ImageKind::SVG(tree) = image.kind() else {
            let size = image.size();
            let size = (f64::from(size.width()), f64::from(size.height()));
            // While it is decoded it is there twice.
            surface.holding(2.0, size)?;
            return self.spend(4.0 * size.0 * size.1);
        };
        let (width, height) = (surface.width, surface.height);
        let own = Surface {
            layer: (width * LAYER_LIMIT, height * LAYER_LIMIT),
            ..surface.holding(1.0, (width, height))?
        };
        self.group(tree.root(), own)
    }

    fn clip_path(&mut self, clip_path: &ClipPath, layer: Surface) -> Result<(), TooCostly> {
        let size = (layer.width, layer.height);
        let layer = layer.holding(2.0, size)?;
        self.spend(4.0 * layer.pixels())?;
        let clipped = Surface {
            transform: layer.transform.pre_concat(clip_path.transform()),
            ..layer
        };
        self.group(clip_path.root(), clipped)?;
        clip_path
            .clip_path()
            .map_or(Ok(()), |clip_path| self.clip_path(clip_path, layer))
    }

    fn mask(&mut self, mask: &Mask, layer: Surface) -> Result<(), TooCostly> {
        let size = (layer.width, layer.height);
        let layer = layer.holding(2.0, size)?;
        self.spend(6.0 * layer.pixels())?;
        self.group(mask.root(), layer)?;
        mask.mask().map_or(Ok(()), |mask| self.mask(mask, layer))
    }

    fn filter(&mut self, filter: &Filter, layer: Surface) -> Result<(), TooCostly> {
        let (width, height) = layer.size_of(filter.rect().to_rect());
        let (width, height) = (width.min(layer.width), height.min(layer.height));
        let (x, y) = layer.transform.get_scale();
        let mut region = Surface {
            width,
            height,
            ..layer
        };
        for primitive in filter.primitives() {
            // Each result is kept for those that follow, and copied once to be worked on.
            region = region.holding(1.0, (width, height))?;
            region.holding(3.0, (width, height))?;
            let of_each_pixel = match primitive.kind() {
                Kind::ConvolveMatrix(convolve) => {
                    let matrix = convolve.matrix();
                    2.0 * f64::from(matrix.columns()) * f64::from(matrix.rows())
                },
                Kind::Morphology(morphology) => {
                    let side = |radius: f32, scale: f32, most: f64| {
                        (2.0 * (f64::from(radius) * f64::from(scale)).ceil())
                            .clamp(1.0, most.max(1.0))
                    };
                    side(morphology.radius_x().get(), x, width)
                        * side(morphology.radius_y().get(), y, height)
                },
                Kind::Turbulence(turbulence) => 40.0 * f64::from(turbulence.num_octaves()),
                Kind::GaussianBlur(_) | Kind::DropShadow(_) => 40.0,
                Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => 40.0,
                Kind::Image(image) => {
                    self.group(image.root(), region)?;
                    8.0
                },
                Kind::Blend(_)
                | Kind::ColorMatrix(_)
                | Kind::ComponentTransfer(_)
                | Kind::Composite(_)
                | Kind::DisplacementMap(_)
                | Kind::Flood(_)
                | Kind::Merge(_)
                | Kind::Offset(_)
                | Kind::Tile(_) => 8.0,
            };
            self.spend(NODE_WORK + (8.0 + of_each_pixel) * region.pixels())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use resvg::usvg::Options;

    use super::*;

    fn of(contents: &str, side: u32) -> Result<(), TooCostly> {
        let text = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
             width='100' height='100'>{contents}</svg>"
        );
        let tree = Tree::from_str(&text, &Options::default()).unwrap();
        check(&tree, IntSize::from_wh(side, side).unwrap())
    }

    const RECT: &str = "<rect width='100' height='100' fill='#f00'";

    /// A rectangle with a filter of one primitive.
    fn filtered(primitive: &str) -> String {
        format!(
            "<filter id='f' x='0' y='0' width='1' height='1'>{primitive}</filter>{RECT} filter='url(#f)'/>"
        )
    }

    #[test]
    fn what_pages_have_is_drawn() {
        for contents in [
            format!("{RECT}/>"),
            filtered("<feGaussianBlur stdDeviation='5'/>"),
            filtered("<feDropShadow dx='1' dy='1' stdDeviation='2'/>"),
            filtered("<feMorphology operator='dilate' radius='1'/>"),
            filtered("<feTurbulence baseFrequency='.05' numOctaves='3'/>"),
            filtered("<feConvolveMatrix order='3' kernelMatrix='1 1 1 1 1 1 1 1 1'/>"),
            format!(
                "<pattern id='p' width='10' height='10' patternUnits='userSpaceOnUse'>\
                 <rect width='5' height='5'/></pattern>{RECT} style='fill:url(#p)'/>"
            ),
            format!("<g opacity='.5'>{RECT}/></g>").repeat(20),
            format!("<mask id='m'>{RECT}/></mask>{RECT} mask='url(#m)'/>"),
            "<path d='M0 0L9 9L3 5z'/>".repeat(20_000),
            "<path d='M0 0L90 90' stroke='#000' stroke-dasharray='1 1'/>".repeat(100),
        ] {
            assert_eq!(of(&contents, 1000), Ok(()), "{}", &contents[..40]);
        }
        // And larger.
        assert_eq!(of(&format!("{RECT}/>"), 4096), Ok(()));
        assert_eq!(
            of(&filtered("<feGaussianBlur stdDeviation='5'/>"), 2500),
            Ok(())
        );
    }

    #[test]
    fn what_would_take_hours_is_not() {
        use TooCostly::Work;
        let nested_patterns: String = (0..3)
            .map(|level| {
                let fill = format!("fill='url(#p{})'", level + 1);
                let rects = format!("<rect width='1' height='1' {fill}/>").repeat(200);
                format!(
                    "<pattern id='p{level}' width='1' height='1' patternUnits='userSpaceOnUse'>{rects}</pattern>"
                )
            })
            .collect();
        let innermost = "<pattern id='p3' width='1' height='1' patternUnits='userSpaceOnUse'>\
                         <rect width='1' height='1'/></pattern>";
        for contents in [
            filtered("<feMorphology operator='erode' radius='1000'/>"),
            filtered("<feTurbulence baseFrequency='.05' numOctaves='4000000000'/>"),
            filtered(&"<feGaussianBlur stdDeviation='5'/>".repeat(100)),
            filtered(&format!(
                "<feConvolveMatrix order='100' kernelMatrix='{}'/>",
                "1 ".repeat(10_000)
            )),
            format!("{RECT}/>").repeat(5000),
            format!("{innermost}{nested_patterns}{RECT} style='fill:url(#p0)'/>"),
        ] {
            assert_eq!(of(&contents, 1000), Err(Work), "{}", &contents[..90]);
        }
        let dashed = "<path d='M0 0L90 90' stroke='#000' stroke-dasharray='.00001'/>";
        assert_eq!(of(&dashed.repeat(80), 10), Err(Work));
    }

    #[test]
    fn what_would_take_all_memory_is_not() {
        use TooCostly::Memory;
        for (contents, side) in [
            (
                format!(
                    "<pattern id='p' width='40000' height='40000' patternUnits='userSpaceOnUse'>\
                     <rect width='5' height='5'/></pattern>{RECT} style='fill:url(#p)'/>"
                ),
                100,
            ),
            (
                format!(
                    "{}<rect width='9999' height='9999'/>{}",
                    "<g opacity='.5'>".repeat(50),
                    "</g>".repeat(50)
                ),
                1000,
            ),
            (filtered(&"<feOffset dx='1'/>".repeat(100)), 1200),
        ] {
            assert_eq!(of(&contents, side), Err(Memory), "{}", &contents[..60]);
        }
    }
}
