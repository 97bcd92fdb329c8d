//! Properties of settling: deliveries taken apart and settled in any order, beside a set of unfinished offsets.

use alloc::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// How a piece is settled in the end.
#[derive(Clone, Copy, Debug)]
enum How {
    Done,
    DoneUpTo(usize),
    Later,
    Abandon,
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        4 => Just(How::Done),
        1 => (0..4_usize).prop_map(How::DoneUpTo),
        1 => Just(How::Later),
        1 => Just(How::Abandon),
    ]
}

/// Takes a delivery apart at these places, again and again.
fn pieces(delivery: Delivery, cuts: &[(Index, Index)]) -> Vec<Delivery> {
    let mut all = alloc::vec![delivery];
    for (which, at) in cuts {
        let which = which.index(all.len());
        let at = at.index(all[which].len() + 1);
        let rest = all[which].split_off(at);
        all.push(rest);
    }
    all.retain(|piece| !piece.is_empty());
    all
}

fn cuts() -> impl Strategy<Value = Vec<(Index, Index)>> {
    prop::collection::vec(any::<(Index, Index)>(), 0..12)
}

/// One queue, its first pull answered with `count` messages from `start` on.
fn delivered(start: i64, count: i64) -> (Harness, Delivery) {
    let (mut h, pull) = consuming(config(), start);
    h.answer_pull(pull, FOUND, &next(start + count), &body(start..start + count));
    let delivery = h.delivered();
    (h, delivery)
}

/// Answers a commit if there is one; the offset.
fn commit(h: &mut Harness) -> Option<i64> {
    let commit = h.of(Q::UPDATE_CONSUMER_OFFSET)?;
    let offset = commit.field("commitOffset").parse().expect("a number");
    h.answer(commit, A::SUCCESS, &[], b"");
    Some(offset)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_hold_each_message_once(count in 1..70_i64, cuts in cuts(), pops in 0..9_usize) {
        let (_h, delivery) = delivered(7, count);
        let mut all = Vec::new();
        for mut piece in pieces(delivery, &cuts) {
            for _ in 0..pops {
                all.extend(piece.pop_front().iter().flat_map(offsets));
            }
            let (len, views) = (piece.len(), offsets(&piece));
            prop_assert_eq!(len, views.len());
            prop_assert!(piece.get(len).is_none() && piece.to_owned(len).is_none() && piece.topic(len).is_none());
            all.extend(views);
        }
        all.sort_unstable();
        prop_assert_eq!(all, (7..7 + count).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_committed_is_the_lowest_unfinished_offset(count in 1..40_i64, cuts in cuts(), order in prop::collection::vec(any::<Index>(), 13)) {
        let (mut h, delivery) = delivered(100, count);
        let mut open: BTreeSet<i64> = (100..100 + count).collect();
        let mut waiting = pieces(delivery, &cuts);
        let mut told = 100;
        for pick in order {
            if waiting.is_empty() {
                break;
            }
            let piece = waiting.swap_remove(pick.index(waiting.len()));
            open.retain(|offset| !offsets(&piece).contains(offset));
            h.settle(piece, Settlement::Done);
            h.advance(seconds(5));
            let lowest = open.first().copied().unwrap_or(100 + count);
            let committed = commit(&mut h);
            // What has not changed may be said again, when the queues were divided anew.
            prop_assert!(
                committed == Some(lowest) || (committed.is_none() && lowest == told),
                "{committed:?} for {lowest}, {told} told before"
            );
            told = lowest;
        }
    }

    #[test]
    fn however_it_is_settled_nothing_is_lost_and_nothing_finished_comes_again(
        count in 1..24_i64,
        cuts in cuts(),
        hows in prop::collection::vec(how(), 40),
        sent_back in any::<bool>(),
    ) {
        let (mut h, delivery) = delivered(0, count);
        // Times each offset was handed out and not finished yet.
        let mut open: BTreeMap<i64, u32> = (0..count).map(|offset| (offset, 1)).collect();
        let mut waiting = pieces(delivery, &cuts);
        let mut rounds = hows.into_iter();
        while let Some(piece) = waiting.pop() {
            let mine = offsets(&piece);
            let (done, settlement) = match rounds.next().unwrap_or(How::Done) {
                How::Done => (mine.len(), Settlement::Done),
                How::DoneUpTo(n) => (n.min(mine.len()), Settlement::DoneUpTo(n)),
                How::Later => (0, Settlement::Later { delay_level: 0 }),
                How::Abandon => (0, Settlement::Abandon),
            };
            let goes_back = !matches!(settlement, Settlement::Abandon);
            h.settle(piece, settlement);
            for offset in &mine[..done] {
                prop_assert!(open.remove(offset).is_some(), "{} was finished before", offset);
            }
            while let Some(back) = h.of(Q::CONSUMER_SEND_MSG_BACK) {
                prop_assert!(goes_back);
                let offset = back.field("offset").parse::<i64>().expect("a number") - 1000;
                if sent_back {
                    h.answer(back, A::SUCCESS, &[], b"");
                    open.remove(&offset);
                } else {
                    // There is no retry topic to send a copy to: it comes again here.
                    h.answer(back, A::SYSTEM_ERROR, &[], b"");
                }
            }
            if waiting.is_empty() {
                h.advance(seconds(6));
                while let Some(again) = h.try_delivered() {
                    prop_assert!(offsets(&again).iter().all(|offset| open.contains_key(offset)));
                    waiting.push(again);
                }
            }
            while let Some(commit) = h.of(Q::UPDATE_CONSUMER_OFFSET) {
                let offset: i64 = commit.field("commitOffset").parse().expect("a number");
                prop_assert!(open.keys().all(|unfinished| offset <= *unfinished), "{} with {:?} open", offset, open);
                h.answer(commit, A::SUCCESS, &[], b"");
            }
        }
        prop_assert!(open.is_empty(), "{open:?}");
        prop_assert_eq!((h.stats().unfinished, h.stats().finished), (0, count as u64));
        prop_assert!(h.stats().delivered >= count as u64);
        prop_assert_eq!(h.client_stats.delivered, h.stats().delivered);
    }

    #[test]
    fn a_queue_is_pulled_exactly_while_nothing_exceeds_its_limit(limit in 1..30_u32, batches in prop::collection::vec(1..12_i64, 1..8), settle in prop::collection::vec(any::<Index>(), 0..30)) {
        let mut config = config();
        config.pull_threshold_for_queue = limit;
        let (mut h, pull) = consuming(config, 0);
        let (mut pull, mut at, mut waiting) = (Some(pull), 0, Vec::new());
        let mut unsettled = 0;
        let mut settle = settle.into_iter();
        for count in batches {
            if let Some(asked) = pull.take() {
                h.answer_pull(asked, FOUND, &next(at + count), &body(at..at + count));
                at += count;
                unsettled += count;
                let mut delivery = h.delivered();
                while let Some(one) = delivery.pop_front() {
                    waiting.push(one);
                }
            }
            pull = h.of(Q::PULL_MESSAGE);
            prop_assert_eq!(pull.is_some(), unsettled <= i64::from(limit));
            if let (false, Some(pick)) = (waiting.is_empty(), settle.next()) {
                h.settle(waiting.swap_remove(pick.index(waiting.len())), Settlement::Done);
                unsettled -= 1;
                pull = pull.or_else(|| h.of(Q::PULL_MESSAGE));
                prop_assert_eq!(pull.is_some(), unsettled <= i64::from(limit));
            }
        }
    }
}
