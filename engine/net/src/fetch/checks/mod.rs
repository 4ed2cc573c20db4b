//! What a fetch decides by. Each file is one check of Fetch or of a standard that Fetch calls: values in, a verdict out, no
//! I/O and no state.

pub mod accept;
pub mod bad_port;
pub mod cors_check;
pub mod cors_preflight_check;
pub mod cross_origin_resource_policy;
pub mod csp;
pub mod embedder_policy;
pub mod integrity;
pub mod integrity_policy;
pub mod local_network_access;
pub mod message_signatures;
pub mod mime_type;
pub mod mixed_content;
pub mod nosniff;
pub mod opaque_response_blocking;
pub mod origin_header;
pub mod redirect_taint;
pub mod referrer;
pub mod request_kind;
pub mod same_site;
pub mod sec_fetch;
pub mod status;
pub mod timing_allow;
pub mod trustworthy;
pub mod unencoded_digest;
pub mod upgrade_insecure_requests;

#[cfg(test)]
pub(crate) mod test_requests;
