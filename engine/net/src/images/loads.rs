//! The images of a document by where they come from: HTML's
//! [list of available images](https://html.spec.whatwg.org/multipage/images.html#list-of-available-images), and what is
//! on its way into it.

use std::collections::HashMap;

use log::debug;
use malloc_size_of_derive::MallocSizeOf;
use net_traits::image_cache::{
    Image, ImageCacheResult, ImageLoadListener, ImageOrMetadataAvailable, ImageResponse,
    PendingImageId,
};
use net_traits::request::CorsSettings;
use net_traits::{FetchMetadata, NetworkError};
use pixels::{CorsStatus, ImageMetadata};
use rustc_hash::FxHashMap;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::decode;

/// How many bytes an encoded image has at most; a longer one is broken.
const ENCODED_LIMIT: usize = 256 << 20;

/// How much room is made when a server announces a length. What really arrives makes the rest.
const RESERVE_LIMIT: usize = 4 << 20;

/// What makes two requests ask for the same image: a
/// [key of the list of available images](https://html.spec.whatwg.org/multipage/images.html#list-of-available-images).
pub(super) type ListKey = (ServoUrl, ImmutableOrigin, Option<CorsSettings>);

/// All bytes of an image, ready to be decoded.
#[derive(Debug)]
pub(super) struct EncodedImage {
    pub(super) bytes: Vec<u8>,
    pub(super) cors_status: CorsStatus,
    /// Whether the response's type is SVG's. No other type matters, as images are told by their first bytes
    /// ([MIME Sniffing](https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern)).
    pub(super) is_svg: bool,
}

/// What is to be done at the end of a body.
#[derive(Debug)]
pub(super) enum EndOfBody {
    /// Decode the image.
    Decode(EncodedImage),
    /// [Complete](Loads::complete) the load as broken: there was too much of it.
    Broken,
    /// Nothing: the load is gone, or its body had ended before.
    Ignored,
}

/// Listeners and what they are to hear. Nothing comes after it.
#[must_use]
pub(super) struct Notification {
    listeners: Vec<ImageLoadListener>,
    response: ImageResponse,
}

impl Notification {
    /// Tells the listeners.
    pub(super) fn send(self) {
        for listener in self.listeners {
            listener.respond(self.response.clone());
        }
    }
}

#[derive(MallocSizeOf)]
enum Load {
    Pending(Box<PendingLoad>),
    /// The image, or that there is none: what is broken is not fetched again.
    Completed(ListKey, ImageResponse),
}

#[derive(MallocSizeOf)]
struct PendingLoad {
    key: ListKey,
    stage: Stage,
    metadata: Option<ImageMetadata>,
    listeners: Vec<ImageLoadListener>,
    /// Where the response came from in the end.
    final_url: Option<ServoUrl>,
    cors_status: CorsStatus,
    is_svg: bool,
}

#[derive(MallocSizeOf)]
enum Stage {
    Arriving(Vec<u8>),
    TooLarge,
    Decoding,
}

/// The loads of one document.
#[derive(Default, MallocSizeOf)]
pub(super) struct Loads {
    ids: HashMap<ListKey, PendingImageId>,
    loads: FxHashMap<PendingImageId, Load>,
    last_id: u64,
}

impl Loads {
    /// What there is for `key`. The first to ask is told to request the image.
    pub(super) fn status(&mut self, key: ListKey) -> ImageCacheResult {
        let load = self
            .ids
            .get(&key)
            .and_then(|id| Some((*id, self.loads.get(id)?)));
        match load {
            None => {
                self.last_id += 1;
                let id = PendingImageId(self.last_id);
                let load = PendingLoad {
                    key: key.clone(),
                    stage: Stage::Arriving(Vec::new()),
                    metadata: None,
                    listeners: Vec::new(),
                    final_url: None,
                    cors_status: CorsStatus::Unsafe,
                    is_svg: false,
                };
                self.ids.insert(key, id);
                self.loads.insert(id, Load::Pending(Box::new(load)));
                ImageCacheResult::ReadyForRequest(id)
            },
            Some((_, Load::Completed(_, ImageResponse::Loaded(image, url)))) => {
                ImageCacheResult::Available(ImageOrMetadataAvailable::ImageAvailable {
                    image: image.clone(),
                    url: url.clone(),
                })
            },
            Some((_, Load::Completed(..))) => ImageCacheResult::FailedToLoadOrDecode,
            Some((id, Load::Pending(load))) => match (&load.stage, load.metadata) {
                (Stage::Arriving(_), Some(metadata)) => ImageCacheResult::Available(
                    ImageOrMetadataAvailable::MetadataAvailable(metadata, id),
                ),
                _ => ImageCacheResult::Pending(id),
            },
        }
    }

    /// The image for `key`, if it is complete.
    pub(super) fn image(&self, key: &ListKey) -> Option<&Image> {
        match self.loads.get(self.ids.get(key)?)? {
            Load::Completed(_, ImageResponse::Loaded(image, _)) => Some(image),
            _ => None,
        }
    }

    /// Has `listener` hear what is known and what follows. To hear of a load that is gone is to hear that it failed, so that
    /// nobody waits for ever.
    pub(super) fn add_listener(&mut self, listener: ImageLoadListener) {
        match self.loads.get_mut(&listener.id) {
            Some(Load::Pending(load)) => {
                if let Some(metadata) = load.metadata {
                    listener.respond(ImageResponse::MetadataLoaded(metadata));
                }
                load.listeners.push(listener);
            },
            Some(Load::Completed(_, response)) => listener.respond(response.clone()),
            None => {
                debug!("No load for the listener of {:?}", listener.id);
                listener.respond(ImageResponse::FailedToLoadOrDecode);
            },
        }
    }

    /// The response's head arrived.
    pub(super) fn process_response(
        &mut self,
        id: PendingImageId,
        response: &Result<FetchMetadata, NetworkError>,
    ) {
        let (Some(load), Ok(response)) = (self.pending(id), response) else {
            return;
        };
        // NB: the metadata beneath the filter says nothing to script that it does not find out from the image.
        let metadata = response.metadata();
        load.final_url = Some(metadata.final_url.clone());
        load.cors_status = if response.is_cors_cross_origin() {
            CorsStatus::Unsafe
        } else {
            CorsStatus::Safe
        };
        load.is_svg = metadata.content_type.as_ref().is_some_and(|content_type| {
            let mime = mime::Mime::from(content_type.0.clone());
            mime.essence_str().eq_ignore_ascii_case("image/svg+xml")
        });
    }

    /// The server says how long the body will be.
    pub(super) fn process_content_length(&mut self, id: PendingImageId, length: usize) {
        if let Some(load) = self.pending(id)
            && let Stage::Arriving(bytes) = &mut load.stage
        {
            bytes.reserve(length.min(RESERVE_LIMIT).saturating_sub(bytes.len()));
        }
    }

    /// A piece of the body arrived. Listeners hear of the image's size as soon as it is known.
    pub(super) fn process_chunk(&mut self, id: PendingImageId, chunk: &[u8]) {
        let Some(load) = self.pending(id) else {
            return;
        };
        let Stage::Arriving(bytes) = &mut load.stage else {
            return;
        };
        if bytes.len() + chunk.len() > ENCODED_LIMIT {
            load.stage = Stage::TooLarge;
            return;
        }
        let searched = bytes.len();
        bytes.extend_from_slice(chunk);
        if load.metadata.is_none()
            && searched < decode::HEADER_LIMIT
            && let Some(metadata) = decode::metadata(bytes)
        {
            load.metadata = Some(metadata);
            for listener in &load.listeners {
                listener.respond(ImageResponse::MetadataLoaded(metadata));
            }
        }
    }

    /// The body is complete.
    pub(super) fn process_end_of_body(&mut self, id: PendingImageId) -> EndOfBody {
        let Some(load) = self.pending(id) else {
            return EndOfBody::Ignored;
        };
        match std::mem::replace(&mut load.stage, Stage::Decoding) {
            Stage::Arriving(bytes) => EndOfBody::Decode(EncodedImage {
                bytes,
                cors_status: load.cors_status,
                is_svg: load.is_svg,
            }),
            Stage::TooLarge => EndOfBody::Broken,
            Stage::Decoding => EndOfBody::Ignored,
        }
    }

    /// Whether `id` is still wanted.
    pub(super) fn is_pending(&self, id: PendingImageId) -> bool {
        matches!(self.loads.get(&id), Some(Load::Pending(_)))
    }

    /// The load ends with an image, or with `None` for a broken one. Returns who is to hear of it; `None` if the load is
    /// gone.
    pub(super) fn complete(
        &mut self,
        id: PendingImageId,
        image: Option<Image>,
    ) -> Option<Notification> {
        let load = self.take_pending(id)?;
        let response = match image {
            Some(image) => {
                let url = load.final_url.unwrap_or_else(|| load.key.0.clone());
                ImageResponse::Loaded(image, url)
            },
            None => ImageResponse::FailedToLoadOrDecode,
        };
        self.ids.insert(load.key.clone(), id);
        self.loads
            .insert(id, Load::Completed(load.key, response.clone()));
        Some(Notification {
            listeners: load.listeners,
            response,
        })
    }

    /// The load ends in a network error.
    ///
    /// NB: what failed under CORS is forgotten, since the user may yet allow it; a broken image is remembered.
    pub(super) fn fail(&mut self, id: PendingImageId) -> Option<Notification> {
        let load = match self.loads.get(&id)? {
            Load::Pending(load) if load.key.2.is_some() => self.take_pending(id)?,
            _ => return self.complete(id, None),
        };
        Some(Notification {
            listeners: load.listeners,
            response: ImageResponse::FailedToLoadOrDecode,
        })
    }

    /// Forgets a completed image and returns it.
    pub(super) fn evict(&mut self, key: &ListKey) -> Option<Image> {
        let id = *self.ids.get(key)?;
        if self.is_pending(id) {
            return None;
        }
        self.ids.remove(key);
        match self.loads.remove(&id)? {
            Load::Completed(_, ImageResponse::Loaded(image, _)) => Some(image),
            _ => None,
        }
    }

    /// Forgets everything and returns the completed images.
    pub(super) fn clear(&mut self) -> Vec<Image> {
        self.ids = HashMap::default();
        std::mem::take(&mut self.loads)
            .into_values()
            .filter_map(|load| match load {
                Load::Completed(_, ImageResponse::Loaded(image, _)) => Some(image),
                _ => None,
            })
            .collect()
    }

    fn pending(&mut self, id: PendingImageId) -> Option<&mut PendingLoad> {
        match self.loads.get_mut(&id) {
            Some(Load::Pending(load)) => Some(load),
            _ => {
                debug!("The load {id:?} is gone");
                None
            },
        }
    }

    fn take_pending(&mut self, id: PendingImageId) -> Option<PendingLoad> {
        if !self.is_pending(id) {
            return None;
        }
        match self.loads.remove(&id)? {
            Load::Pending(load) => {
                self.ids.remove(&load.key);
                Some(*load)
            },
            Load::Completed(..) => None,
        }
    }
}
