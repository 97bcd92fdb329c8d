//! A machine's own clocks: monotonic time that runs from another origin and at another rate, and wall time that is
//! set.

use std::time::Duration;

use rocketmq_engine::Instant;

const MILLION: u128 = 1_000_000;

/// How one machine sees the world's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeClock {
    /// World time and the machine's time at the last change.
    anchor: (Instant, Instant),
    /// Runs so many millionths faster, or slower.
    drift_ppm: i32,
    /// Wall time less world time.
    wall_offset_ms: i64,
}

impl NodeClock {
    pub(super) fn new(origin: Duration, wall_ms: i64) -> Self {
        let anchor = (Instant::ZERO, Instant::ZERO + origin);
        Self { anchor, drift_ppm: 0, wall_offset_ms: wall_ms }
    }

    /// The monotonic clock runs at another rate from now on.
    pub(super) fn set_drift(&mut self, world: Instant, drift_ppm: i32) {
        self.anchor = (world, self.local(world));
        self.drift_ppm = drift_ppm.clamp(-500_000, 500_000);
    }

    fn rate(&self) -> u128 {
        (1_000_000 + i64::from(self.drift_ppm)).unsigned_abs().into()
    }

    /// The machine's monotonic time.
    pub(super) fn local(&self, world: Instant) -> Instant {
        let passed = world - self.anchor.0;
        if self.drift_ppm == 0 {
            return self.anchor.1 + passed;
        }
        self.anchor.1 + Duration::from_nanos((passed.as_nanos() * self.rate() / MILLION) as u64)
    }

    /// World time at which the machine's clock has reached `local`.
    pub(super) fn world(&self, local: Instant) -> Instant {
        let passed = local - self.anchor.1;
        if self.drift_ppm == 0 {
            return self.anchor.0 + passed;
        }
        let nanos = (passed.as_nanos() * MILLION).div_ceil(self.rate());
        self.anchor.0 + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The machine's wall clock, milliseconds since 1970.
    pub(super) fn unix_ms(&self, world: Instant) -> i64 {
        self.wall_offset_ms.saturating_add((world.as_nanos() / 1_000_000) as i64)
    }

    /// Someone sets the wall clock.
    pub(super) fn step_wall(&mut self, by_ms: i64) {
        self.wall_offset_ms = self.wall_offset_ms.saturating_add(by_ms).max(0);
    }

    /// The monotonic clock stood still from `from` to `to` in world time.
    pub(super) fn stood_still(&mut self, from: Instant, to: Instant) {
        self.anchor = (to, self.local(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_when_it_says_so_whatever_the_drift() {
        for ppm in [-400_000, -123, -1, 0, 1, 77, 300_000] {
            let mut clock = NodeClock::new(Duration::from_secs(5), 0);
            clock.set_drift(Instant::ZERO, ppm);
            clock.stood_still(Instant::from_nanos(1_000_003), Instant::from_nanos(9_000_001));
            for nanos in (9_000_001..9_000_301).chain([u64::from(u32::MAX) * 1000]) {
                let local = clock.local(Instant::from_nanos(nanos));
                let world = clock.world(local);
                assert!(clock.local(world) >= local, "{ppm} {nanos}");
                assert!(world <= Instant::from_nanos(nanos), "{ppm} {nanos}");
            }
        }
    }
}
