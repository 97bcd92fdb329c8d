//! A broker that says anything about offsets: what is handed out still rises, what is committed was finished, and
//! the queue goes on.

use proptest::prelude::*;

use super::*;

/// What the broker says to a pull.
#[derive(Clone, Debug)]
struct Said {
    code: i32,
    next: i64,
    min: i64,
    max: i64,
    replica: i64,
    delta: Option<i64>,
    /// Distances of messages to the offset asked for.
    messages: Vec<i64>,
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..60_i64,
        1 => -5..5_i64,
        1 => prop::sample::select(alloc::vec![i64::MAX, i64::MAX - 1, i64::MIN, -1, 1 << 53]),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let code = prop::sample::select(alloc::vec![0, 0, 0, 19, 20, 21, 21, 1, 2, 24, 25, 26]);
    let messages = prop::collection::vec(prop_oneof![3 => 0..12_i64, 1 => number()], 0..6);
    let delta = prop::option::weighted(0.1, number());
    (code, number(), number(), number(), number(), delta, messages).prop_map(
        |(code, next, min, max, replica, delta, messages)| Said {
            code,
            next,
            min,
            max,
            replica,
            delta,
            messages,
        },
    )
}

fn answer(h: &mut Harness, pull: Asked, said: &Said) {
    let asked: i64 = pull.field("queueOffset").parse().expect("a number");
    let mut body = Vec::new();
    for distance in &said.messages {
        stored(&mut body, asked.saturating_add(*distance).min(i64::MAX - 1000), "T", "");
    }
    let mut ext = alloc::vec![
        ("nextBeginOffset", said.next.to_string()),
        ("minOffset", said.min.to_string()),
        ("maxOffset", said.max.to_string()),
        ("suggestWhichBrokerId", said.replica.to_string()),
    ];
    ext.extend(said.delta.map(|delta| ("offsetDelta", delta.to_string())));
    h.answer_pull(pull, A(said.code), &ext, if said.code == 0 { &body } else { b"" });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_a_broker_says_offsets_rise_or_the_change_is_told(start in 0..50_i64, all in prop::collection::vec(said(), 1..25), settled in any::<bool>()) {
        let (mut h, first) = consuming(config(), start);
        let (mut pull, mut last) = (Some(first), i64::MIN);
        for said in &all {
            for _ in 0..40 {
                pull = pull.or_else(|| h.of(Q::PULL_MESSAGE));
                if pull.is_some() {
                    break;
                }
                // Offsets that the broker asks us to begin at anew are told to it first.
                while let Some(commit) = h.of(Q::UPDATE_CONSUMER_OFFSET) {
                    h.answer(commit, A::SUCCESS, &[], b"");
                }
                h.advance(seconds(1));
            }
            let Some(asked) = pull.take() else { break };
            let told = h.notices.len();
            answer(&mut h, asked, said);
            if h.notices[told..].iter().any(|notice| matches!(notice, ConsumerNotice::OffsetReset { .. })) {
                last = i64::MIN;
            }
            while let Some(delivery) = h.try_delivered() {
                for view in delivery.iter() {
                    let offset = view.queue_offset().saturating_add(said.delta.unwrap_or(0));
                    prop_assert!(offset > last, "{} after {}", offset, last);
                    last = offset;
                }
                if settled {
                    h.settle(delivery, Settlement::Done);
                }
            }
        }
    }

    #[test]
    fn nothing_unfinished_is_committed_whatever_a_broker_says(start in 0..50_i64, all in prop::collection::vec(said(), 1..12)) {
        let (mut h, first) = consuming(config(), start);
        let (mut pull, mut held) = (Some(first), Vec::new());
        for said in all.iter().filter(|said| said.delta.is_none()) {
            pull = pull.or_else(|| h.of(Q::PULL_MESSAGE));
            let Some(asked) = pull.take() else { break };
            let told = h.notices.len();
            answer(&mut h, asked, said);
            if h.notices[told..].iter().any(|notice| matches!(notice, ConsumerNotice::OffsetReset { .. })) {
                held.clear();
            }
            while let Some(delivery) = h.try_delivered() {
                held.push(delivery);
            }
            h.advance(seconds(5));
            let lowest = held.iter().flat_map(offsets).min();
            while let Some(commit) = h.of(Q::UPDATE_CONSUMER_OFFSET) {
                let offset: i64 = commit.field("commitOffset").parse().expect("a number");
                prop_assert!(lowest.is_none_or(|lowest| offset <= lowest), "{} with {:?} unfinished", offset, lowest);
                h.answer(commit, A::SUCCESS, &[], b"");
            }
        }
    }

    #[test]
    fn any_member_list_leaves_a_queue_to_one_member(lists in prop::collection::vec(prop::collection::vec(prop_oneof![Just("me".to_string()), "[a-z]{0,3}"], 0..6), 1..8)) {
        let mut h = Harness::new();
        h.route("T", &["a:0", "a:1", "a:2"]);
        h.create(config());
        h.subscribe("T", "*");
        let mut had = 0;
        for list in &lists {
            let Some(asked) = h.of(Q::GET_CONSUMER_LIST_BY_GROUP) else { break };
            let ids: Vec<String> = list.iter().map(|id| alloc::format!("{id:?}")).collect();
            let body = alloc::format!("{{\"consumerIdList\":[{}]}}", ids.join(","));
            h.answer(asked, A::SUCCESS, &[], body.as_bytes());
            let (assigned, revoked) = (h.assigned(), h.revoked());
            had += assigned.len();
            prop_assert!(revoked.len() <= had, "{:?}", revoked);
            had -= revoked.len();
            prop_assert!(had <= 3);
            if !list.iter().any(|id| id == "me") {
                prop_assert!(assigned.is_empty() && revoked.is_empty(), "a list without us changes nothing");
                let told = |notice: &ConsumerNotice| matches!(notice, ConsumerNotice::NotInMemberList { .. });
                prop_assert!(h.notices.iter().any(told), "it is told");
            }
            while let Some(query) = h.of(Q::QUERY_CONSUMER_OFFSET) {
                h.answer(query, A::SUCCESS, &[("offset", "0")], b"");
            }
            while h.of(Q::PULL_MESSAGE).is_some() {}
            h.advance(seconds(20));
        }
    }
}
