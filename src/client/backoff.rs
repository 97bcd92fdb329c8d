//! Waiting longer after each failure, with jitter; and the engine's own random numbers.

use core::time::Duration;

use crate::time::Instant;

/// The engine's random numbers (SplitMix64): everything random in it comes from the seed given to `Client::new`.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for (index, byte) in seed.iter().enumerate() {
            state ^= u64::from(*byte) << (index % 8 * 8);
            state = Self(state).next();
        }
        Self(state)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// `duration`, shortened by up to a half.
    pub(crate) fn jitter(&mut self, duration: Duration) -> Duration {
        let half = u64::try_from(duration.as_nanos() / 2).unwrap_or(u64::MAX);
        duration.saturating_sub(Duration::from_nanos(self.below(half.saturating_add(1))))
    }
}

/// Exponential back-off of one thing that can fail.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Backoff {
    failures: u32,
    until: Instant,
}

impl Backoff {
    /// Notes a failure; says when to try again: `first` doubled with each failure up to `most`, with jitter.
    pub(crate) fn fail(&mut self, first: Duration, most: Duration, rng: &mut Rng, now: Instant) -> Instant {
        let doubled = first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        self.until = now + rng.jitter(doubled.min(most));
        self.until
    }

    /// When to try again.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, proptest};

    proptest! {
        #[test]
        fn waits_stay_between_half_and_the_most(seed: [u8; 32], failures in 1..40_u32) {
            let (first, most) = (Duration::from_millis(100), Duration::from_secs(10));
            let (mut backoff, mut rng) = (Backoff::default(), Rng::new(&seed));
            for n in 0..failures {
                let wait = backoff.fail(first, most, &mut rng, Instant::ZERO) - Instant::ZERO;
                let full = first.saturating_mul(1 << n.min(20)).min(most);
                prop_assert!(wait <= full && wait >= full / 2, "{wait:?} of {full:?}");
            }
        }

        #[test]
        fn below_stays_below(seed: [u8; 32], bound in 1..u64::MAX) {
            prop_assert!(Rng::new(&seed).below(bound) < bound);
        }
    }
}
