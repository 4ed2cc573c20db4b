//! The image cache: from the bytes of a response to something that WebRender paints.
//!
//! Each document has an [`ImageCache`](net_traits::image_cache::ImageCache) of its own, made by the process's
//! [`ImageCacheFactoryImpl`]. A request for an image goes through these rooms: its [load](loads) collects the bytes that
//! script passes on and the listeners that wait; [decoding](decode) turns them into pixels or, for SVG, into a
//! [tree](vector) that is [rasterized](rasterizations) for each size at which it is painted; and a
//! [key](keys) of WebRender makes it paintable.
//!
//! With a process for each site, all of this runs in the content process. It uses nothing of the network thread.

mod broken_image_icon;
mod cache;
mod decode;
mod drawing_cost;
mod factory;
mod keys;
mod loads;
mod panics;
mod rasterizations;
mod svg_references;
mod vector;

pub use self::factory::ImageCacheFactoryImpl;
pub use self::panics::should_panic_hook_suppress_termination;

#[cfg(test)]
mod tests;
