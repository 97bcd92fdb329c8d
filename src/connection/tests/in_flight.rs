//! The in-flight ring beside a map.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::connection::RequestId;
use crate::connection::in_flight::InFlight;
use crate::time::Instant;

fn start() -> impl Strategy<Value = u32> {
    // Near the wrap, where `opaque` turns negative, or anywhere.
    prop_oneof![u32::MAX - 40..u32::MAX, 0x7fff_ffe0..0x8000_0010_u32, any::<u32>()]
}

fn fill(table: &mut InFlight<usize>, timeouts: &[u64]) -> Vec<RequestId> {
    let insert = |(n, timeout): (usize, &u64)| {
        let id = table.reserve();
        table.insert(id, n as u64, Instant::from_nanos(*timeout), n, Instant::ZERO);
        id
    };
    timeouts.iter().enumerate().map(insert).collect()
}

proptest! {
    #[test]
    fn every_opaque_in_flight_is_another(start in start(), timeouts in prop::collection::vec(0..50_u64, 1..300)) {
        let mut table = InFlight::new(start);
        let ids = fill(&mut table, &timeouts);
        let opaques: BTreeSet<i32> = ids.iter().map(|id| id.opaque()).collect();
        prop_assert_eq!(opaques.len(), ids.len());
        prop_assert_eq!(ids[0].opaque(), start as i32);
    }

    #[test]
    fn an_answer_ends_its_request_and_no_other(
        start in start(),
        timeouts in prop::collection::vec(0..50_u64, 1..100),
        answers in prop::collection::vec(prop_oneof![0..120_u32, any::<u32>()], 0..200),
    ) {
        let mut table = InFlight::new(start);
        let ids = fill(&mut table, &timeouts);
        let mut model: BTreeMap<u32, usize> = ids.iter().enumerate().map(|(n, id)| (id.opaque() as u32, n)).collect();
        for answer in answers {
            // Half of the answers are near the requests made.
            let opaque = if answer < 120 { start.wrapping_add(answer) } else { answer };
            let found = table.take(opaque).map(|(_, entry)| entry.context);
            prop_assert_eq!(found, model.remove(&opaque));
            prop_assert_eq!(table.len(), model.len());
        }
    }

    #[test]
    fn deadlines_pass_in_order(
        timeouts in prop::collection::vec(0..1000_u64, 1..200),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
    ) {
        let mut table = InFlight::new(7);
        let ids = fill(&mut table, &timeouts);
        let mut left: BTreeMap<RequestId, u64> = ids.iter().copied().zip(timeouts).collect();
        for index in removed {
            let id = ids[index.index(ids.len())];
            prop_assert_eq!(table.remove(id).is_some(), left.remove(&id).is_some());
        }
        let mut last = 0;
        while let Some(deadline) = table.next_deadline() {
            if let Some(before) = deadline.as_nanos().checked_sub(1) {
                prop_assert!(table.expire(Instant::from_nanos(before)).is_none(), "too early");
            }
            let Some((id, _)) = table.expire(deadline) else { return Err(TestCaseError::fail("due and not expired")) };
            prop_assert_eq!(left.remove(&id), Some(deadline.as_nanos()));
            prop_assert!(last <= deadline.as_nanos());
            last = deadline.as_nanos();
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn what_is_left_is_given_out_once(start in start(), count in 0..100_usize, answered in prop::collection::btree_set(0..100_usize, 0..60)) {
        let mut table = InFlight::new(start);
        let ids = fill(&mut table, &alloc::vec![5; count]);
        for n in answered.iter().filter(|n| **n < count) {
            table.take(ids[*n].opaque() as u32);
        }
        let mut drained = 0;
        let popped = core::iter::from_fn(|| table.pop(&mut drained));
        let rest: BTreeSet<usize> = popped.map(|(_, entry)| entry.context).collect();
        let expected: BTreeSet<usize> = (0..count).filter(|n| !answered.contains(n)).collect();
        prop_assert_eq!(rest, expected);
        prop_assert_eq!((table.len(), table.held()), (0, 0));
    }

    #[test]
    fn memory_follows_the_most_that_was_in_flight(rounds in prop::collection::vec(1..80_usize, 1..20)) {
        let mut table = InFlight::new(1);
        for round in &rounds {
            let ids = fill(&mut table, &alloc::vec![9; *round]);
            prop_assert!(ids.into_iter().all(|id| table.remove(id).is_some()));
        }
        let most = rounds.iter().max().copied().unwrap_or_default();
        let each = table.held() / (4 * most.max(4)).next_power_of_two();
        prop_assert!(each <= 128, "{} bytes for {most}", table.held());
    }
}
