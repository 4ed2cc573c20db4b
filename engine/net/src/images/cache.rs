//! The image cache of one document.
//!
//! Decoding and rasterizing run on the process's worker threads, and so does everything that copies pixels. The store's
//! lock is held for look-ups only: never while pixels are made, while WebRender is asked for anything, or while somebody
//! hears that a load is over. One exception: listeners hear an image's size under the lock, so that nobody hears it after
//! the image itself.

use std::sync::Arc;

use malloc_size_of::{MallocConditionalSizeOf, MallocSizeOf as _, MallocSizeOfOps};
use malloc_size_of_derive::MallocSizeOf;
use net_traits::FetchResponseMsg;
use net_traits::image_cache::{
    FontResolver, Image, ImageCache, ImageCacheResponseCallback, ImageCacheResult,
    ImageLoadListener, PendingImageId, VectorImage, VectorImageId,
};
use net_traits::request::CorsSettings;
use paint_api::{CrossProcessPaintApi, ImageUpdate, SerializableImageData};
use parking_lot::Mutex;
use pixels::RasterImage;
use profile_traits::mem::{Report, ReportKind};
use profile_traits::path;
use resvg::usvg;
use servo_base::id::{PipelineId, WebViewId};
use servo_base::threadpool::ThreadPool;
use servo_url::{ImmutableOrigin, ServoUrl};
use uuid::Uuid;
use webrender_api::ImageKey;
use webrender_api::units::DeviceIntSize;

use super::broken_image_icon::BrokenImageIcon;
use super::decode::decode;
use super::keys::{Assignment, ImageKeys, Keyless};
use super::loads::{EncodedImage, EndOfBody, Loads};
use super::rasterizations::{RasterizationId, RasterizationListener, Rasterizations, Rasterized};
use super::vector::{SvgImage, parsing_options};

/// The [`ImageCache`] of a document and its workers.
pub(super) struct DocumentImageCache {
    shared: Arc<Shared>,
    threads: Arc<ThreadPool>,
    icon: BrokenImageIcon,
    svg_options: Arc<usvg::Options<'static>>,
    /// The fonts inside `svg_options`, which cannot be measured there.
    fonts: Arc<dyn FontResolver>,
}

/// What the worker threads see of the cache.
struct Shared {
    webview_id: WebViewId,
    pipeline_id: PipelineId,
    /// NB: in a mutex because its sender must not be used by two threads at once.
    paint_api: Mutex<CrossProcessPaintApi>,
    store: Mutex<Store>,
}

#[derive(Default, MallocSizeOf)]
struct Store {
    loads: Loads,
    rasterizations: Rasterizations,
    keys: ImageKeys,
}

/// What decoding makes of bytes.
enum Decoded {
    Raster(RasterImage),
    Vector(SvgImage),
}

impl DocumentImageCache {
    /// An empty cache for the document of `pipeline_id`.
    pub(super) fn new(
        webview_id: WebViewId,
        pipeline_id: PipelineId,
        paint_api: CrossProcessPaintApi,
        fonts: Arc<dyn FontResolver>,
        broken_image_icon: Arc<Vec<u8>>,
        threads: Arc<ThreadPool>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                webview_id,
                pipeline_id,
                paint_api: Mutex::new(paint_api),
                store: Mutex::default(),
            }),
            threads,
            icon: BrokenImageIcon::new(broken_image_icon),
            svg_options: Arc::new(parsing_options(&fonts)),
            fonts,
        }
    }

    fn process_end_of_body(&self, id: PendingImageId) {
        let end = self.shared.store.lock().loads.process_end_of_body(id);
        match end {
            EndOfBody::Decode(encoded) => {
                let (shared, options) = (self.shared.clone(), self.svg_options.clone());
                self.threads.spawn(move || {
                    let decoded = decode_any(encoded, &options);
                    shared.decoded(id, decoded);
                });
            },
            EndOfBody::Broken => {
                self.shared.finish(id, None);
            },
            EndOfBody::Ignored => {},
        }
    }
}

fn decode_any(encoded: EncodedImage, options: &usvg::Options<'_>) -> Option<Decoded> {
    let EncodedImage {
        bytes,
        cors_status,
        is_svg,
    } = encoded;
    if is_svg {
        SvgImage::parse(&bytes, cors_status, options).map(Decoded::Vector)
    } else {
        decode(&bytes, cors_status).map(Decoded::Raster)
    }
}

impl Shared {
    fn paint_api(&self) -> CrossProcessPaintApi {
        self.paint_api.lock().clone()
    }

    fn ask_for_keys(&self) {
        self.paint_api()
            .generate_image_key_async(self.webview_id, self.pipeline_id);
    }

    fn add_to_webrender(&self, image: &RasterImage, key: ImageKey) {
        let (descriptor, data, is_animated) =
            image.webrender_image_descriptor_and_data_for_frame(0);
        self.paint_api().add_image(
            key,
            descriptor,
            SerializableImageData::Raw(data),
            is_animated,
        );
    }

    fn delete_from_webrender(&self, keys: impl IntoIterator<Item = ImageKey>) {
        let mut deletions = keys.into_iter().map(ImageUpdate::DeleteImage).peekable();
        if deletions.peek().is_some() {
            self.paint_api()
                .update_images(self.webview_id.into(), deletions.collect());
        }
    }

    fn decoded(&self, id: PendingImageId, decoded: Option<Decoded>) {
        match decoded {
            Some(Decoded::Raster(image)) => self.assign_key(Keyless::Load(id, image)),
            Some(Decoded::Vector(image)) => {
                let vector_image = VectorImage {
                    id,
                    svg_id: None,
                    metadata: image.natural_size(),
                    cors_status: image.cors_status(),
                };
                let notification = {
                    let mut store = self.store.lock();
                    let notification = store.loads.complete(id, Some(Image::Vector(vector_image)));
                    if notification.is_some() {
                        store.rasterizations.insert(id, image);
                    }
                    notification
                };
                if let Some(notification) = notification {
                    notification.send();
                }
            },
            None => {
                self.finish(id, None);
            },
        }
    }

    /// Ends a load with an image or, broken, without. Returns whether anybody still wanted it.
    fn finish(&self, id: PendingImageId, image: Option<Image>) -> bool {
        let notification = self.store.lock().loads.complete(id, image);
        notification
            .map(|notification| notification.send())
            .is_some()
    }

    fn assign_key(&self, image: Keyless) {
        let assignment = self.store.lock().keys.assign(image);
        match assignment {
            Assignment::Ready(key, image) => self.make_paintable(image, key),
            Assignment::Waiting { ask: true } => self.ask_for_keys(),
            Assignment::Waiting { ask: false } | Assignment::Closed => {},
        }
    }

    /// Gives an image to WebRender and then to whoever waits for it. An image that is not wanted any more goes, and its key
    /// with it.
    fn make_paintable(&self, image: Keyless, key: ImageKey) {
        let delivered = match image {
            Keyless::Load(id, mut image) => {
                if !self.store.lock().loads.is_pending(id) {
                    return;
                }
                self.add_to_webrender(&image, key);
                image.id = Some(key);
                self.finish(id, Some(Image::Raster(Arc::new(image))))
            },
            Keyless::Rasterization(id, mut image) => {
                if !self.store.lock().rasterizations.is_running(id) {
                    return;
                }
                self.add_to_webrender(&image, key);
                image.id = Some(key);
                let listeners = self.store.lock().rasterizations.complete(id, image);
                let delivered = listeners.is_some();
                for listener in listeners.into_iter().flatten() {
                    listener.notify(id);
                }
                delivered
            },
        };
        if !delivered {
            self.delete_from_webrender([key]);
        }
    }

    fn fill_keys(&self, batch: Vec<ImageKey>) {
        let (assigned, ask) = self.store.lock().keys.fill(batch);
        if ask {
            self.ask_for_keys();
        }
        for (key, image) in assigned {
            self.make_paintable(image, key);
        }
    }

    fn rasterize(&self, id: RasterizationId, image: &SvgImage) {
        // NB: many may have been asked for and evicted while the threads were busy.
        if self.store.lock().rasterizations.is_running(id) {
            let raster = image.rasterize(id.1);
            self.assign_key(Keyless::Rasterization(id, raster));
        }
    }
}

impl ImageCache for DocumentImageCache {
    fn memory_reports(&self, prefix: &str, ops: &mut MallocSizeOfOps) -> Vec<Report> {
        let sizes = [
            ("cache", self.shared.store.lock().size_of(ops)),
            ("broken_image_icon", self.icon.size_of(ops)),
            ("svg_font_resolver", self.fonts.size_of(ops)),
            ("usvg_options", self.svg_options.conditional_size_of(ops)),
        ];
        sizes
            .into_iter()
            .map(|(name, size)| Report {
                path: path![prefix, "image-cache", name],
                kind: ReportKind::ExplicitSystemHeapSize,
                size,
            })
            .collect()
    }

    fn get_image_key(&self) -> Option<ImageKey> {
        let (key, ask) = self.shared.store.lock().keys.take();
        if ask {
            self.shared.ask_for_keys();
        }
        key.or_else(|| {
            self.shared
                .paint_api()
                .generate_image_key_blocking(self.shared.webview_id)
        })
    }

    fn get_image(
        &self,
        url: ServoUrl,
        origin: ImmutableOrigin,
        cors_setting: Option<CorsSettings>,
    ) -> Option<Image> {
        let store = self.shared.store.lock();
        store.loads.image(&(url, origin, cors_setting)).cloned()
    }

    fn get_cached_image_status(
        &self,
        url: ServoUrl,
        origin: ImmutableOrigin,
        cors_setting: Option<CorsSettings>,
    ) -> ImageCacheResult {
        let mut store = self.shared.store.lock();
        store.loads.status((url, origin, cors_setting))
    }

    fn rasterize_vector_image(
        &self,
        image_id: VectorImageId,
        size: DeviceIntSize,
        svg_id: Option<Uuid>,
    ) -> Option<RasterImage> {
        let id = (image_id, size);
        let (state, stale) = self.shared.store.lock().rasterizations.get(id, svg_id);
        self.shared.delete_from_webrender(stale);
        match state {
            Rasterized::Done(image) => Some(image),
            Rasterized::Needed(image) => {
                let shared = self.shared.clone();
                self.threads.spawn(move || shared.rasterize(id, &image));
                None
            },
            Rasterized::Running | Rasterized::Unknown => None,
        }
    }

    fn add_rasterization_complete_listener(
        &self,
        pipeline_id: PipelineId,
        image_id: VectorImageId,
        size: DeviceIntSize,
        callback: ImageCacheResponseCallback,
    ) {
        let id = (image_id, size);
        let listener = RasterizationListener::new(pipeline_id, callback);
        let done = self
            .shared
            .store
            .lock()
            .rasterizations
            .add_listener(id, listener);
        if let Some(listener) = done {
            listener.notify(id);
        }
    }

    fn evict_rasterized_image(&self, svg_id: &Uuid) {
        let keys = self
            .shared
            .store
            .lock()
            .rasterizations
            .evict_element(svg_id);
        self.shared.delete_from_webrender(keys);
    }

    fn evict_completed_image(
        &self,
        url: &ServoUrl,
        origin: &ImmutableOrigin,
        cors_setting: &Option<CorsSettings>,
    ) {
        let key = (url.clone(), origin.clone(), *cors_setting);
        let keys = {
            let mut store = self.shared.store.lock();
            match store.loads.evict(&key) {
                Some(Image::Raster(image)) => image.id.into_iter().collect(),
                Some(Image::Vector(image)) => store.rasterizations.remove_unless_shared(image.id),
                None => Vec::new(),
            }
        };
        self.shared.delete_from_webrender(keys);
    }

    fn get_broken_image_icon(&self) -> Option<Arc<RasterImage>> {
        self.icon.get(|mut icon| {
            let key = self
                .shared
                .paint_api()
                .generate_image_key_blocking(self.shared.webview_id)?;
            self.shared.add_to_webrender(&icon, key);
            icon.id = Some(key);
            Some(icon)
        })
    }

    fn add_listener(&self, listener: ImageLoadListener) {
        self.shared.store.lock().loads.add_listener(listener);
    }

    fn notify_pending_response(&self, id: PendingImageId, action: FetchResponseMsg) {
        match action {
            FetchResponseMsg::ProcessResponse(_, response) => {
                let mut store = self.shared.store.lock();
                store.loads.process_response(id, &response);
            },
            FetchResponseMsg::ProcessContentLength(_, length) => {
                let mut store = self.shared.store.lock();
                store.loads.process_content_length(id, length);
            },
            FetchResponseMsg::ProcessResponseChunk(_, chunk) => {
                self.shared.store.lock().loads.process_chunk(id, &chunk);
            },
            FetchResponseMsg::ProcessResponseEOF(_, Ok(()), _) => self.process_end_of_body(id),
            FetchResponseMsg::ProcessResponseEOF(_, Err(_), _) => {
                let notification = self.shared.store.lock().loads.fail(id);
                if let Some(notification) = notification {
                    notification.send();
                }
            },
            FetchResponseMsg::ProcessRequestBody(_)
            | FetchResponseMsg::ProcessCspViolations(..) => {},
        }
    }

    fn dispatch_fill_key_cache_with_batch_of_keys(&self, image_keys: Vec<ImageKey>) {
        let shared = self.shared.clone();
        self.threads.spawn(move || shared.fill_keys(image_keys));
    }

    fn clear(&self) {
        let mut keys: Vec<_> = {
            let mut store = self.shared.store.lock();
            store.keys.close();
            let mut keys = store.rasterizations.clear();
            keys.extend(store.loads.clear().iter().filter_map(|image| match image {
                Image::Raster(image) => image.id,
                Image::Vector(_) => None,
            }));
            keys
        };
        keys.extend(self.icon.clear());
        self.shared.delete_from_webrender(keys);
    }
}

impl Drop for DocumentImageCache {
    fn drop(&mut self) {
        self.clear();
    }
}
