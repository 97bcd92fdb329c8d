//! Properties of the client's small tables, each beside a naive model.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::backoff::{Backoff, Rng};
use super::endpoint::{Endpoint, Role};
use super::event::{Notice, Notices};
use super::ids::{ConnId, SendId, Slab};
use super::names::Names;
use crate::time::Instant;
use crate::wire::codes::RequestCode;
use crate::wire::message::names::check_stored_topic;

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..u64::MAX).prop_map(Duration::from_nanos),
        (0..100_000_u64).prop_map(Duration::from_millis),
        Just(Duration::MAX),
        Just(Duration::ZERO),
    ]
}

proptest! {
    // ---- slab ----------------------------------------------------------------------------------------------

    #[test]
    fn a_slab_is_a_map_whose_keys_never_come_back(steps in prop::collection::vec((any::<bool>(), any::<usize>()), 0..200)) {
        let mut slab = Slab::default();
        let mut model = BTreeMap::new();
        let mut ever = BTreeSet::new();
        for (number, (insert, pick)) in steps.into_iter().enumerate() {
            if insert || model.is_empty() {
                let next = slab.next_id();
                let key = slab.insert(number);
                prop_assert_eq!(key, next);
                prop_assert!(ever.insert(key), "{:?} came back", key);
                model.insert(key, number);
            } else {
                let key = *model.keys().nth(pick % model.len()).expect("not empty");
                prop_assert_eq!(slab.remove(key.0, key.1), model.remove(&key));
                prop_assert_eq!(slab.remove(key.0, key.1), None);
            }
            prop_assert_eq!(slab.len(), model.len());
        }
        for key in &ever {
            prop_assert_eq!(slab.get(key.0, key.1), model.get(key));
            prop_assert_eq!(slab.get_mut(key.0, key.1).map(|value| *value), model.get(key).copied());
        }
        let listed: Vec<_> = slab.iter().map(|(index, generation, value)| ((index, generation), *value)).collect();
        prop_assert_eq!(listed, model.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn slab_indices_stay_as_small_as_what_is_in_it(peaks in prop::collection::vec(1..50_usize, 1..10)) {
        let mut slab = Slab::default();
        let most = peaks.iter().max().copied().unwrap_or_default();
        for peak in peaks {
            let keys: Vec<_> = (0..peak).map(|n| slab.insert(n)).collect();
            prop_assert!(keys.iter().all(|key| (key.0 as usize) < most));
            prop_assert!(keys.into_iter().all(|key| slab.remove(key.0, key.1).is_some()));
        }
    }

    #[test]
    fn ids_survive_as_numbers(number: u64) {
        prop_assert_eq!(u64::from(SendId::from(number)), number);
        prop_assert_eq!(ConnId::from(number).index(), number as u32 as usize);
    }

    // ---- names ---------------------------------------------------------------------------------------------

    #[test]
    fn a_name_has_one_handle(names in prop::collection::vec("[a-c]{1,2}", 1..60)) {
        let mut table = Names::new(1, 1 << 20);
        let mut model: Vec<String> = Vec::new();
        for name in &names {
            let topic = table.topic(name).expect("valid");
            let broker = table.broker(name).expect("valid");
            let at = model.iter().position(|known| known == name).unwrap_or_else(|| {
                model.push(name.clone());
                model.len() - 1
            });
            prop_assert_eq!((topic.index(), broker.index()), (at, at));
            prop_assert_eq!((topic.as_str(), broker.as_str()), (name.as_str(), name.as_str()));
            prop_assert!(table.owns(&topic) && !Names::new(2, 1 << 20).owns(&topic));
        }
    }

    #[test]
    fn handles_compare_as_their_names_do(a in "[a-cA-C]{1,3}", b in "[a-cA-C]{1,3}") {
        let (mut one, mut other) = (Names::new(1, 1 << 20), Names::new(2, 1 << 20));
        let (x, y) = (one.topic(&a).expect("valid"), other.topic(&b).expect("valid"));
        prop_assert_eq!((x == y, x.cmp(&y)), (a == b, a.cmp(&b)));
    }

    #[test]
    fn a_topic_is_taken_exactly_if_the_rules_for_names_take_it(name in "[a-zA-Z0-9_%|./ \u{e4}\u{0}-\u{3}-]{0,140}") {
        prop_assert_eq!(Names::new(1, 1 << 20).topic(&name).is_ok(), check_stored_topic(&name).is_ok());
        prop_assert_eq!(Names::new(1, 1 << 20).broker(&name).is_ok(), !name.is_empty() && name.len() <= 255 && !name.contains(char::is_control));
    }

    // ---- waiting -------------------------------------------------------------------------------------------

    #[test]
    fn jitter_takes_at_most_half(seed: [u8; 32], duration in duration()) {
        let wait = Rng::new(&seed).jitter(duration);
        prop_assert!(wait <= duration);
        // Half of what does not fit 64 bits of nanoseconds is as far as it goes.
        prop_assert!(wait >= duration.saturating_sub(duration / 2 + Duration::from_nanos(1)));
    }

    #[test]
    fn a_back_off_of_any_length_never_goes_backwards_in_time(seed: [u8; 32], first in duration(), most in duration(), now: u64, failures in 1..70_u32) {
        let (mut backoff, mut rng, now) = (Backoff::default(), Rng::new(&seed), Instant::from_nanos(now));
        for _ in 0..failures {
            let until = backoff.fail(first, most, &mut rng, now);
            prop_assert!(until >= now && until <= now + most);
            prop_assert_eq!(backoff.until(), until);
        }
    }

    #[test]
    fn a_back_off_doubles_up_to_the_most(seed: [u8; 32], first in 1..1000_u64, most in 1..100_000_u64) {
        let (first, most) = (Duration::from_millis(first), Duration::from_millis(most));
        let (mut backoff, mut rng) = (Backoff::default(), Rng::new(&seed));
        let mut full = first.min(most);
        for _ in 0..30 {
            let wait = backoff.fail(first, most, &mut rng, Instant::ZERO) - Instant::ZERO;
            prop_assert!(wait <= full && wait >= full / 2, "{:?} of {:?}", wait, full);
            full = (full * 2).min(most);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers(seed: [u8; 32], other: [u8; 32], bound in 1..u64::MAX) {
        let draw = |seed: &[u8; 32]| {
            let mut rng = Rng::new(seed);
            [rng.next(), rng.below(bound), rng.next()]
        };
        prop_assert_eq!(draw(&seed), draw(&seed));
        prop_assert!(seed == other || draw(&seed) != draw(&other));
    }

    // ---- what is told --------------------------------------------------------------------------------------

    #[test]
    fn notices_are_the_newest_and_the_rest_is_counted(limit in 1..20_usize, steps in prop::collection::vec(any::<bool>(), 0..100)) {
        let mut notices = Notices::new(limit);
        let (mut model, mut dropped) = (VecDeque::new(), 0);
        for (number, push) in steps.into_iter().enumerate() {
            if push {
                notices.push(Notice::NotSupported { code: RequestCode(number as i32) });
                model.push_back(number as i32);
                if model.len() > limit {
                    model.pop_front();
                    dropped += 1;
                }
            } else {
                let found = notices.pop().map(|notice| match notice {
                    Notice::NotSupported { code } => code.0,
                    _ => -1,
                });
                prop_assert_eq!(found, model.pop_front());
            }
        }
        prop_assert_eq!(notices.dropped, dropped);
    }

    #[test]
    fn an_endpoint_is_read_as_it_is_written(host in "([a-z0-9.-]{1,20}|[0-9a-f:]{2,20}:[0-9a-f]{1,4})", port in 1..=u16::MAX) {
        let endpoint = Endpoint::parse(&format!("{host}:{port}"), Role::Broker).expect("valid");
        prop_assert_eq!((endpoint.host(), endpoint.port()), (host.as_str(), port));
        prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), Role::Broker), Some(endpoint));
    }

    #[test]
    fn any_text_is_an_endpoint_or_none(text in "\\PC{0,40}") {
        if let Some(endpoint) = Endpoint::parse(&text, Role::NameServer) {
            prop_assert!(endpoint.port() != 0 && !endpoint.host().is_empty());
            prop_assert!(!endpoint.host().contains(char::is_whitespace));
        }
    }
}
