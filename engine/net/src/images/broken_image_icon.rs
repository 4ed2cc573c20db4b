//! The picture in place of an image that could not be had.

use std::sync::Arc;

use malloc_size_of::{MallocConditionalSizeOf, MallocSizeOfOps};
use parking_lot::Mutex;
use pixels::{CorsStatus, ImageFrame, ImageMetadata, PixelFormat, RasterImage};
use webrender_api::ImageKey;

use super::decode::decode;

/// The side of the built-in icon, in pixels.
const SIDE: usize = 16;

/// A document's broken image icon, which is made when it is needed first.
pub(super) struct BrokenImageIcon {
    data: Arc<Vec<u8>>,
    image: Mutex<Option<Arc<RasterImage>>>,
}

impl BrokenImageIcon {
    /// The icon that `data` encodes. If it is no image, the icon is a crossed-out frame.
    pub(super) fn new(data: Arc<Vec<u8>>) -> Self {
        Self {
            data,
            image: Mutex::default(),
        }
    }

    /// The icon, which `upload` makes paintable the first time; `None` if it cannot.
    pub(super) fn get(
        &self,
        upload: impl FnOnce(RasterImage) -> Option<RasterImage>,
    ) -> Option<Arc<RasterImage>> {
        let mut image = self.image.lock();
        if image.is_none() {
            let icon = decode(&self.data, CorsStatus::Unsafe).unwrap_or_else(crossed_out_frame);
            *image = upload(icon).map(Arc::new);
        }
        image.clone()
    }

    /// Forgets the icon and returns the key that it was painted by.
    pub(super) fn clear(&self) -> Option<ImageKey> {
        self.image.lock().take()?.id
    }

    pub(super) fn size_of(&self, ops: &mut MallocSizeOfOps) -> usize {
        let image = self.image.lock();
        self.data.conditional_size_of(ops)
            + image
                .as_ref()
                .map_or(0, |image| image.conditional_size_of(ops))
    }
}

fn crossed_out_frame() -> RasterImage {
    let mut bytes = Vec::with_capacity(SIDE * SIDE * 4);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let edge = x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1;
            let crossed = x == y || x + y == SIDE - 1;
            let grey = if edge || crossed { 0x80 } else { 0xff };
            bytes.extend_from_slice(&[grey, grey, grey, 0xff]);
        }
    }
    let side = SIDE as u32;
    RasterImage {
        metadata: ImageMetadata {
            width: side,
            height: side,
        },
        format: PixelFormat::RGBA8,
        id: None,
        cors_status: CorsStatus::Unsafe,
        frames: vec![ImageFrame {
            delay: None,
            byte_range: 0..bytes.len(),
            width: side,
            height: side,
        }],
        bytes: Arc::new(bytes),
        is_opaque: true,
        loop_count: None,
    }
}

#[cfg(test)]
mod tests {
    use webrender_api::IdNamespace;

    use super::*;

    #[test]
    fn the_icon_is_uploaded_once() {
        let icon = BrokenImageIcon::new(Arc::new(b"no image".to_vec()));
        assert!(icon.get(|_| None).is_none());

        let key = ImageKey::new(IdNamespace(1), 2);
        let image = icon.get(|mut image| {
            image.id = Some(key);
            Some(image)
        });
        assert_eq!(image.unwrap().metadata.width, 16);
        assert!(icon.get(|_| unreachable!()).is_some());
        assert_eq!(icon.clear(), Some(key));
        assert_eq!(icon.clear(), None);
    }
}
