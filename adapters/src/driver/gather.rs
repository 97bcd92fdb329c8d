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

/// Pauses in a row after which neither an answer has come nor a send: then it is waited for, as without load.
const PAUSES: u32 = 4;

/// By this part of itself the time an answer takes is thought shorter when all have come at once.
const DOUBT: u64 = 32;

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
/// nearly all at once, what it goes on with is waited for in a few short pauses: it need not wake anybody meanwhile.
///
/// A driver says what it does with [`note`](Self::note) and [`note_read`](Self::note_read), and asks for a
/// [`pause`](Self::pause) before it waits.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    bound: Duration,
    /// Since when there is no load.
    lull: Option<Instant>,
    /// Sends so far, those under way, and those that had ended when the last answers were counted, and when that was.
    sends: u64,
    under_way: u64,
    ended: u64,
    answered_at: Instant,
    /// The most sends under way of late; the past fades.
    most: u64,
    /// Answers of late, and the nanoseconds they took; the past fades.
    answers: u64,
    nanos: u64,
    /// How far apart reads should be, and the last one: for now the end of the last pause counts as one, too.
    apart: Duration,
    read_at: Instant,
    /// Pauses since anything moved.
    pauses: u32,
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
        Self {
            bound,
            lull: Some(zero),
            sends: 0,
            under_way: 0,
            ended: 0,
            answered_at: zero,
            most: 0,
            answers: 0,
            nanos: 0,
            apart: Duration::ZERO,
            read_at: zero,
            pauses: 0,
        }
    }

    /// Learns from the engine's counters; to be called each turn, before [`pause`](Self::pause).
    pub fn note(&mut self, stats: &ClientStats, now: Instant) {
        if !self.bound.is_zero() {
            self.apart = self.learn(stats, now).min(self.bound);
        }
    }

    fn learn(&mut self, stats: &ClientStats, now: Instant) -> Duration {
        let ended = stats.acknowledged + stats.failed + stats.indeterminate;
        let under_way = stats.sends.saturating_sub(ended);
        let begun = stats.sends.saturating_sub(mem::replace(&mut self.sends, stats.sends));
        let before = mem::replace(&mut self.under_way, under_way);
        // Nearly all that was under way is answered.
        let all = under_way.saturating_sub(begun) < LOAD;
        self.note_answers(ended, all, now);
        if begun > 0 {
            self.pauses = 0;
            if all {
                // Nothing of what is under way can have been answered by now.
                (self.read_at, self.answered_at) = (now, now);
            }
        }
        if under_way >= LOAD {
            if self.lull.take().is_some_and(|since| now - since > LULL) {
                (self.answers, self.nanos, self.most) = (0, 0, 0);
            }
            self.most = under_way.max(self.most - self.most / 16);
            return self.part(under_way).max(self.moment());
        }
        let since = *self.lull.get_or_insert(now);
        if before >= LOAD {
            self.moment()
        } else if self.pauses < PAUSES && now - since <= LULL {
            self.apart
        } else {
            Duration::ZERO
        }
    }

    fn note_answers(&mut self, ended: u64, all: bool, now: Instant) {
        let answers = ended.saturating_sub(mem::replace(&mut self.ended, ended));
        if answers == 0 {
            return;
        }
        if all {
            // Nobody knows for how long the last ones have been there: the broker may be faster than was thought.
            self.nanos -= self.nanos / DOUBT;
        } else {
            let took = u64::try_from((now - self.answered_at).as_nanos()).unwrap_or(u64::MAX);
            self.answers = self.answers - self.answers / 8 + answers;
            self.nanos = (self.nanos - self.nanos / 8).saturating_add(took);
        }
        self.answered_at = now;
    }

    /// A pause that nobody notices: a broker so fast that all are answered sooner is not waited for.
    fn moment(&self) -> Duration {
        self.part(self.most).min(MOMENT)
    }

    /// The part of its time by which reads are kept apart when so many sends are under way.
    fn part(&self, sends: u64) -> Duration {
        let each = self.nanos.checked_div(self.answers).unwrap_or(0);
        Duration::from_nanos(each.saturating_mul(sends)) / PART
    }

    /// A read brought something.
    pub fn note_read(&mut self, now: Instant) {
        (self.read_at, self.pauses) = (now, 0);
    }

    /// How far apart reads should be just now. Zero: not at all.
    pub fn apart(&self) -> Duration {
        self.apart
    }

    /// No send is under way: until the application goes on, sockets have no acknowledgement to bring.
    pub fn is_answered(&self) -> bool {
        self.under_way == 0
    }

    /// How long to sleep before the next read. `None`: not at all, or not worth it, or nothing has come of the last
    /// pauses.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        if now < self.read_at && !self.apart.is_zero() {
            // Another thread goes on with it.
            return Some(self.read_at - now);
        }
        if self.pauses >= PAUSES {
            return None;
        }
        // While the application is waited for, it does not count when a read was.
        let ago = if self.under_way < LOAD { Duration::ZERO } else { now - self.read_at };
        let pause = self.apart.checked_sub(ago).filter(|left| *left >= SHORTEST)?;
        (self.read_at, self.pauses) = (now + pause, self.pauses + 1);
        Some(pause)
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

    fn apart(gather: &mut Gather, stats: &ClientStats, micros: u64) -> Duration {
        gather.note(stats, at(micros));
        gather.apart()
    }

    /// One answer each `each` us, `under_way` sends under way all the time.
    fn settle(gather: &mut Gather, under_way: u64, each: u64) -> Duration {
        for answers in 0..200 {
            gather.note(&stats(under_way + answers, answers), at(1_000_000 + answers * each));
        }
        gather.apart()
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
            assert_eq!(apart(&mut gather, &stats, 1_000_000 + turn * 500), Duration::ZERO);
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
        assert_eq!(apart(&mut gather, &stats(0, 0), 0), Duration::ZERO);
        // A burst after ten seconds of silence.
        assert_eq!(apart(&mut gather, &stats(64, 0), 10_000_000), Duration::ZERO);
        let each = Duration::from_nanos(100_000 / 8);
        assert_eq!(apart(&mut gather, &stats(64, 8), 10_000_100), each * 56 / 3);
        // What comes a second after its end is not waited for, and takes what it takes.
        assert_eq!(apart(&mut gather, &stats(64, 60), 10_000_200), MOMENT);
        assert_eq!(apart(&mut gather, &stats(64, 61), 11_000_000), Duration::ZERO);
        assert_eq!(apart(&mut gather, &stats(128, 61), 11_000_000), Duration::ZERO);
        assert_eq!(apart(&mut gather, &stats(128, 69), 11_000_100), each * 59 / 3);
    }

    #[test]
    fn who_is_answered_all_at_once_gets_a_few_moments_to_go_on() {
        let mut gather = Gather::default();
        settle(&mut gather, 64, 20);
        let (all, mut time) = (64 + 199, 1_010_000);
        assert_eq!(apart(&mut gather, &stats(all, all), time), MOMENT);
        assert!(gather.is_answered());
        for pauses in 0..PAUSES {
            // Whatever the driver did since its last read.
            time += 70;
            assert_eq!(gather.pause(at(time)), Some(MOMENT), "after {pauses}");
            time += 100;
            let left = if pauses + 1 < PAUSES { MOMENT } else { Duration::ZERO };
            assert_eq!(apart(&mut gather, &stats(all, all), time), left);
        }
        assert_eq!(gather.pause(at(time)), None, "the application has nothing more to say");
        // It goes on: from here on answers come together again.
        let again = apart(&mut gather, &stats(all + 64, all), time);
        assert!(again > Duration::from_micros(300) && !gather.is_answered(), "{again:?}");
        assert_eq!(gather.pause(at(time)), Some(again));
    }

    #[test]
    fn a_broker_that_has_always_answered_all_is_waited_for_ever_less() {
        let mut gather = Gather::default();
        settle(&mut gather, 64, 20);
        let (mut acknowledged, mut time, mut pauses) = (199, 1_010_000, Vec::new());
        gather.note_read(at(time));
        for _ in 0..200 {
            // An application that goes on at once, and pauses that are slept a little too long.
            gather.note(&stats(acknowledged + 64, acknowledged), at(time));
            let pause = gather.pause(at(time)).unwrap_or(Duration::ZERO);
            pauses.push(pause);
            time += pause.as_micros() as u64 + 60;
            acknowledged += 64;
            gather.note_read(at(time));
        }
        assert!(pauses.is_sorted_by(|before, after| after <= before), "{pauses:?}");
        assert_eq!((pauses[0] > Duration::from_micros(300), pauses[199]), (true, Duration::ZERO));
    }

    #[test]
    fn a_broker_that_answers_nothing_is_left_to_the_poll_after_a_few_pauses() {
        let mut gather = Gather::default();
        settle(&mut gather, 64, 20);
        let (silent, mut time) = (stats(64 + 199, 199), 2_000_000);
        gather.note_read(at(time));
        for _ in 0..PAUSES {
            gather.note(&silent, at(time));
            let pause = gather.pause(at(time)).expect("it may be soon");
            time += pause.as_micros() as u64 + 1;
        }
        gather.note(&silent, at(time));
        assert_eq!(gather.pause(at(time)), None);
        // What it says then makes it one that answers.
        gather.note_read(at(time));
        gather.note(&silent, at(time));
        assert!(gather.pause(at(time)).is_some());
    }

    #[test]
    fn counters_that_begin_anew_are_taken_as_they_are() {
        let mut gather = Gather::default();
        settle(&mut gather, 64, 20);
        // A driver that is given another engine.
        assert_eq!(apart(&mut gather, &stats(0, 0), 2_000_000), MOMENT);
        assert_eq!(apart(&mut gather, &stats(0, 0), 2_100_000), Duration::ZERO);
        assert_eq!(settle(&mut gather, 64, 20), Duration::from_nanos(1_280_000 / 3));
    }

    #[test]
    fn own_work_counts_as_waiting() {
        let mut gather = Gather::new(Duration::from_micros(300));
        settle(&mut gather, 64, 20);
        gather.note_read(at(2_000_000));
        assert_eq!(gather.pause(at(2_000_250)), None);
        assert_eq!(gather.pause(at(2_000_900)), None);
        assert_eq!(gather.pause(at(2_000_100)), Some(Duration::from_micros(200)));
        // The read after it is due when it ends.
        assert_eq!(gather.pause(at(2_000_350)), Some(Duration::from_micros(250)));
    }
}
