//! WebRender's keys for the images of one document.
//!
//! A key comes from another process after a detour through script, so keys are asked for in batches. An image that is ready
//! before its key waits here.

use std::collections::VecDeque;

use malloc_size_of_derive::MallocSizeOf;
use net_traits::image_cache::PendingImageId;
use pixels::RasterImage;
use webrender_api::ImageKey;

use super::rasterizations::RasterizationId;

/// An image that lacks nothing but its key.
#[derive(MallocSizeOf)]
pub(super) enum Keyless {
    /// A raster image.
    Load(PendingImageId, RasterImage),
    /// A vector image at a size.
    Rasterization(RasterizationId, RasterImage),
}

/// What comes of asking for a key.
pub(super) enum Assignment {
    /// Here it is.
    Ready(ImageKey, Keyless),
    /// The image waits; if `ask`, a batch has to be asked for.
    Waiting {
        /// Whether nobody has asked for a batch yet.
        ask: bool,
    },
    /// The document is gone, and its images with it.
    Closed,
}

/// The keys that are free, and the images that wait for one.
#[derive(Default, MallocSizeOf)]
pub(super) struct ImageKeys {
    free: Vec<ImageKey>,
    waiting: VecDeque<Keyless>,
    asked: bool,
    closed: bool,
}

impl ImageKeys {
    /// A key for `image`, or a place in the queue.
    pub(super) fn assign(&mut self, image: Keyless) -> Assignment {
        if self.closed {
            return Assignment::Closed;
        }
        match self.free.pop() {
            Some(key) => Assignment::Ready(key, image),
            None => {
                self.waiting.push_back(image);
                Assignment::Waiting {
                    ask: !std::mem::replace(&mut self.asked, true),
                }
            },
        }
    }

    /// A free key, if there is one, and whether a batch has to be asked for.
    pub(super) fn take(&mut self) -> (Option<ImageKey>, bool) {
        let key = self.free.pop();
        let ask = key.is_none() && !self.closed && !std::mem::replace(&mut self.asked, true);
        (key, ask)
    }

    /// Takes a batch in. Returns the images that have got their keys, and whether another batch has to be asked for.
    pub(super) fn fill(&mut self, batch: Vec<ImageKey>) -> (Vec<(ImageKey, Keyless)>, bool) {
        if self.closed {
            return (Vec::new(), false);
        }
        let progress = !batch.is_empty();
        self.free.extend(batch);
        let count = self.waiting.len().min(self.free.len());
        let assigned = self
            .free
            .drain(self.free.len() - count..)
            .zip(self.waiting.drain(..count))
            .collect();
        // NB: after an empty batch nobody asks again until another image needs a key, lest the two sides go on for ever.
        self.asked = progress && !self.waiting.is_empty();
        (assigned, self.asked)
    }

    /// No image of this document will be painted any more.
    pub(super) fn close(&mut self) {
        *self = Self {
            closed: true,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pixels::{CorsStatus, ImageMetadata, PixelFormat};
    use webrender_api::IdNamespace;

    use super::*;

    fn image(id: u64) -> Keyless {
        let image = RasterImage {
            metadata: ImageMetadata {
                width: 0,
                height: 0,
            },
            format: PixelFormat::RGBA8,
            id: None,
            cors_status: CorsStatus::Safe,
            bytes: Arc::default(),
            frames: Vec::new(),
            is_opaque: true,
            loop_count: None,
        };
        Keyless::Load(PendingImageId(id), image)
    }

    fn batch(count: u32) -> Vec<ImageKey> {
        (0..count)
            .map(|n| ImageKey::new(IdNamespace(1), n))
            .collect()
    }

    fn ids(assigned: &[(ImageKey, Keyless)]) -> Vec<u64> {
        assigned
            .iter()
            .map(|(_, image)| match image {
                Keyless::Load(id, _) => id.0,
                Keyless::Rasterization(..) => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn one_batch_is_asked_for_at_a_time() {
        let mut keys = ImageKeys::default();
        assert!(matches!(
            keys.assign(image(1)),
            Assignment::Waiting { ask: true }
        ));
        assert!(matches!(
            keys.assign(image(2)),
            Assignment::Waiting { ask: false }
        ));
        assert_eq!(keys.take(), (None, false));

        let (assigned, ask) = keys.fill(batch(3));
        assert_eq!(ids(&assigned), [1, 2]);
        assert!(!ask);
        assert!(matches!(keys.assign(image(3)), Assignment::Ready(..)));
        assert_eq!(keys.take(), (None, true));
    }

    #[test]
    fn a_small_batch_is_followed_by_another() {
        let mut keys = ImageKeys::default();
        for id in 1..=3 {
            keys.assign(image(id));
        }
        let (assigned, ask) = keys.fill(batch(2));
        assert_eq!(ids(&assigned), [1, 2]);
        assert!(ask);
        let (assigned, ask) = keys.fill(batch(1));
        assert_eq!(ids(&assigned), [3]);
        assert!(!ask);
    }

    #[test]
    fn an_empty_batch_does_not_start_a_loop() {
        let mut keys = ImageKeys::default();
        keys.assign(image(1));
        let (assigned, ask) = keys.fill(Vec::new());
        assert!(assigned.is_empty() && !ask);
        assert!(matches!(
            keys.assign(image(2)),
            Assignment::Waiting { ask: true }
        ));
    }

    #[test]
    fn nothing_waits_after_the_end() {
        let mut keys = ImageKeys::default();
        keys.assign(image(1));
        keys.close();
        assert!(matches!(keys.assign(image(2)), Assignment::Closed));
        assert!(keys.fill(batch(2)).0.is_empty());
        assert_eq!(keys.take(), (None, false));
    }
}
