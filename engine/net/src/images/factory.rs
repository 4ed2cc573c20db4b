//! The image cache factory: what all documents of a process share.

use std::sync::Arc;

use net_traits::image_cache::{FontResolver, ImageCache, ImageCacheFactory};
use paint_api::CrossProcessPaintApi;
use servo_base::id::{PipelineId, WebViewId};
use servo_base::threadpool::ThreadPool;

use super::cache::DocumentImageCache;

/// Makes the image cache of each document. The caches of a process share the threads that decode.
pub struct ImageCacheFactoryImpl {
    broken_image_icon: Arc<Vec<u8>>,
    threads: Arc<ThreadPool>,
}

impl ImageCacheFactoryImpl {
    /// A factory whose documents show the image that `broken_image_icon` encodes in place of one that could not be had; if
    /// it is no image, a built-in one.
    pub fn new(broken_image_icon: Vec<u8>) -> Self {
        Self {
            broken_image_icon: Arc::new(broken_image_icon),
            threads: ThreadPool::global(),
        }
    }
}

impl ImageCacheFactory for ImageCacheFactoryImpl {
    fn create(
        &self,
        webview_id: WebViewId,
        pipeline_id: PipelineId,
        paint_api: &CrossProcessPaintApi,
        font_resolver: Arc<dyn FontResolver>,
    ) -> Arc<dyn ImageCache> {
        Arc::new(DocumentImageCache::new(
            webview_id,
            pipeline_id,
            paint_api.clone(),
            font_resolver,
            self.broken_image_icon.clone(),
            self.threads.clone(),
        ))
    }
}
