//! On which network this machine is. A server that trusts an address gives another answer on another network, and a person
//! who said yes at home has not said yes at work: a grant holds on the network on which it was given.

use std::fmt;

/// The longest identity that is kept, in characters.
const MAX_IDENTITY: usize = 200;

/// What tells one network from another: the default gateway and the prefix around it, as text that is compared whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineNetwork(String);

impl MachineNetwork {
    /// A network of this identity, cut to 200 characters.
    pub fn new(identity: &str) -> Self {
        Self(identity.chars().take(MAX_IDENTITY).collect())
    }

    /// The identity.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `user_cors.other_network`: what grants are worth when the machine has moved to another network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkChange {
    /// Nothing, until it is back on the network on which they were given.
    #[default]
    Suspend,
    /// As much as before.
    Ignore,
}
