//! Time as the engine sees it: a plain number the host hands in.

use core::fmt;
use core::time::Duration;

/// A point on the host's monotonic time scale, in nanoseconds since an origin the host chose.
///
/// The engine never reads a clock: every input and command carries `now`. The type is a plain number, so that a
/// simulator, a replay file or a host without `std` can make one. Additions saturate; [`Instant::FAR_FUTURE`]
/// means "no deadline".
///
/// ```
/// use core::time::Duration;
/// use rocketmq_engine::Instant;
///
/// let start = Instant::from_nanos(1_000);
/// let later = start + Duration::from_micros(2);
/// assert_eq!(later.as_nanos(), 3_000);
/// assert_eq!(later - start, Duration::from_micros(2));
/// assert_eq!(start + Duration::MAX, Instant::FAR_FUTURE);
/// ```
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the host's scale.
    pub const ZERO: Self = Self(0);
    /// Later than every deadline: 584 years after the origin.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Duration) -> Self {
        self + Nanos::from(rhs)
    }
}

/// A duration as instants count: what is added often is brought into this form once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) struct Nanos(u64);

impl Nanos {
    /// What leads to [`Instant::FAR_FUTURE`] from everywhere.
    pub(crate) const MAX: Self = Self(u64::MAX);
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(u64::from(duration.subsec_nanos())))
    }
}

impl core::ops::Add<Nanos> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Nanos) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl core::ops::Sub for Instant {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.saturating_since(rhs)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FAR_FUTURE {
            return f.write_str("never");
        }
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}
