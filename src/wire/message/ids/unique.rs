//! The unique id a producer gives to each message (property UNIQ_KEY; Java `MessageClientIDSetter`).

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::IdError;
use super::id_bytes::{IdBytes, REST};

/// Address, process, a random part, milliseconds of the month and a counter, in 16 or 28 bytes. Its text is
/// upper-case hexadecimal, which tools take apart again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(IdBytes);

impl UniqueId {
    /// The bytes: 16 for IPv4 hosts, 28 for IPv6 ones.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The text written into `buffer`: for encoders that append it to something.
    pub fn encode<'t>(&self, buffer: &'t mut [u8; 56]) -> &'t str {
        self.0.encode(buffer)
    }

    /// Appends the text with something before and behind it, of 24 bytes together at most.
    #[inline]
    pub(crate) fn append_between<const B: usize, const A: usize>(
        &self,
        out: &mut Vec<u8>,
        before: &[u8; B],
        behind: &[u8; A],
    ) {
        self.0.append_between(out, before, behind);
    }

    /// Digits of the text: 32 or 56.
    pub fn text_len(&self) -> usize {
        self.0.text_len()
    }

    /// Address of the producer's host.
    pub fn ip(&self) -> IpAddr {
        self.0.ip()
    }

    /// Low 16 bits of the producer's process id.
    pub fn pid(&self) -> u16 {
        let [a, b, ..] = *self.0.rest();
        u16::from_be_bytes([a, b])
    }

    /// Milliseconds since the start of the producer's month.
    pub fn millis_of_month(&self) -> u32 {
        let [_, _, _, _, _, _, a, b, c, d, _, _] = *self.0.rest();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The counter.
    pub fn counter(&self) -> u16 {
        let [.., a, b] = *self.0.rest();
        u16::from_be_bytes([a, b])
    }

    /// When it was made, Unix milliseconds, seen from `unix_ms` by somebody whose local time is `utc_offset_seconds`
    /// east of UTC: the latest such time that is not after `unix_ms` (Java `getNearlyTimeFromID`).
    pub fn made_at(&self, unix_ms: i64, utc_offset_seconds: i32) -> i64 {
        let month = Month::of(unix_ms, utc_offset_seconds);
        let since = i64::from(self.millis_of_month());
        let made = month.start.saturating_add(since);
        if made <= unix_ms {
            return made;
        }
        Month::of(month.start.saturating_sub(1), utc_offset_seconds).start.saturating_add(since)
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for UniqueId {
    type Err = IdError;

    /// Reads ids of this form only; a broker takes any text as a unique key.
    fn from_str(text: &str) -> Result<UniqueId, IdError> {
        IdBytes::decode(text.as_bytes()).map(UniqueId)
    }
}

/// A month of local time, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Month {
    start: i64,
    /// First millisecond of the next month.
    end: i64,
}

impl Month {
    const DAY: i64 = 86_400_000;
    /// Clocks are believed up to 285,000 years from 1970: that keeps the arithmetic within 64 bits.
    const FAR: i64 = 1 << 53;

    fn believed(unix_ms: i64) -> i64 {
        unix_ms.clamp(-Self::FAR, Self::FAR)
    }

    fn of(unix_ms: i64, utc_offset_seconds: i32) -> Month {
        let offset = i64::from(utc_offset_seconds) * 1000;
        let day = Self::believed(unix_ms).saturating_add(offset).div_euclid(Self::DAY);
        let (year, month) = year_and_month(day);
        let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let at = |(year, month)| days_to_first(year, month) * Self::DAY - offset;
        Month { start: at((year, month)), end: at(next) }
    }
}

/// Year and month (1 to 12) of a day counted from 1970-01-01, by the Gregorian calendar.
fn year_and_month(day: i64) -> (i64, i64) {
    // Years begin in March here, so that the leap day is a year's last one; eras have 400 years.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// Day, counted from 1970-01-01, of the first of a month.
fn days_to_first(year: i64, month: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let day_of_year = (153 * march_month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Makes unique ids. It has no clock: the wall time is given with each call, and ids stay unique whatever it does.
#[derive(Clone, Debug, Hash)]
pub struct UniqueIdGenerator {
    template: IdBytes,
    utc_offset_seconds: i32,
    month: Month,
    /// Time field of the last id.
    millis: u32,
    counter: u16,
    /// Ids made with this time field.
    used: u32,
}

impl UniqueIdGenerator {
    /// `ip` and `pid` of the producer's process; `random` tells processes apart that share them (Java has the hash
    /// of a class loader there); the month starts at local midnight, `utc_offset_seconds` east of UTC.
    pub fn new(ip: IpAddr, pid: u16, random: [u8; 4], utc_offset_seconds: i32) -> UniqueIdGenerator {
        let mut rest = [0; REST];
        rest[..2].copy_from_slice(&pid.to_be_bytes());
        rest[2..6].copy_from_slice(&random);
        UniqueIdGenerator {
            template: IdBytes::new(ip, rest),
            utc_offset_seconds,
            month: Month { start: i64::MIN, end: i64::MIN },
            millis: 0,
            counter: 0,
            used: 0,
        }
    }

    /// The next id, made at `unix_ms`. The time field never goes back within a month: a clock set back, and the
    /// 65,536th id of one millisecond, leave it at or move it to one more than the last.
    pub fn next(&mut self, unix_ms: i64) -> UniqueId {
        let unix_ms = Month::believed(unix_ms);
        if unix_ms >= self.month.end {
            self.month = Month::of(unix_ms, self.utc_offset_seconds);
            (self.millis, self.used) = (0, 0);
        }
        let millis = u32::try_from(unix_ms.saturating_sub(self.month.start)).unwrap_or_default();
        if millis > self.millis {
            (self.millis, self.used) = (millis, 0);
        } else if self.used > u32::from(u16::MAX) {
            (self.millis, self.used) = (self.millis.wrapping_add(1), 0);
        }
        let mut id = self.template;
        let mut end = [0; 6];
        end[..4].copy_from_slice(&self.millis.to_be_bytes());
        end[4..].copy_from_slice(&self.counter.to_be_bytes());
        id.end_with(end);
        self.counter = self.counter.wrapping_add(1);
        self.used += 1;
        UniqueId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER: i64 = 1_793_491_200_000; // 2026-11-01T00:00:00Z

    fn generator(utc_offset_seconds: i32) -> UniqueIdGenerator {
        UniqueIdGenerator::new([10, 0, 0, 9].into(), 0x1234, [0x89, 0xAB, 0xCD, 0xEF], utc_offset_seconds)
    }

    #[test]
    fn the_text_is_javas() {
        let mut ids = generator(0);
        ids.next(NOVEMBER + 0x075B_CD15);
        let id = ids.next(NOVEMBER + 0x075B_CD15);
        assert_eq!(alloc::format!("{id}"), "0A000009123489ABCDEF075BCD150001");
        assert_eq!((id.pid(), id.millis_of_month(), id.counter()), (0x1234, 0x075B_CD15, 1));
    }

    #[test]
    fn the_month_starts_at_local_midnight() {
        // Half past eight in the evening of October 31st in UTC is November already nine hours further east.
        let now = NOVEMBER - 3 * 3_600_000 - 1_800_000;
        assert_eq!(generator(9 * 3600).next(now).millis_of_month(), 5 * 3_600_000 + 1_800_000);
        assert_eq!(generator(0).next(now).millis_of_month(), (31 * 24 - 3) * 3_600_000 - 1_800_000);
        let id = generator(-5 * 3600).next(now);
        assert_eq!(id.made_at(now + 60_000, -5 * 3600), now);
    }

    #[test]
    fn an_id_of_the_last_month_is_dated_back() {
        let made = NOVEMBER - 1000;
        let id = generator(0).next(made);
        assert_eq!(id.made_at(NOVEMBER + 1000, 0), made);
    }

    #[test]
    fn a_full_millisecond_moves_the_time_field() {
        let mut ids = generator(0);
        let mut last = ids.next(NOVEMBER + 5);
        for _ in 0..65_536 * 2 {
            let id = ids.next(NOVEMBER + 5);
            assert!((id.millis_of_month(), id.counter()) != (last.millis_of_month(), last.counter()));
            last = id;
        }
        assert_eq!(last.millis_of_month(), 7);
        // The wall clock passes the advanced field, or goes back: the field never does.
        assert_eq!(ids.next(NOVEMBER + 6).millis_of_month(), 7);
        assert_eq!(ids.next(NOVEMBER - 500).millis_of_month(), 7);
        assert_eq!(ids.next(NOVEMBER + 8).millis_of_month(), 8);
    }

    #[test]
    fn calendar_round_trip() {
        for day in (-800_000..800_000).step_by(17) {
            let (year, month) = year_and_month(day);
            let first = days_to_first(year, month);
            assert!((0..31).contains(&(day - first)), "{day} {year} {month}");
        }
    }
}
