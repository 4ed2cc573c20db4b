//! [Local Network Access](https://wicg.github.io/local-network-access/) for ordinary requests: whether a page from the
//! Internet may reach this machine and its network.

use std::str::FromStr;

use thiserror::Error;
use user_cors::AddressSpace;

/// What becomes of requests into a less public address space than their page came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalNetworkAccess {
    /// They are made.
    #[default]
    Off,
    /// Those of secure contexts are made.
    BlockInsecure,
    /// None is made.
    Block,
}

/// Text that names no [`LocalNetworkAccess`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("local network access is off, block-insecure or block")]
pub struct UnknownLocalNetworkAccess;

impl FromStr for LocalNetworkAccess {
    type Err = UnknownLocalNetworkAccess;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "block-insecure" => Ok(Self::BlockInsecure),
            "block" => Ok(Self::Block),
            _ => Err(UnknownLocalNetworkAccess),
        }
    }
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The address space that its page came from.
    pub space: AddressSpace,
    /// Whether it is a secure context.
    pub is_secure: bool,
    /// Whether the request goes to the requester's own origin, and that is potentially trustworthy.
    pub is_own_origin: bool,
}

/// The [Local Network Access check](https://wicg.github.io/local-network-access/#local-network-access-check), with the
/// setting in the place of a question: whether a request to a server in the address space `target` must not be made.
pub fn should_be_blocked(
    setting: LocalNetworkAccess,
    requester: Requester,
    target: AddressSpace,
) -> bool {
    // 1. A trustworthy origin may reach itself.
    // 2. Only a less public space needs the check.
    if requester.is_own_origin || !target.is_less_public_than(requester.space) {
        return false;
    }
    match setting {
        LocalNetworkAccess::Off => false,
        // 3. Not from an insecure context.
        LocalNetworkAccess::BlockInsecure => !requester.is_secure,
        // 4. What would be asked is answered.
        LocalNetworkAccess::Block => true,
    }
}

#[cfg(test)]
mod tests {
    use user_cors::AddressSpace::{Local, Loopback, Public};

    use super::*;

    #[test]
    fn only_towards_less_public_spaces() {
        use LocalNetworkAccess::{Block, BlockInsecure, Off};
        for (setting, space, is_secure, is_own_origin, target, expected) in [
            (Off, Public, false, false, Loopback, false),
            (Block, Public, true, false, Loopback, true),
            (Block, Public, true, false, Local, true),
            (Block, Public, true, false, Public, false),
            (Block, Local, true, false, Loopback, true),
            (Block, Local, true, false, Local, false),
            (Block, Loopback, true, false, Local, false),
            (Block, Loopback, true, false, Loopback, false),
            (Block, Public, true, true, Loopback, false),
            (BlockInsecure, Public, true, false, Loopback, false),
            (BlockInsecure, Public, false, false, Loopback, true),
            (BlockInsecure, Local, false, false, Local, false),
        ] {
            let requester = Requester {
                space,
                is_secure,
                is_own_origin,
            };
            assert_eq!(
                should_be_blocked(setting, requester, target),
                expected,
                "{setting:?} {requester:?} {target:?}"
            );
        }
    }

    #[test]
    fn names() {
        assert_eq!("block".parse(), Ok(LocalNetworkAccess::Block));
        assert_eq!("off".parse(), Ok(LocalNetworkAccess::default()));
        assert_eq!(
            "block-insecure".parse(),
            Ok(LocalNetworkAccess::BlockInsecure)
        );
        assert_eq!(
            "true".parse::<LocalNetworkAccess>(),
            Err(UnknownLocalNetworkAccess)
        );
    }
}
