//! Versions, as Java counts them.

use core::fmt;

/// A RocketMQ version as its number in Java's `MQVersion`.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub i32);

impl Version {
    /// From here on name servers answer route queries in standard JSON.
    pub const V4_9_4: Self = Self(401);
    /// The last release of the 4.9 line.
    pub const V4_9_7: Self = Self(407);
    /// Versions over this one are sent GO_AWAY.
    pub const V5_3_1: Self = Self(475);
    /// The version this engine was built and tested against, and announces.
    pub const V5_5_0: Self = Self(513);
    /// Everything above counts as this.
    pub const HIGHER_VERSION: Self = Self(612);
}

const FIRST_VERSIONS: [&str; 16] = [
    "V3_0_0_SNAPSHOT",
    "V3_0_0_ALPHA1",
    "V3_0_0_BETA1",
    "V3_0_0_BETA2",
    "V3_0_0_BETA3",
    "V3_0_0_BETA4",
    "V3_0_0_BETA5",
    "V3_0_0_BETA6_SNAPSHOT",
    "V3_0_0_BETA6",
    "V3_0_0_BETA7_SNAPSHOT",
    "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT",
    "V3_0_0_BETA8",
    "V3_0_0_BETA9_SNAPSHOT",
    "V3_0_0_BETA9",
    "V3_0_0_FINAL",
];

/// Java's name of the version.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = usize::try_from(self.0).ok().and_then(|at| FIRST_VERSIONS.get(at)) {
            return f.write_str(name);
        }
        // Behind those a release has an odd number, and its snapshot the one before.
        let release = self.0 | 1;
        let (major, minor, patch) = match release {
            ..=15 => return write!(f, "version {}", self.0),
            16..=46 => (3, 0, (release - 15) / 2),
            47..=86 => (3, 1 + (release - 47) / 20, (release - 47) % 20 / 2),
            87..=212 => (3, 3 + (release - 87) / 18, 1 + (release - 87) % 18 / 2),
            213..=412 => (4, (release - 213) / 20, (release - 213) % 20 / 2),
            413..=611 => (5, (release - 413) / 20, (release - 413) % 20 / 2),
            612.. => return f.write_str("HIGHER_VERSION"),
        };
        let snapshot = if release == self.0 { "" } else { "_SNAPSHOT" };
        write!(f, "V{major}_{minor}_{patch}{snapshot}")
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.0)
    }
}
