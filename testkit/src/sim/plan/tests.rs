//! Plans are read as they were written, and shortened.

use std::time::Duration;

use super::*;
use crate::sim::link::{CutHow, Way};

#[test]
fn every_kind_is_read_as_it_was_written() {
    use MishapKind as K;
    let (client, host) = (3, Host::NameServer(1));
    let answer = |wrong| K::Answer { broker: 1, request: 310, times: 4, wrong };
    let kinds = [
        K::Cut { client, host, way: Way::Down, after: 17, how: CutHow::Silent },
        K::Cut { client, host, way: Way::Up, after: 0, how: CutHow::Stall },
        K::Stall { client, host: Host::Broker(2), way: Way::Up },
        K::Partition { client, host },
        K::HalfOpen { client, host },
        K::Slow { client, host, millis: 250 },
        K::Crumbs { client, host, bytes: 1 },
        K::Twice { client, host },
        K::Flip { client, host, bit: 99 },
        K::Refuse { host },
        K::Hang { host },
        K::KillBroker { broker: 0, dark: true, tail: 3, stale: 5000 },
        K::KillClient { client },
        K::Leave { client },
        K::Pause { client, clock_stops: false },
        K::Wall { client, by_ms: -86_400_000 },
        answer(Wrong::Code(2)),
        answer(Wrong::Ignore),
        answer(Wrong::DropAnswer),
        answer(Wrong::CloseBefore),
        answer(Wrong::CloseAfter),
        answer(Wrong::Late(1234)),
        answer(Wrong::Act(11)),
        answer(Wrong::EmptyFound),
        answer(Wrong::From(3)),
        answer(Wrong::OtherQueue(1)),
        answer(Wrong::Next(0)),
        K::Routes { server: 1, how: Ignorance::Frozen },
        K::Routes { server: 0, how: Ignorance::Forgets },
        K::Routes { server: 0, how: Ignorance::Hides },
        K::Topic { broker: 2, read: 1, write: 4, perm: 2 },
        K::Delete { broker: 1 },
        K::Lag { slave: 4, messages: 7 },
        K::Suggest { broker: 0, replica: 1 },
        K::Switch { slave: 3 },
    ];
    let millis = Duration::from_millis;
    let mishaps = kinds.map(|kind| Mishap { at: millis(5), lasts: millis(700), kind }).to_vec();
    let plan = Plan { mishaps };
    assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
    assert!("at=1 lasts=1 cut client=x".parse::<Plan>().is_err());
    assert!("at=1 lasts=1 nonsense".parse::<Plan>().is_err());
}

#[test]
fn what_does_not_matter_is_left_out() {
    let kill = |client| Mishap {
        at: Duration::from_millis(client as u64),
        lasts: Duration::ZERO,
        kind: MishapKind::KillClient { client },
    };
    let plan = Plan { mishaps: (0..37).map(kill).collect() };
    let needed = [kill(4), kill(5), kill(30)];
    let mut tried = 0;
    let short = plan.shortened(|plan| {
        tried += 1;
        needed.iter().all(|mishap| plan.mishaps.contains(mishap))
    });
    assert_eq!(short.mishaps, needed);
    assert!(tried < 60, "{tried} tries");
}
