//! Decoding raster images.
//!
//! The formats are those of [`pixels`]. What a server can make a page allocate is bounded here, before anything is
//! allocated: an image of a few bytes can claim any size, and an animation any number of frames.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::LoopCount;
use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};
use imsz::imsz_from_reader;
use log::debug;
use pixels::{
    CorsStatus, ImageFrame, ImageMetadata, PixelFormat, RasterImage, Repeat, detect_image_format,
    rgba8_premultiply_inplace,
};
use thiserror::Error;

use super::panics::contain;

/// How many bytes the pixels of an image may take, all frames together. Further frames are left out.
const PIXEL_LIMIT: u64 = 512 << 20;

/// How many bytes at the start of an image are searched for its size. An image that says it later has its size when it is
/// decoded.
pub(super) const HEADER_LIMIT: usize = 256 << 10;

/// Why bytes are not an image.
#[derive(Debug, Error)]
enum DecodeError {
    #[error(transparent)]
    Format(#[from] ImageError),
    #[error("no frame of it has a pixel, or not even the first fits the memory for an image")]
    NoPixels,
}

/// The size of an image of which `start` has arrived, if that is enough to know it.
pub(super) fn metadata(start: &[u8]) -> Option<ImageMetadata> {
    let start = start.get(..HEADER_LIMIT).unwrap_or(start);
    detect_image_format(start).ok()?;
    let header = contain("reading an image's size", || {
        imsz_from_reader(&mut Cursor::new(start)).ok()
    })??;
    Some(ImageMetadata {
        width: u32::try_from(header.width).ok()?,
        height: u32::try_from(header.height).ok()?,
    })
}

/// The image that `bytes` are, without a key yet; `None` if they are none, or a larger one than is decoded.
pub(super) fn decode(bytes: &[u8], cors_status: CorsStatus) -> Option<RasterImage> {
    let format = detect_image_format(bytes).ok()?;
    contain("decoding an image", || {
        decode_format(bytes, format, cors_status)
    })?
    .inspect_err(|error| debug!("An image could not be decoded: {error}"))
    .ok()
}

fn decode_format(
    bytes: &[u8],
    format: ImageFormat,
    cors_status: CorsStatus,
) -> Result<RasterImage, DecodeError> {
    let reader = Cursor::new(bytes);
    match format {
        ImageFormat::Gif => {
            let decoder = check_size(GifDecoder::new(reader)?)?;
            decode_animation(decoder, cors_status)
        },
        ImageFormat::Png => {
            let decoder = check_size(PngDecoder::with_limits(reader, limits())?)?;
            if decoder.is_apng()? {
                decode_animation(decoder.apng()?, cors_status)
            } else {
                decode_still(decoder, cors_status)
            }
        },
        ImageFormat::WebP => {
            let decoder = check_size(WebPDecoder::new(reader)?)?;
            if decoder.has_animation() {
                decode_animation(decoder, cors_status)
            } else {
                decode_still(decoder, cors_status)
            }
        },
        _ => {
            let mut reader = ImageReader::with_format(reader, format);
            reader.limits(limits());
            decode_still(check_size(reader.into_decoder()?)?, cors_status)
        },
    }
}

/// Gives `decoder` back if what it decodes has pixels, and not too many of them.
fn check_size<D: ImageDecoder>(mut decoder: D) -> Result<D, DecodeError> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels);
    }
    let as_rgba8 = (u64::from(width) * u64::from(height)).saturating_mul(4);
    limits().reserve(as_rgba8.max(decoder.total_bytes()))?;
    decoder.set_limits(limits())?;
    Ok(decoder)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(PIXEL_LIMIT);
    limits
}

fn decode_still(
    mut decoder: impl ImageDecoder,
    cors_status: CorsStatus,
) -> Result<RasterImage, DecodeError> {
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    let mut rgba = image.into_rgba8();
    let is_opaque = rgba8_premultiply_inplace(&mut rgba);
    let (width, height) = rgba.dimensions();
    let bytes = rgba.into_raw();
    Ok(RasterImage {
        metadata: ImageMetadata { width, height },
        format: PixelFormat::RGBA8,
        id: None,
        cors_status,
        frames: vec![ImageFrame {
            delay: None,
            byte_range: 0..bytes.len(),
            width,
            height,
        }],
        bytes: Arc::new(bytes),
        is_opaque,
        loop_count: None,
    })
}

/// Decodes the frames up to the first that is broken or for which there is no room.
fn decode_animation<'a>(
    decoder: impl AnimationDecoder<'a>,
    cors_status: CorsStatus,
) -> Result<RasterImage, DecodeError> {
    let loop_count = match decoder.loop_count() {
        LoopCount::Infinite => Repeat::Infinite,
        LoopCount::Finite(times) => Repeat::Finite(times),
    };
    let mut frames = Vec::new();
    let mut bytes = Vec::new();
    let mut metadata = ImageMetadata {
        width: 0,
        height: 0,
    };
    let mut is_opaque = true;
    for frame in decoder.into_frames() {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if frames.is_empty() => return Err(error.into()),
            // NB: the iterator may go on to yield this error for ever.
            Err(_) => break,
        };
        let delay = Duration::from(frame.delay());
        let mut pixels = frame.into_buffer();
        if (bytes.len() + pixels.len()) as u64 > PIXEL_LIMIT {
            break;
        }
        is_opaque &= rgba8_premultiply_inplace(&mut pixels);
        let (width, height) = pixels.dimensions();
        metadata.width = metadata.width.max(width);
        metadata.height = metadata.height.max(height);
        let start = bytes.len();
        bytes.extend_from_slice(&pixels);
        frames.push(ImageFrame {
            delay: Some(delay),
            byte_range: start..bytes.len(),
            width,
            height,
        });
    }
    if metadata.width == 0 || metadata.height == 0 {
        return Err(DecodeError::NoPixels);
    }
    bytes.shrink_to_fit();
    Ok(RasterImage {
        metadata,
        format: PixelFormat::RGBA8,
        id: None,
        cors_status,
        frames,
        bytes: Arc::new(bytes),
        is_opaque,
        loop_count: Some(loop_count),
    })
}

#[cfg(test)]
mod tests {
    use image::codecs::gif::GifEncoder;
    use image::{Frame, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    const SAFE: CorsStatus = CorsStatus::Safe;

    fn still(format: ImageFormat) -> Vec<u8> {
        let image = RgbaImage::from_pixel(4, 3, Rgba([200, 100, 0, 255]));
        let mut bytes = Cursor::new(Vec::new());
        match format {
            ImageFormat::Jpeg => DynamicImage::from(image)
                .into_rgb8()
                .write_to(&mut bytes, format),
            _ => image.write_to(&mut bytes, format),
        }
        .unwrap();
        bytes.into_inner()
    }

    fn gif(frames: usize, size: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        GifEncoder::new(&mut bytes)
            .encode_frames((0..frames).map(|_| Frame::new(RgbaImage::new(size, size))))
            .unwrap();
        bytes
    }

    #[test]
    fn every_format_is_decoded() {
        for format in [
            ImageFormat::Bmp,
            ImageFormat::Gif,
            ImageFormat::Ico,
            ImageFormat::Jpeg,
            ImageFormat::Png,
            ImageFormat::WebP,
        ] {
            let bytes = still(format);
            let size = ImageMetadata {
                width: 4,
                height: 3,
            };
            assert_eq!(metadata(&bytes), Some(size), "{format:?}");
            let image = decode(&bytes, SAFE).unwrap();
            assert_eq!(image.metadata, size, "{format:?}");
            assert_eq!(image.frames.len(), 1, "{format:?}");
            assert_eq!(image.bytes.len(), 4 * 4 * 3, "{format:?}");
            assert!(image.is_opaque, "{format:?}");
        }
    }

    #[test]
    fn the_size_is_known_before_the_pixels() {
        let bytes = still(ImageFormat::Png);
        assert_eq!(metadata(&bytes[..8]), None);
        assert!(metadata(&bytes[..33]).is_some());
        assert!(decode(&bytes[..33], SAFE).is_none());
        assert_eq!(metadata(b"<!DOCTYPE html>"), None);
    }

    #[test]
    fn colours_are_premultiplied() {
        let image = RgbaImage::from_pixel(1, 1, Rgba([200, 100, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let image = decode(bytes.get_ref(), SAFE).unwrap();
        assert_eq!(image.bytes.as_slice(), [0, 0, 0, 0]);
        assert!(!image.is_opaque);
    }

    #[test]
    fn animations_keep_their_frames_in_one_buffer() {
        let image = decode(&gif(3, 2), SAFE).unwrap();
        assert_eq!(image.frames.len(), 3);
        assert_eq!(image.bytes.len(), 3 * 2 * 2 * 4);
        assert_eq!(image.frames[2].byte_range, 32..48);
        assert!(image.loop_count.is_some());
    }

    #[test]
    fn a_broken_frame_ends_an_animation() {
        let bytes = gif(3, 8);
        let image = decode(&bytes[..bytes.len() - 12], SAFE).unwrap();
        assert!((1..3).contains(&image.frames.len()));
    }

    /// A few bytes that claim to be 65535 × 65535 pixels.
    #[test]
    fn an_image_that_claims_to_be_huge_is_not_decoded() {
        let mut png = still(ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        let mut gif = gif(1, 2);
        gif[6..10].copy_from_slice(&[0xff; 4]);
        let mut bmp = still(ImageFormat::Bmp);
        bmp[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
        for bytes in [png, gif, bmp] {
            assert!(decode(&bytes, SAFE).is_none());
        }
    }

    const MAGIC: [&[u8]; 8] = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"GIF89a\x10\0\x10\0\xf0\0\0",
        b"RIFF\x40\0\0\0WEBPVP8L\x20\0\0\0\x2f",
        b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0",
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0",
        b"\0\0\x02\0\x01\0",
    ];

    proptest! {
        #[test]
        fn noise_behind_a_magic_number_never_panics(
            magic in proptest::sample::select(MAGIC.to_vec()),
            noise in proptest::collection::vec(any::<u8>(), 0..256),
        ) {
            let bytes = [magic, &noise].concat();
            metadata(&bytes);
            if let Some(image) = decode(&bytes, SAFE) {
                prop_assert!(image.first_frame().bytes.len() as u64 <= PIXEL_LIMIT);
            }
        }

        #[test]
        fn a_damaged_image_never_panics(
            format in proptest::sample::select(vec![
                ImageFormat::Bmp,
                ImageFormat::Gif,
                ImageFormat::Ico,
                ImageFormat::Jpeg,
                ImageFormat::Png,
                ImageFormat::WebP,
            ]),
            damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8),
            end in any::<usize>(),
        ) {
            let mut bytes = still(format);
            for (position, value) in damage {
                let position = position % bytes.len();
                bytes[position] = value;
            }
            bytes.truncate(end % (2 * bytes.len()));
            metadata(&bytes);
            decode(&bytes, SAFE);
        }
    }
}
