//! Photographs for the photo host, made up from numbers: mountains in mist above a lake.

use anyhow::{Context, Result};
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

/// The size of every photograph, in pixels.
pub const WIDTH: u32 = 960;
/// See [`WIDTH`].
pub const HEIGHT: u32 = 600;

/// Where the water begins, as a part of the height.
const WATERLINE: f32 = 0.72;
/// Where the sky is palest, likewise.
const HORIZON: f32 = 0.52;
/// How many ranges of mountains stand behind each other.
const RANGES: u32 = 5;

/// A colour in linear parts of one.
type Colour = [f32; 3];

/// The light of one photograph.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Decides the shapes.
    pub seed: u32,
    /// The sky overhead.
    pub zenith: [u8; 3],
    /// The sky above the mountains.
    pub horizon: [u8; 3],
    /// The mountains nearby.
    pub foreground: [u8; 3],
    /// The sun, or the moon, and what it shines on.
    pub light: [u8; 3],
    /// Where it stands, as parts of the width and the height.
    pub sun: (f32, f32),
}

/// How well the pictures are kept, in JPEG's per cent.
const QUALITY: u8 = 88;

/// A developed photograph.
#[derive(Clone, Debug)]
pub struct Print {
    /// The picture as JPEG.
    pub jpeg: Bytes,
    /// The average of its pixels, by channel.
    pub average: [u8; 3],
}

/// Draws a photograph and encodes it.
///
/// # Errors
///
/// If the encoder fails.
pub fn develop(palette: &Palette) -> Result<Print> {
    let picture = draw(palette);
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    picture
        .write_with_encoder(encoder)
        .context("the photograph cannot be encoded")?;
    Ok(Print {
        jpeg: bytes.into(),
        average: average(&picture),
    })
}

fn average(picture: &RgbImage) -> [u8; 3] {
    let mut sums = [0_u64; 3];
    for pixel in picture.pixels() {
        for (sum, part) in sums.iter_mut().zip(pixel.0) {
            *sum += u64::from(part);
        }
    }
    let count = u64::from(picture.width()) * u64::from(picture.height());
    sums.map(|sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX))
}

fn draw(palette: &Palette) -> RgbImage {
    let ridges: Vec<Vec<f32>> = (0..RANGES)
        .map(|range| ridge(palette.seed, range))
        .collect();
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (u, v) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
        let colour = if v < WATERLINE {
            land(palette, &ridges, u, v)
        } else {
            // The lake shows the land upside down, darker with depth and torn by ripples.
            let depth = (v - WATERLINE) / (1.0 - WATERLINE);
            let ripple = noise(palette.seed ^ 0x5bd1, u * 14.0, v * 160.0) - 0.5;
            let mirrored = WATERLINE - (v - WATERLINE) * 1.25 + ripple * 0.02 * (0.4 + depth);
            let shifted = u + ripple * 0.012 * depth;
            let reflection = land(
                palette,
                &ridges,
                shifted.clamp(0.0, 0.999),
                mirrored.clamp(0.0, WATERLINE),
            );
            mix(
                reflection,
                scale(colour_of(palette.foreground), 0.55),
                0.18 + 0.5 * depth,
            )
        };
        // Film grain, so that no area is flat.
        let grain = (noise(palette.seed, x as f32 * 0.9, y as f32 * 0.9) - 0.5) * 0.02;
        Rgb(colour.map(|part| ((part + grain).clamp(0.0, 1.0) * 255.0).round() as u8))
    })
}

/// The sky, the sun and the mountains at a point above the water.
fn land(palette: &Palette, ridges: &[Vec<f32>], u: f32, v: f32) -> Colour {
    let column = ((u * WIDTH as f32) as usize).min(WIDTH as usize - 1);
    // The nearest range that reaches up to this point hides those behind it.
    let in_front = ridges
        .iter()
        .enumerate()
        .rev()
        .find(|(_, ridge)| v >= ridge[column]);
    let Some((range, ridge)) = in_front else {
        return sky(palette, u, v);
    };
    let nearness = (range as f32 + 1.4) / (RANGES as f32 + 0.4);
    let haze = mix(
        colour_of(palette.horizon),
        colour_of(palette.foreground),
        nearness.powf(1.3),
    );
    // Mist gathers below each ridge.
    let below = ((v - ridge[column]) / 0.22).clamp(0.0, 1.0);
    let mist = mix(
        haze,
        colour_of(palette.horizon),
        0.35 * below * (1.0 - nearness * 0.6),
    );
    let rock = layered_noise(palette.seed ^ (range as u32 * 977), u * 34.0, v * 60.0) - 0.5;
    mist.map(|part| part + rock * 0.12 * nearness)
}

fn sky(palette: &Palette, u: f32, v: f32) -> Colour {
    let base = mix(
        colour_of(palette.zenith),
        colour_of(palette.horizon),
        (v / HORIZON).min(1.0).powf(0.9),
    );
    let (dx, dy) = (
        (u - palette.sun.0) * WIDTH as f32 / HEIGHT as f32,
        v - palette.sun.1,
    );
    let distance = (dx * dx + dy * dy).sqrt();
    let glow = (1.0 - distance / 0.55).clamp(0.0, 1.0).powi(3) * 0.75;
    let disc = ((0.052 - distance) / 0.004).clamp(0.0, 1.0);
    let clouds =
        (layered_noise(palette.seed ^ 0xc10d, u * 3.0, v * 11.0) - 0.52).clamp(0.0, 1.0) * 1.3;
    let lit = mix(
        base,
        colour_of(palette.light),
        (glow + clouds * 0.5).clamp(0.0, 1.0),
    );
    mix(lit, [1.0, 0.98, 0.93], disc)
}

/// The height of one range in each column, as a part of the picture's height from the top.
fn ridge(seed: u32, range: u32) -> Vec<f32> {
    let nearness = range as f32 / RANGES as f32;
    (0..WIDTH)
        .map(|x| {
            let u = x as f32 / WIDTH as f32;
            let steepness = 2.2 + nearness * 2.5;
            let height = layered_noise(
                seed.wrapping_add(range * 131),
                u * steepness,
                nearness * 7.0,
            );
            (0.50 + nearness * 0.20) - (height - 0.42) * (0.40 - nearness * 0.20)
        })
        .collect()
}

/// Noise of several sizes, each half as strong as the one before; about 0 to 1.
fn layered_noise(seed: u32, x: f32, y: f32) -> f32 {
    let (mut sum, mut strength, mut scale) = (0.0, 0.5, 1.0);
    for layer in 0..6 {
        sum += noise(seed.wrapping_add(layer * 7919), x * scale, y * scale) * strength;
        strength *= 0.5;
        scale *= 2.03;
    }
    sum
}

/// Smooth noise, 0 to 1: values at whole numbers, blended between them.
fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (fx, fy) = (smooth(x - column), smooth(y - row));
    let corner = |dx: i32, dy: i32| lattice(seed, column as i32 + dx, row as i32 + dy);
    let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * fx;
    let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * fx;
    top + (bottom - top) * fy
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// A number from 0 to 1 for each point of the lattice, the same at every start.
fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    let mut hash =
        seed ^ (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
    hash ^= hash >> 15;
    (hash >> 8) as f32 / 16_777_216.0
}

fn colour_of(bytes: [u8; 3]) -> Colour {
    bytes.map(|byte| f32::from(byte) / 255.0)
}

fn mix(one: Colour, other: Colour, part: f32) -> Colour {
    [0, 1, 2].map(|index| one[index] + (other[index] - one[index]) * part)
}

fn scale(colour: Colour, factor: f32) -> Colour {
    colour.map(|part| part * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    const PALETTE: Palette = Palette {
        seed: 3,
        zenith: [40, 60, 110],
        horizon: [240, 180, 130],
        foreground: [20, 30, 40],
        light: [255, 210, 150],
        sun: (0.6, 0.3),
    };

    #[test]
    fn it_is_a_jpeg_of_the_stated_size_and_colour() {
        let print = develop(&PALETTE).expect("a photograph");
        let picture = image::load_from_memory_with_format(&print.jpeg, ImageFormat::Jpeg)
            .expect("a JPEG")
            .to_rgb8();
        assert_eq!(picture.dimensions(), (WIDTH, HEIGHT));
        for (decoded, drawn) in average(&picture).into_iter().zip(print.average) {
            assert!(decoded.abs_diff(drawn) <= 2, "{decoded} {drawn}");
        }
    }

    #[test]
    fn it_is_small_enough_to_be_held_while_the_user_thinks() {
        // A browser holds 256 KiB of a response while its question is open, and sends the request again beyond that.
        assert!(develop(&PALETTE).expect("a photograph").jpeg.len() < 256 * 1024);
    }

    #[test]
    fn it_has_a_bright_sky_and_a_dark_foreground() {
        let picture = draw(&PALETTE);
        let brightness = |x, y| {
            picture
                .get_pixel(x, y)
                .0
                .iter()
                .map(|part| u32::from(*part))
                .sum::<u32>()
        };
        let sun = ((0.6 * WIDTH as f32) as u32, (0.3 * HEIGHT as f32) as u32);
        assert!(
            brightness(sun.0, sun.1) > 700,
            "the sun is where it should be"
        );
        assert!(
            brightness(WIDTH / 2, HEIGHT - 3) < 300,
            "deep water is dark"
        );
    }

    #[test]
    fn seeds_make_different_pictures() {
        assert_ne!(draw(&PALETTE), draw(&Palette { seed: 4, ..PALETTE }));
    }
}
