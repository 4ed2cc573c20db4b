//! The image cache as script uses it, with worker threads and a WebRender that only hands out keys.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use image::{ImageFormat, Rgba, RgbaImage};
use malloc_size_of_derive::MallocSizeOf;
use net_traits::image_cache::{
    FontResolver, Image, ImageCache, ImageCacheFactory, ImageCacheResponseMessage,
    ImageCacheResult, ImageLoadListener, ImageOrMetadataAvailable, ImageResponse, PendingImageId,
};
use net_traits::request::{CorsSettings, RequestId};
use net_traits::{
    FetchMetadata, FetchResponseMsg, FilteredMetadata, Metadata, NetworkError, ResourceFetchTiming,
    ResourceTimingType,
};
use paint_api::{CrossProcessPaintApi, ImageUpdate, PaintMessage};
use pixels::{CorsStatus, ImageMetadata};
use resvg::usvg::{Font, fontdb};
use servo_base::id::{TEST_PIPELINE_ID, TEST_WEBVIEW_ID};
use servo_url::{ImmutableOrigin, ServoUrl};
use uuid::Uuid;
use webrender_api::units::DeviceIntSize;
use webrender_api::{IdNamespace, ImageKey};

use super::ImageCacheFactoryImpl;

/// How long a test waits for another thread before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

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

enum Painted {
    KeysAskedFor,
    Added,
    Deleted(ImageKey),
}

struct Document {
    cache: Arc<dyn ImageCache>,
    painted: Receiver<Painted>,
    origin: ImmutableOrigin,
    next_key: std::cell::Cell<u32>,
}

fn key(number: u32) -> ImageKey {
    ImageKey::new(IdNamespace(7), number)
}

fn document() -> Document {
    let (sender, painted) = unbounded();
    let paint_api =
        CrossProcessPaintApi::dummy_with_callback(Some(Box::new(move |message| match message {
            PaintMessage::GenerateImageKeysForPipeline(..) => {
                let _ = sender.send(Painted::KeysAskedFor);
            },
            PaintMessage::GenerateImageKey(_, reply) => {
                let _ = reply.send(key(1000));
            },
            PaintMessage::UpdateImages(_, updates) => {
                for update in updates {
                    let _ = sender.send(match update {
                        ImageUpdate::AddImage(..) => Painted::Added,
                        ImageUpdate::DeleteImage(key) => Painted::Deleted(key),
                        _ => continue,
                    });
                }
            },
            _ => {},
        })));
    let cache = ImageCacheFactoryImpl::new(Vec::new()).create(
        TEST_WEBVIEW_ID,
        TEST_PIPELINE_ID,
        &paint_api,
        Arc::new(NoFonts),
    );
    Document {
        cache,
        painted,
        origin: url("https://page.example/").origin(),
        next_key: std::cell::Cell::new(0),
    }
}

fn url(url: &str) -> ServoUrl {
    ServoUrl::parse(url).unwrap()
}

fn png() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbaImage::from_pixel(6, 5, Rgba([1, 2, 3, 255]))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn basic(mime: &str) -> FetchMetadata {
    let mut metadata = Metadata::default(url("https://cdn.example/final"));
    metadata.set_content_type(Some(&mime.parse().unwrap()));
    FetchMetadata::Filtered {
        filtered: FilteredMetadata::Basic(metadata.clone()),
        unsafe_: metadata,
    }
}

fn opaque(mime: &str) -> FetchMetadata {
    let FetchMetadata::Filtered { unsafe_, .. } = basic(mime) else {
        unreachable!();
    };
    FetchMetadata::Filtered {
        filtered: FilteredMetadata::Opaque,
        unsafe_,
    }
}

impl Document {
    fn status(&self, cors: Option<CorsSettings>) -> ImageCacheResult {
        let image = url("https://cdn.example/image");
        self.cache
            .get_cached_image_status(image, self.origin.clone(), cors)
    }

    fn request(&self, cors: Option<CorsSettings>) -> PendingImageId {
        match self.status(cors) {
            ImageCacheResult::ReadyForRequest(id) => id,
            _ => panic!("the image was requested before"),
        }
    }

    fn listen(&self, id: PendingImageId) -> Receiver<ImageResponse> {
        let (sender, receiver): (Sender<ImageResponse>, _) = unbounded();
        let callback = Box::new(move |message| {
            if let ImageCacheResponseMessage::NotifyPendingImageLoadStatus(response) = message {
                let _ = sender.send(response.response);
            }
        });
        self.cache
            .add_listener(ImageLoadListener::new(callback, TEST_PIPELINE_ID, id));
        receiver
    }

    fn head(&self, id: PendingImageId, metadata: FetchMetadata) {
        self.cache.notify_pending_response(
            id,
            FetchResponseMsg::ProcessResponse(RequestId::default(), Ok(metadata)),
        );
    }

    fn chunk(&self, id: PendingImageId, chunk: &[u8]) {
        let chunk = chunk.to_vec().into();
        self.cache.notify_pending_response(
            id,
            FetchResponseMsg::ProcessResponseChunk(RequestId::default(), chunk),
        );
    }

    fn end(&self, id: PendingImageId, result: Result<(), NetworkError>) {
        let timing = ResourceFetchTiming::new(ResourceTimingType::Resource);
        self.cache.notify_pending_response(
            id,
            FetchResponseMsg::ProcessResponseEOF(RequestId::default(), result, timing),
        );
    }

    fn respond(&self, id: PendingImageId, metadata: FetchMetadata, body: &[u8]) {
        self.head(id, metadata);
        self.chunk(id, body);
        self.end(id, Ok(()));
    }

    fn give_keys(&self, count: u32) {
        assert!(matches!(
            self.painted.recv_timeout(PATIENCE),
            Ok(Painted::KeysAskedFor)
        ));
        let first = self.next_key.get();
        self.next_key.set(first + count);
        self.cache
            .dispatch_fill_key_cache_with_batch_of_keys((first..first + count).map(key).collect());
    }
}

fn next(responses: &Receiver<ImageResponse>) -> ImageResponse {
    responses.recv_timeout(PATIENCE).expect("no response came")
}

fn loaded(responses: &Receiver<ImageResponse>) -> Image {
    match next(responses) {
        ImageResponse::Loaded(image, _) => image,
        other => panic!("expected an image, got {other:?}"),
    }
}

#[test]
fn the_size_is_told_before_the_image() {
    let document = document();
    let id = document.request(None);
    let early = document.listen(id);
    let body = png();
    document.head(id, basic("image/png"));
    document.chunk(id, &body[..10]);
    assert!(matches!(document.status(None), ImageCacheResult::Pending(pending) if pending == id));

    document.chunk(id, &body[10..]);
    let size = ImageMetadata {
        width: 6,
        height: 5,
    };
    assert!(matches!(next(&early), ImageResponse::MetadataLoaded(metadata) if metadata == size));
    assert!(matches!(
        document.status(None),
        ImageCacheResult::Available(ImageOrMetadataAvailable::MetadataAvailable(metadata, _))
            if metadata == size
    ));
    let late = document.listen(id);
    assert!(matches!(next(&late), ImageResponse::MetadataLoaded(metadata) if metadata == size));

    document.end(id, Ok(()));
    document.give_keys(2);
    for responses in [early, late] {
        let image = loaded(&responses);
        assert_eq!(image.cors_status(), CorsStatus::Safe);
        assert!(image.as_raster_image().unwrap().id.is_some());
        assert!(responses.try_recv().is_err());
    }
    assert!(matches!(
        document.painted.recv_timeout(PATIENCE),
        Ok(Painted::Added)
    ));

    let ImageCacheResult::Available(ImageOrMetadataAvailable::ImageAvailable { url: from, .. }) =
        document.status(None)
    else {
        panic!("the image is not in the cache");
    };
    assert_eq!(from, url("https://cdn.example/final"));
    loaded(&document.listen(id));
}

#[test]
fn an_opaque_response_taints() {
    let document = document();
    let id = document.request(None);
    let responses = document.listen(id);
    document.respond(id, opaque("image/png"), &png());
    next(&responses);
    document.give_keys(1);
    assert_eq!(loaded(&responses).cors_status(), CorsStatus::Unsafe);
}

#[test]
fn cors_settings_make_different_images() {
    let document = document();
    let plain = document.request(None);
    let anonymous = document.request(Some(CorsSettings::Anonymous));
    let credentials = document.request(Some(CorsSettings::UseCredentials));
    assert!(plain != anonymous && anonymous != credentials && plain != credentials);
}

#[test]
fn broken_images_are_remembered() {
    let document = document();
    for body in [&b"no image"[..], b"", &png()[..40]] {
        let address = url(&format!("https://cdn.example/{}", body.len()));
        let status = || {
            document
                .cache
                .get_cached_image_status(address.clone(), document.origin.clone(), None)
        };
        let ImageCacheResult::ReadyForRequest(id) = status() else {
            panic!("the image was requested before");
        };
        let responses = document.listen(id);
        document.respond(id, basic("image/png"), body);
        loop {
            match next(&responses) {
                ImageResponse::MetadataLoaded(_) => {},
                ImageResponse::FailedToLoadOrDecode => break,
                ImageResponse::Loaded(..) => panic!("{body:?} was decoded"),
            }
        }
        assert!(matches!(status(), ImageCacheResult::FailedToLoadOrDecode));
        assert!(
            document
                .cache
                .get_image(address.clone(), document.origin.clone(), None)
                .is_none()
        );
    }
}

#[test]
fn a_cors_failure_is_not_remembered() {
    let document = document();
    let setting = Some(CorsSettings::Anonymous);
    let id = document.request(setting);
    let responses = document.listen(id);
    document.end(id, Err(NetworkError::CorsGeneral));
    assert!(matches!(
        next(&responses),
        ImageResponse::FailedToLoadOrDecode
    ));
    assert!(document.request(setting) != id);
    // Whoever listens late must not wait for ever.
    assert!(matches!(
        next(&document.listen(id)),
        ImageResponse::FailedToLoadOrDecode
    ));

    let plain = document.request(None);
    document.end(plain, Err(NetworkError::ConnectionFailure));
    assert!(matches!(
        document.status(None),
        ImageCacheResult::FailedToLoadOrDecode
    ));
}

#[test]
fn an_svg_image_is_rasterized_for_each_size() {
    let document = document();
    let id = document.request(None);
    let responses = document.listen(id);
    let body = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'/>";
    document.respond(id, basic("image/svg+xml"), body);
    let Image::Vector(image) = loaded(&responses) else {
        panic!("SVG became a raster image");
    };
    assert_eq!((image.metadata.width, image.metadata.height), (20, 10));

    for (width, height) in [(40, 20), (0, 0)] {
        let size = DeviceIntSize::new(width, height);
        let rasterize = || document.cache.rasterize_vector_image(image.id, size, None);
        assert!(rasterize().is_none());
        let (sender, done) = unbounded();
        document.cache.add_rasterization_complete_listener(
            TEST_PIPELINE_ID,
            image.id,
            size,
            Box::new(move |_| {
                let _ = sender.send(());
            }),
        );
        if width > 0 {
            document.give_keys(2);
        }
        done.recv_timeout(PATIENCE).unwrap();
        let raster = rasterize().unwrap();
        assert!(raster.id.is_some());
        assert_eq!(raster.metadata.width, width.max(1) as u32);
    }
}

#[test]
fn svg_is_told_by_its_type_alone() {
    let document = document();
    let id = document.request(None);
    let responses = document.listen(id);
    let body = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'/>";
    document.respond(id, basic("text/html"), body);
    assert!(matches!(
        next(&responses),
        ImageResponse::FailedToLoadOrDecode
    ));
}

#[test]
fn an_svg_element_takes_its_rasters_along() {
    let document = document();
    let id = document.request(None);
    let responses = document.listen(id);
    let body = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'/>";
    document.respond(id, basic("image/svg+xml"), body);
    loaded(&responses);

    let (element, size) = (Uuid::new_v4(), DeviceIntSize::new(2, 1));
    let rasterize = || {
        document
            .cache
            .rasterize_vector_image(id, size, Some(element))
    };
    assert!(rasterize().is_none());
    let (sender, done) = unbounded();
    document.cache.add_rasterization_complete_listener(
        TEST_PIPELINE_ID,
        id,
        size,
        Box::new(move |_| {
            let _ = sender.send(());
        }),
    );
    document.give_keys(1);
    done.recv_timeout(PATIENCE).unwrap();
    let painted = rasterize().unwrap().id.unwrap();
    assert!(matches!(
        document.painted.recv_timeout(PATIENCE),
        Ok(Painted::Added)
    ));

    document.cache.evict_rasterized_image(&element);
    assert!(matches!(
        document.painted.recv_timeout(PATIENCE),
        Ok(Painted::Deleted(deleted)) if deleted == painted
    ));
    assert!(rasterize().is_none());
}

#[test]
fn eviction_and_the_end_of_the_document_delete_from_webrender() {
    let document = document();
    let image = url("https://cdn.example/image");
    for end in [false, true] {
        let id = document.request(None);
        let responses = document.listen(id);
        document.respond(id, basic("image/png"), &png());
        next(&responses);
        if !end {
            document.give_keys(2);
        }
        let painted = loaded(&responses).as_raster_image().unwrap().id.unwrap();
        assert!(matches!(
            document.painted.recv_timeout(PATIENCE),
            Ok(Painted::Added)
        ));
        if end {
            document.cache.clear();
        } else {
            document
                .cache
                .evict_completed_image(&image, &document.origin, &None);
        }
        assert!(matches!(
            document.painted.recv_timeout(PATIENCE),
            Ok(Painted::Deleted(deleted)) if deleted == painted
        ));
    }
    assert!(document.painted.try_recv().is_err());
}

#[test]
fn keys_and_the_broken_image_icon_come_from_webrender() {
    let document = document();
    assert_eq!(document.cache.get_image_key(), Some(key(1000)));
    document.give_keys(1);
    let icon = document.cache.get_broken_image_icon().unwrap();
    assert_eq!(icon.id, Some(key(1000)));
}
