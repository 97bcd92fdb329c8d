//! Retry economy: a broker in trouble is not asked three times as much as it is when it is well.
//!
//! Each broker has a credit of ten requests. Every call of the application adds 1.2 to it, every request takes one;
//! a retry is made only where there is credit. So in any window a broker sees at most 1.2 requests for each call,
//! and ten more, whatever it answers. Where all brokers are out of credit a send ends with what it had failed with.

use alloc::vec::Vec;

use crate::client::names::BrokerName;

/// Credit in tenths of a request.
const FULL: i64 = 100;
const CALL: i64 = 12;
const REQUEST: i64 = 10;

#[derive(Clone, Copy, Debug, Hash)]
struct Credit {
    left: i64,
    /// Calls that are counted in already.
    calls: u64,
}

/// What each broker may still be asked.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Economy {
    calls: u64,
    /// By broker; none where it is full.
    credits: Vec<Option<Credit>>,
}

impl Economy {
    /// The first attempt of a call of the application is made.
    pub(super) fn call(&mut self) {
        self.calls += 1;
    }

    /// What the broker may be asked, `most` at most.
    fn credit(&self, broker: &BrokerName, most: i64) -> i64 {
        match self.credits.get(broker.index()) {
            Some(Some(credit)) => {
                // So many fill it from nothing.
                let calls = (self.calls - credit.calls).min((most / CALL + 1) as u64) as i64;
                (credit.left + calls * CALL).min(most)
            }
            _ => most,
        }
    }

    /// Whether the broker may be asked for a retry.
    pub(super) fn allows(&self, broker: &BrokerName) -> bool {
        self.credit(broker, FULL) >= REQUEST
    }

    /// Notes an attempt; false for a retry the broker is not to be asked for.
    #[inline]
    pub(super) fn attempt(&mut self, broker: &BrokerName, retry: bool) -> bool {
        // What a call adds pays for its first request: a broker that is well is not even looked up.
        (!retry && matches!(self.credits.get(broker.index()), None | Some(None))) || self.note(broker, retry)
    }

    fn note(&mut self, broker: &BrokerName, retry: bool) -> bool {
        // A first request is paid for by its own call, before what is too much is lost.
        let credit = self.credit(broker, if retry { FULL } else { FULL + CALL });
        if retry && credit < REQUEST {
            return false;
        }
        if self.credits.len() <= broker.index() {
            self.credits.resize(broker.index() + 1, None);
        }
        if let Some(slot) = self.credits.get_mut(broker.index()) {
            let left = (credit - REQUEST).max(0);
            *slot = (left < FULL).then_some(Credit { left, calls: self.calls });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::names::Names;
    use proptest::prelude::*;

    proptest! {
        /// The naive model: in no window are there more requests than 1.2 for each call and the burst.
        #[test]
        fn no_window_has_more_than_a_fifth_of_retries_and_a_burst(
            steps in prop::collection::vec((any::<bool>(), 0..4_usize), 1..200)
        ) {
            let broker = Names::new(1, 9).broker("a").expect("valid");
            let mut economy = Economy::default();
            // Calls and requests in order: true is a call with its first request.
            let mut seen = Vec::new();
            for (call, retries) in steps {
                if call {
                    economy.call();
                    prop_assert!(economy.attempt(&broker, false));
                    seen.push((1, 1));
                }
                for _ in 0..retries {
                    let allowed = economy.allows(&broker);
                    prop_assert_eq!(economy.attempt(&broker, true), allowed);
                    seen.push((0, i64::from(allowed)));
                }
            }
            for from in 0..seen.len() {
                let (mut calls, mut requests) = (0, 0);
                for (call, request) in &seen[from..] {
                    calls += call;
                    requests += request;
                    prop_assert!(requests * 10 <= calls * 12 + 100, "{requests} for {calls} calls");
                }
            }
        }
    }
}
