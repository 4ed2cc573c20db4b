//! The administrator's policy: a JSON file in the shape of Firefox's `policies.json`.
//!
//! ```json
//! {"policies": {"UserEnabledCORS": {"Enabled": true, "BlockedTargets": ["*.bank.example"], "Locked": true}}}
//! ```
//!
//! It never falls open: a file that cannot be read, an unknown key or a wrong type makes the feature unusable, and says
//! where.

#[cfg(unix)]
mod folders;
mod in_force;
mod united;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use thiserror::Error;

use crate::{
    address_space::AddressSpace,
    egress::Egress,
    json::{self, JsonError},
    origin::TupleOrigin,
    pattern::OriginPattern,
    permission::MAX_GRANT_DAYS,
};

/// The largest policy file that is read, in bytes.
const MAX_POLICY_BYTES: u64 = 4 * 1024 * 1024;

/// What to do about targets that are not public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum LocalNetwork {
    /// Failure, with a notice that offers no way through.
    #[default]
    #[serde(rename = "block")]
    Block,
    /// A question in two steps.
    #[serde(rename = "warn")]
    Warn,
}

/// A pair that policy allows: answers step 8 and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct AllowedPair {
    /// Who may read.
    pub requester: OriginPattern,
    /// From whom.
    pub target: OriginPattern,
}

/// A policy in force. The default one says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub struct Policy {
    /// Whether the feature is on; `None` leaves it to the user.
    pub enabled: Option<bool>,
    /// What to do about targets that are not public.
    pub local_network: Option<LocalNetwork>,
    /// Targets that are never asked about.
    pub blocked_targets: Vec<OriginPattern>,
    /// Files with more of them, in the formats of lists; absolute paths.
    #[serde(deserialize_with = "absolute_paths")]
    pub blocklists: Vec<PathBuf>,
    /// Pairs that need no question.
    pub allowed_pairs: Vec<AllowedPair>,
    /// Requesters that may not ask.
    pub blocked_requesters: Vec<OriginPattern>,
    /// The address spaces of ranges.
    #[serde(deserialize_with = "address_spaces")]
    pub address_spaces: Vec<(IpNet, AddressSpace)>,
    /// Files with roots that count as public, in PEM.
    pub extra_roots: Vec<PathBuf>,
    /// The way out for anonymous requests.
    pub egress: Option<Egress>,
    /// Whether a response is only handed over if a direct request gets the same one.
    pub dual_check: Option<bool>,
    /// The longest that a lasting grant lives from the click, in days; 0 allows none.
    #[serde(deserialize_with = "max_grant_days")]
    pub max_grant_days: Option<u32>,
    /// Whether the user's own settings cannot change what is set here.
    pub locked: bool,
}

/// Why there is no usable policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy file cannot be read: {0}")]
    Unreadable(String),
    /// The file is too large.
    #[error("the policy file is larger than {MAX_POLICY_BYTES} bytes")]
    TooLarge,
    /// The text is not a policy.
    #[error("the policy file is wrong at {0}")]
    Json(#[from] JsonError),
    /// The policy is locked, and the file is one that the user could change.
    #[error("the policy is locked, but this user can write to its file")]
    WritableByUser,
    /// The policy is locked, and the file lies where the user could put another one in its place.
    #[error("the policy is locked, but this user can replace its file in the folder {}", .0.display())]
    ReplaceableByUser(PathBuf),
}

/// What is known about policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PolicyStatus {
    /// There is no policy file.
    #[default]
    None,
    /// This policy is in force.
    InForce(Policy),
    /// There is a file and it cannot be used, so the feature is off.
    Unusable(PolicyError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    policies: Policies,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policies {
    #[serde(rename = "UserEnabledCORS", default)]
    user_enabled_cors: Policy,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// For everything that is not exactly a policy, with line and column.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        json::parse::<PolicyFile>(text).map(|file| file.policies.user_enabled_cors)
    }

    /// Whether the target is blocked.
    pub fn blocks_target(&self, target: &TupleOrigin) -> bool {
        self.blocked_targets
            .iter()
            .any(|pattern| pattern.matches(target))
    }

    /// Whether the requester is blocked.
    pub fn blocks_requester(&self, requester: &TupleOrigin) -> bool {
        self.blocked_requesters
            .iter()
            .any(|pattern| pattern.matches(requester))
    }

    /// Whether the pair is allowed. The caller has checked the blocks, which come first.
    pub fn allows_pair(&self, requester: &TupleOrigin, target: &TupleOrigin) -> bool {
        self.allowed_pairs
            .iter()
            .any(|pair| pair.requester.matches(requester) && pair.target.matches(target))
    }
}

impl PolicyStatus {
    /// Reads the policy file at `path`.
    ///
    /// A file that does not exist is no policy. One that exists and cannot be read or parsed is unusable, and so are a link
    /// that leads nowhere and a locked file that this user can open for writing.
    pub fn load(path: &Path) -> Self {
        match read_bounded(path) {
            Ok(None) => Self::None,
            Ok(Some(text)) => match Policy::parse(&text) {
                Ok(policy) if policy.locked => match cannot_be_changed(path) {
                    Ok(()) => Self::InForce(policy),
                    Err(error) => Self::Unusable(error),
                },
                Ok(policy) => Self::InForce(policy),
                Err(error) => Self::Unusable(error.into()),
            },
            Err(error) => Self::Unusable(error),
        }
    }

    /// The policy in force, if there is one.
    pub fn policy(&self) -> Option<&Policy> {
        match self {
            Self::InForce(policy) => Some(policy),
            Self::None | Self::Unusable(_) => None,
        }
    }
}

fn read_bounded(path: &Path) -> Result<Option<String>, PolicyError> {
    let unreadable = |error: io::Error| PolicyError::Unreadable(error.to_string());
    match fs::metadata(path) {
        // NB: whoever opens a pipe waits, and a device need not come to an end.
        Ok(metadata) if !metadata.is_file() => {
            return Err(PolicyError::Unreadable("it is no file".to_owned()));
        },
        Ok(_) => {},
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_behind_broken_link(path) => {
            return Ok(None);
        },
        Err(error) => return Err(unreadable(error)),
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_POLICY_BYTES + 1).read_to_string(&mut text);
    match read {
        Ok(read) if read as u64 > MAX_POLICY_BYTES => Err(PolicyError::TooLarge),
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(unreadable(error)),
    }
}

/// Whether a path is not there because a link on it leads nowhere: a policy is meant to be there, and its disk may be missing.
fn is_behind_broken_link(path: &Path) -> bool {
    for part in path.ancestors() {
        match fs::symlink_metadata(part) {
            Ok(metadata) => return metadata.is_symlink() && fs::metadata(part).is_err(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {},
            Err(_) => return true,
        }
    }
    false
}

/// Whether this user can neither write to the file nor put another one in its place.
fn cannot_be_changed(path: &Path) -> Result<(), PolicyError> {
    if is_writable(path) {
        return Err(PolicyError::WritableByUser);
    }
    #[cfg(unix)]
    if let Some(folder) =
        folders::replaceable_in(path).map_err(|error| PolicyError::Unreadable(error.to_string()))?
    {
        return Err(PolicyError::ReplaceableByUser(folder));
    }
    Ok(())
}

fn is_writable(path: &Path) -> bool {
    fs::OpenOptions::new().append(true).open(path).is_ok()
}

impl<'de> Deserialize<'de> for OriginPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

fn max_grant_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = u32::deserialize(deserializer)?;
    if days > MAX_GRANT_DAYS {
        return Err(D::Error::custom(format_args!(
            "a grant lives at most {MAX_GRANT_DAYS} days"
        )));
    }
    Ok(Some(days))
}

/// Paths that mean the same wherever the browser was started.
fn absolute_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(deserializer)?;
    match paths.iter().find(|path| !path.is_absolute()) {
        Some(path) => Err(D::Error::custom(format_args!(
            "“{}” is not an absolute path",
            path.display()
        ))),
        None => Ok(paths),
    }
}

/// Whether a range lies within that of IPv4-mapped addresses.
fn is_written_as_ipv6(range: &IpNet) -> bool {
    match range {
        IpNet::V4(_) => false,
        IpNet::V6(range) => range.prefix_len() >= 96 && range.network().to_ipv4_mapped().is_some(),
    }
}

/// An object of ranges and spaces, in which no range may come twice.
fn address_spaces<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(IpNet, AddressSpace)>, D::Error> {
    struct Ranges;

    impl<'de> Visitor<'de> for Ranges {
        type Value = Vec<(IpNet, AddressSpace)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object such as {\"10.0.0.0/8\": \"local\"}")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut ranges: Self::Value = Vec::new();
            while let Some((range, space)) = map.next_entry::<String, String>()? {
                let parsed: IpNet = range.parse().map_err(|_| {
                    A::Error::custom(format_args!("“{range}” is not a range such as 10.0.0.0/8"))
                })?;
                // An address is looked for in the form of its own family, so such a range would name nothing.
                if is_written_as_ipv6(&parsed) {
                    return Err(A::Error::custom(format_args!(
                        "“{range}” is a range of IPv4: write it as such"
                    )));
                }
                let space = AddressSpace::parse(&space).ok_or_else(|| {
                    A::Error::custom(format_args!(
                        "“{space}” is not an address space: write public, local or loopback"
                    ))
                })?;
                if ranges
                    .iter()
                    .any(|(earlier, _)| earlier.trunc() == parsed.trunc())
                {
                    return Err(A::Error::custom(format_args!("“{range}” is listed twice")));
                }
                ranges.push((parsed.trunc(), space));
            }
            Ok(ranges)
        }
    }

    deserializer.deserialize_map(Ranges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    fn wrapped(inner: &str) -> String {
        format!("{{\"policies\": {{\"UserEnabledCORS\": {inner}}}}}")
    }

    #[test]
    fn a_full_policy() {
        let text = wrapped(
            r#"{"Enabled": true, "LocalNetwork": "warn", "BlockedTargets": ["*.bank.example"],
                "AllowedPairs": [{"Requester": "https://a.example", "Target": "*.b.example"}],
                "BlockedRequesters": ["https://evil.example"], "AddressSpaces": {"93.0.0.0/8": "local"},
                "ExtraRoots": ["/etc/roots.pem"], "Egress": "socks5://proxy.example:1080", "DualCheck": true, "MaxGrantDays": 7, "Locked": true}"#,
        );
        let policy = Policy::parse(&text).unwrap();
        assert!(policy.blocks_target(&origin("https://www.bank.example")));
        assert!(!policy.blocks_target(&origin("https://bank.example")));
        assert!(policy.blocks_requester(&origin("https://evil.example")));
        assert!(policy.allows_pair(&origin("https://a.example"), &origin("https://x.b.example")));
        assert!(!policy.allows_pair(&origin("https://x.b.example"), &origin("https://a.example")));
        assert_eq!(
            policy.address_spaces,
            [("93.0.0.0/8".parse().unwrap(), AddressSpace::Local)]
        );
        assert_eq!((policy.max_grant_days, policy.locked), (Some(7), true));
        assert_eq!(policy.local_network, Some(LocalNetwork::Warn));
    }

    #[test]
    fn silence_is_a_policy_that_says_nothing() {
        assert_eq!(Policy::parse("{\"policies\": {}}"), Ok(Policy::default()));
        assert_eq!(Policy::parse(&wrapped("{}")), Ok(Policy::default()));
    }

    #[test]
    fn everything_else_is_an_error_with_a_place() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            "{\"policies\": {}, \"more\": 1}",
            "{\"policies\": {\"Other\": {}}}",
            "{\"policies\": {}} x",
            &wrapped("{\"Enabled\": \"yes\"}"),
            &wrapped("{\"enabled\": true}"),
            &wrapped("{\"Enabled\": true, \"Enabled\": false}"),
            &wrapped("{\"LocalNetwork\": \"allow\"}"),
            &wrapped("{\"BlockedTargets\": \"*.bank.example\"}"),
            &wrapped("{\"BlockedTargets\": [\"*.com\"]}"),
            &wrapped("{\"BlockedTargets\": [\"https://bank.example/\"]}"),
            &wrapped("{\"Blocklists\": [\"lists/one\"]}"),
            &wrapped("{\"AllowedPairs\": [{\"Requester\": \"https://a.example\"}]}"),
            &wrapped("{\"AllowedPairs\": [{\"Requester\": \"*\", \"Target\": \"*\"}]}"),
            &wrapped("{\"AddressSpaces\": {\"10.0.0.0\": \"local\"}}"),
            &wrapped("{\"AddressSpaces\": {\"10.0.0.0/8\": \"private\"}}"),
            &wrapped("{\"AddressSpaces\": {\"::ffff:93.0.0.0/104\": \"local\"}}"),
            &wrapped(
                "{\"AddressSpaces\": {\"10.0.0.0/8\": \"local\", \"10.1.0.0/8\": \"public\"}}",
            ),
            &wrapped("{\"Egress\": \"ftp://proxy.example\"}"),
            &wrapped("{\"Egress\": \"\"}"),
            &wrapped("{\"Egress\": \"http://user:secret@proxy.example:3128\"}"),
            &wrapped("{\"DualCheck\": \"on\"}"),
            &wrapped("{\"MaxGrantDays\": -1}"),
            &wrapped("{\"MaxGrantDays\": 181}"),
            &wrapped("{\"Locked\": 1}"),
            "{\"policies\": {\"UserEnabledCORS\": {\"Enabled\": true}}",
        ] {
            let error = Policy::parse(text).expect_err(text);
            assert!(
                !error.message.is_empty() && !error.message.contains(" at line "),
                "{text}: {error:?}"
            );
        }
        let error =
            Policy::parse("{\n \"policies\": {\n  \"UserEnabledCORS\": {\"Enabledd\": true}}}")
                .unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.to_string().contains("Enabledd"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_no_missing_policy() {
        let folder = tempfile::tempdir().unwrap();
        let linked = folder.path().join("linked");
        std::os::unix::fs::symlink(folder.path().join("unmounted"), &linked).unwrap();
        for path in [
            linked.clone(),
            linked.join("policies.json"),
            linked.join("a/b"),
        ] {
            assert!(
                matches!(PolicyStatus::load(&path), PolicyStatus::Unusable(_)),
                "{}",
                path.display()
            );
        }
        fs::create_dir(folder.path().join("unmounted")).unwrap();
        assert_eq!(PolicyStatus::load(&linked.join("a/b")), PolicyStatus::None);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_policy() {
        for path in ["/dev/zero", "/dev/null"] {
            assert!(matches!(
                PolicyStatus::load(Path::new(path)),
                PolicyStatus::Unusable(_)
            ));
        }
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies.json");
        assert_eq!(PolicyStatus::load(&path), PolicyStatus::None);
        fs::write(&path, wrapped("{\"Enabled\": false}")).unwrap();
        assert_eq!(
            PolicyStatus::load(&path)
                .policy()
                .and_then(|policy| policy.enabled),
            Some(false)
        );
        fs::write(&path, wrapped("{\"Locked\": true}")).unwrap();
        assert_eq!(
            PolicyStatus::load(&path),
            PolicyStatus::Unusable(PolicyError::WritableByUser)
        );
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(
            PolicyStatus::load(&path),
            PolicyStatus::Unusable(PolicyError::Unreadable(_))
        ));
        assert!(matches!(
            PolicyStatus::load(folder.path()),
            PolicyStatus::Unusable(_)
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_an_error(text in "\\PC{0,64}") {
            let _ = Policy::parse(&text);
            let _ = Policy::parse(&wrapped(&text));
        }
    }
}
