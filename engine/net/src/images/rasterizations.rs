//! Vector images of a document, and what they look like at the sizes at which they are painted.

use malloc_size_of_derive::MallocSizeOf;
use net_traits::image_cache::{
    ImageCacheResponseCallback, ImageCacheResponseMessage, RasterizationCompleteResponse,
    VectorImageId,
};
use pixels::RasterImage;
use rustc_hash::FxHashMap;
use servo_base::id::PipelineId;
use uuid::Uuid;
use webrender_api::ImageKey;
use webrender_api::units::DeviceIntSize;

use super::vector::SvgImage;

/// A vector image at a size in device pixels.
pub(super) type RasterizationId = (VectorImageId, DeviceIntSize);

/// Who waits for a rasterization.
#[derive(MallocSizeOf)]
pub(super) struct RasterizationListener {
    pipeline_id: PipelineId,
    #[ignore_malloc_size_of = "closures cannot be measured"]
    callback: ImageCacheResponseCallback,
}

impl RasterizationListener {
    pub(super) fn new(pipeline_id: PipelineId, callback: ImageCacheResponseCallback) -> Self {
        Self {
            pipeline_id,
            callback,
        }
    }

    /// Says that the rasterization is there.
    pub(super) fn notify(self, (image_id, requested_size): RasterizationId) {
        (self.callback)(ImageCacheResponseMessage::VectorImageRasterizationComplete(
            RasterizationCompleteResponse {
                pipeline_id: self.pipeline_id,
                image_id,
                requested_size,
            },
        ));
    }
}

/// What is known about a vector image at a size.
pub(super) enum Rasterized {
    /// There is no such vector image (any more).
    Unknown,
    /// It is being rasterized.
    Running,
    /// Nobody has asked before: the caller is to rasterize it.
    Needed(SvgImage),
    /// Here it is.
    Done(RasterImage),
}

#[derive(MallocSizeOf)]
enum Rasterization {
    Running(Vec<RasterizationListener>),
    Done(RasterImage),
}

/// The vector images of one document.
#[derive(Default, MallocSizeOf)]
pub(super) struct Rasterizations {
    images: FxHashMap<VectorImageId, SvgImage>,
    rasterizations: FxHashMap<RasterizationId, Rasterization>,
    /// Which image an `svg` element of the document was last painted as. Elements with the same contents share one.
    elements: FxHashMap<Uuid, VectorImageId>,
}

impl Rasterizations {
    /// Adds a vector image.
    pub(super) fn insert(&mut self, id: VectorImageId, image: SvgImage) {
        self.images.insert(id, image);
    }

    /// The image `id.0` at the size `id.1`, and keys that nothing is painted by any more. `element` is the `svg` element
    /// that it is painted for: what the element looked like before goes.
    pub(super) fn get(
        &mut self,
        id: RasterizationId,
        element: Option<Uuid>,
    ) -> (Rasterized, Vec<ImageKey>) {
        let Some(image) = self.images.get(&id.0).cloned() else {
            return (Rasterized::Unknown, Vec::new());
        };
        let stale = match element {
            Some(element) => match self.elements.insert(element, id.0) {
                Some(previous) if previous != id.0 => self.remove_unless_shared(previous),
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        let state = match self.rasterizations.get(&id) {
            Some(Rasterization::Done(raster)) => Rasterized::Done(raster.clone()),
            Some(Rasterization::Running(_)) => Rasterized::Running,
            None => {
                self.rasterizations
                    .insert(id, Rasterization::Running(Vec::new()));
                Rasterized::Needed(image)
            },
        };
        (state, stale)
    }

    /// Has `listener` wait for a rasterization that runs. It comes back if the rasterization is there already; if nobody
    /// has asked for it, there is nothing to hear.
    pub(super) fn add_listener(
        &mut self,
        id: RasterizationId,
        listener: RasterizationListener,
    ) -> Option<RasterizationListener> {
        match self.rasterizations.get_mut(&id)? {
            Rasterization::Running(listeners) => {
                listeners.push(listener);
                None
            },
            Rasterization::Done(_) => Some(listener),
        }
    }

    /// Whether `id` is still waited for.
    pub(super) fn is_running(&self, id: RasterizationId) -> bool {
        matches!(
            self.rasterizations.get(&id),
            Some(Rasterization::Running(_))
        )
    }

    /// The rasterization is paintable. Returns who waits; `None` if it was evicted meanwhile.
    pub(super) fn complete(
        &mut self,
        id: RasterizationId,
        raster: RasterImage,
    ) -> Option<Vec<RasterizationListener>> {
        let rasterization = self.rasterizations.get_mut(&id)?;
        match std::mem::replace(rasterization, Rasterization::Done(raster)) {
            Rasterization::Running(listeners) => Some(listeners),
            Rasterization::Done(_) => Some(Vec::new()),
        }
    }

    /// Forgets what an `svg` element looked like, unless others look the same, and returns the keys that it was painted by.
    pub(super) fn evict_element(&mut self, element: &Uuid) -> Vec<ImageKey> {
        match self.elements.remove(element) {
            Some(id) => self.remove_unless_shared(id),
            None => Vec::new(),
        }
    }

    /// Forgets an image as which no `svg` element is painted, and returns the keys that it was painted by.
    pub(super) fn remove_unless_shared(&mut self, id: VectorImageId) -> Vec<ImageKey> {
        if self.elements.values().any(|other| *other == id) {
            return Vec::new();
        }
        self.images.remove(&id);
        self.rasterizations
            .extract_if(|(image, _), _| *image == id)
            .filter_map(|(_, rasterization)| rasterization.key())
            .collect()
    }

    /// Forgets everything and returns the keys that the images were painted by.
    pub(super) fn clear(&mut self) -> Vec<ImageKey> {
        std::mem::take(self)
            .rasterizations
            .into_values()
            .filter_map(Rasterization::key)
            .collect()
    }
}

impl Rasterization {
    fn key(self) -> Option<ImageKey> {
        match self {
            Self::Done(raster) => raster.id,
            Self::Running(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use net_traits::image_cache::PendingImageId;
    use pixels::CorsStatus;
    use resvg::usvg;
    use servo_base::id::TEST_PIPELINE_ID;
    use webrender_api::IdNamespace;

    use super::*;

    const SIZE: DeviceIntSize = DeviceIntSize::new(4, 4);

    fn svg() -> SvgImage {
        let text = b"<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>";
        SvgImage::parse(text, CorsStatus::Safe, &usvg::Options::default()).unwrap()
    }

    fn id(id: u64) -> RasterizationId {
        (PendingImageId(id), SIZE)
    }

    fn raster(key: u32) -> RasterImage {
        let mut raster = svg().rasterize(SIZE);
        raster.id = Some(ImageKey::new(IdNamespace(1), key));
        raster
    }

    fn counting_listener() -> (RasterizationListener, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let callback = Box::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        (
            RasterizationListener::new(TEST_PIPELINE_ID, callback),
            count,
        )
    }

    #[test]
    fn each_size_is_rasterized_once() {
        let mut images = Rasterizations::default();
        assert!(matches!(images.get(id(1), None).0, Rasterized::Unknown));
        images.insert(PendingImageId(1), svg());
        assert!(matches!(images.get(id(1), None).0, Rasterized::Needed(_)));
        assert!(matches!(images.get(id(1), None).0, Rasterized::Running));

        let (listener, count) = counting_listener();
        assert!(images.add_listener(id(1), listener).is_none());
        for listener in images.complete(id(1), raster(1)).unwrap() {
            listener.notify(id(1));
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(matches!(images.get(id(1), None).0, Rasterized::Done(_)));
        let (late, _) = counting_listener();
        assert!(images.add_listener(id(1), late).is_some());
    }

    #[test]
    fn what_was_evicted_meanwhile_is_not_delivered() {
        let mut images = Rasterizations::default();
        let element = Uuid::new_v4();
        images.insert(PendingImageId(1), svg());
        images.get(id(1), Some(element));
        assert!(images.evict_element(&element).is_empty());
        assert!(!images.is_running(id(1)));
        assert!(images.complete(id(1), raster(1)).is_none());
    }

    #[test]
    fn an_element_keeps_only_what_it_looks_like() {
        let mut images = Rasterizations::default();
        let (element, twin) = (Uuid::new_v4(), Uuid::new_v4());
        for image in 1..=2 {
            images.insert(PendingImageId(image), svg());
        }
        images.get(id(1), Some(element));
        images.get(id(1), Some(twin));
        images.complete(id(1), raster(7));

        // The twin still looks like the first image, the element no longer does.
        assert!(images.get(id(2), Some(element)).1.is_empty());
        let (state, stale) = images.get(id(2), Some(twin));
        assert!(matches!(state, Rasterized::Running));
        assert_eq!(stale, [ImageKey::new(IdNamespace(1), 7)]);
        assert!(matches!(images.get(id(1), None).0, Rasterized::Unknown));
    }
}
