//! Gathering: under load a driver looks at its sockets a little later, and finds many answers instead of one.

use std::mem;
use std::time::Duration;

use rocketmq_engine::{ClientStats, Instant};

/// How long answers may be left unread at most, unless set otherwise.
///
/// A bare client with 64 sends in flight at a real broker that slept so long before each read took about half the
/// processor time of one that did not, at the same rate and median latency.
pub const GATHER: Duration = Duration::from_micros(500);

/// Sends under way from which on it is load. Below, a read that waits saves little, and someone waits for it.
const LOAD: u64 = 8;

/// Part of a send's time by which reads are kept apart. A third gathers a third of what is under way; brokers that
/// have work queued lose nothing by it, and the others a sixth of a round trip on average.
const PART: u32 = 3;

/// What an application that was answered nearly all at once gets to go on. Sockets have little to bring meanwhile, and a
/// broker should not be without work for longer.
const MOMENT: Duration = Duration::from_micros(100);

/// After so long without load what was learned of it is forgotten.
const LULL: Duration = Duration::from_millis(10);

/// A shorter pause costs as much as it saves.
const SHORTEST: Duration = Duration::from_micros(60);

/// Decides how far apart reads should be.
///
/// A broker answers nearly one send at a time, and each read, wake-up and hand-over costs about the same for one
/// answer as for thirty. While many sends are under way reads are therefore kept apart: by a third of what a send
/// takes just now (Little's law: sends under way, divided by answers a second), at most by the bound. A driver whose
/// own work takes longer than that never pauses; with a few sends in flight none does. When an application is answered
/// nearly all at once, what it goes on with is waited for, a moment.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    bound: Duration,
    /// Since when there is no load.
    lull: Option<Instant>,
    /// Sends under way last turn.
    under_way: u64,
    /// Sends that had ended when the last answers were counted, and when that was.
    ended: u64,
    at: Instant,
    /// Answers of late, and the nanoseconds they took; the past fades.
    answers: u64,
    nanos: u64,
}

impl Default for Gather {
    fn default() -> Self {
        Self::new(GATHER)
    }
}

impl Gather {
    /// Gathers for at most `bound`; zero: never.
    pub fn new(bound: Duration) -> Self {
        let zero = Instant::ZERO;
        Self { bound, lull: Some(zero), under_way: 0, ended: 0, at: zero, answers: 0, nanos: 0 }
    }

    /// How far apart reads should be from now on; to be asked once a turn. Zero: not at all.
    pub fn apart(&mut self, stats: &ClientStats, now: Instant) -> Duration {
        let ended = stats.acknowledged + stats.failed + stats.indeterminate;
        let under_way = stats.sends.saturating_sub(ended);
        let lately = under_way.max(mem::replace(&mut self.under_way, under_way));
        if lately < LOAD || self.bound.is_zero() {
            self.lull.get_or_insert(now);
            return Duration::ZERO;
        }
        if self.lull.take().is_some_and(|since| now - since > LULL) {
            *self = Self { lull: None, under_way, ended, at: now, ..Self::new(self.bound) };
            return Duration::ZERO;
        }
        if ended > self.ended {
            let took = u64::try_from((now - self.at).as_nanos()).unwrap_or(u64::MAX);
            self.answers = self.answers - self.answers / 8 + (ended - self.ended);
            self.nanos = (self.nanos - self.nanos / 8).saturating_add(took);
            (self.ended, self.at) = (ended, now);
        }
        let each = self.nanos.checked_div(self.answers).unwrap_or(0);
        let part = |sends| Duration::from_nanos(each.saturating_mul(sends)) / PART;
        // A broker so fast that all are answered sooner is not waited for.
        let apart = if under_way < LOAD { part(lately).min(MOMENT) } else { part(under_way) };
        apart.min(self.bound)
    }

    /// What is left to wait of `apart` when the last read was `ago`; `None` if that is not worth a sleep.
    pub fn pause(apart: Duration, ago: Duration) -> Option<Duration> {
        apart.checked_sub(ago).filter(|left| *left >= SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(sends: u64, acknowledged: u64) -> ClientStats {
        let mut stats = ClientStats::default();
        (stats.sends, stats.acknowledged) = (sends, acknowledged);
        stats
    }

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1000)
    }

    /// One answer each `each` us, `under_way` sends under way all the time.
    fn settle(gather: &mut Gather, under_way: u64, each: u64) -> Duration {
        let mut apart = Duration::ZERO;
        for answers in 0..200 {
            apart = gather.apart(&stats(under_way + answers, answers), at(1_000_000 + answers * each));
        }
        apart
    }

    #[test]
    fn a_few_in_flight_never_wait() {
        for under_way in [1, 2, LOAD - 1] {
            assert_eq!(settle(&mut Gather::default(), under_way, 1000), Duration::ZERO);
        }
        // Not even when all are answered and sent again in one turn.
        let mut gather = Gather::default();
        for turn in 0..200 {
            let few = LOAD - 1;
            let stats = stats(few * (turn + 1), few * turn);
            assert_eq!(gather.apart(&stats, at(1_000_000 + turn * 500)), Duration::ZERO);
        }
    }

    #[test]
    fn a_third_of_what_a_send_takes_up_to_the_bound() {
        // 64 in flight, one answer each 20 us: a send takes 1.28 ms.
        assert_eq!(settle(&mut Gather::default(), 64, 20), Duration::from_nanos(1_280_000 / 3));
        assert_eq!(settle(&mut Gather::default(), 1024, 20), GATHER);
        let bound = Duration::from_micros(50);
        assert_eq!(settle(&mut Gather::new(bound), 64, 20), bound);
        assert_eq!(settle(&mut Gather::new(Duration::ZERO), 64, 20), Duration::ZERO);
    }

    #[test]
    fn an_idle_time_is_not_taken_for_a_slow_broker() {
        let mut gather = Gather::default();
        assert_eq!(gather.apart(&stats(0, 0), at(0)), Duration::ZERO);
        // A burst after ten seconds of silence.
        assert_eq!(gather.apart(&stats(64, 0), at(10_000_000)), Duration::ZERO);
        assert_eq!(gather.apart(&stats(64, 8), at(10_000_100)), Duration::from_nanos(100_000 / 8 * 56 / 3));
        // The last few wait for a moment, then for nothing; nor does the first one after a second wait.
        assert_eq!(gather.apart(&stats(64, 60), at(10_000_200)), Duration::from_nanos(187_500 / 59 * 56 / 3));
        assert_eq!(gather.apart(&stats(64, 61), at(10_000_300)), Duration::ZERO);
        assert_eq!(gather.apart(&stats(164, 64), at(11_000_000)), Duration::ZERO);
    }

    #[test]
    fn who_is_answered_all_at_once_still_has_load() {
        let mut gather = Gather::default();
        settle(&mut gather, 64, 20);
        let (mut acknowledged, mut time) = (200, 1_000_000 + 200 * 20);
        for _ in 0..8 {
            // All 64 are answered at once, and sent again a little later.
            (acknowledged, time) = (acknowledged + 64, time + 1280);
            let nothing = gather.apart(&stats(acknowledged, acknowledged), at(time));
            let again = gather.apart(&stats(acknowledged + 64, acknowledged), at(time + 200));
            assert!(nothing == MOMENT && again > Duration::from_micros(300), "{nothing:?}, {again:?}");
        }
    }

    #[test]
    fn own_work_counts_as_waiting() {
        let apart = Duration::from_micros(300);
        assert_eq!(Gather::pause(apart, Duration::from_micros(100)), Some(Duration::from_micros(200)));
        assert_eq!(Gather::pause(apart, Duration::from_micros(250)), None);
        assert_eq!(Gather::pause(apart, Duration::from_micros(900)), None);
    }
}
