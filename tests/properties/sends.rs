//! Sends of a client nobody answers: their deadlines and the bytes they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rocketmq_engine::{
    Action, Client, ClientConfig, Event, Instant, Message, ProducerConfig, ProducerId, RejectReason, SendId,
    SendOptions, Topic,
};

/// A client whose name servers cannot be reached: sends wait for a route until they end.
struct Alone {
    client: Client,
    now: Instant,
    producer: ProducerId,
    topic: Topic,
}

impl Alone {
    fn new(budget: usize, pending: usize) -> Self {
        let mut config = ClientConfig::new("ns:1;ms:2").expect("valid");
        config.connection.frame_limits.max_frame = 8 << 10;
        (config.memory_budget, config.max_pending_sends) = (budget, pending);
        let now = Instant::from_nanos(7);
        let mut client = Client::new(config, [3; 32], now, Duration::ZERO).expect("valid");
        let topic = client.topic("t").expect("valid");
        let producer = client.create_producer(ProducerConfig::new("g"), now).expect("new");
        Self { client, now, producer, topic }
    }

    fn send(&mut self, size: usize, timeout: Duration) -> Result<SendId, RejectReason> {
        let options = SendOptions { timeout: Some(timeout), ..SendOptions::default() };
        let message = Message::new(&self.topic, vec![1; size]);
        self.client.send(self.producer, message, options, self.now).map_err(|rejected| rejected.reason)
    }

    fn ended(&mut self) -> Vec<SendId> {
        while !matches!(self.client.poll_action(), Action::Wait(_)) {}
        let mut out = Vec::new();
        while let Some(event) = self.client.poll_event() {
            if let Event::Sent { id, .. } = event {
                out.push(id);
            }
        }
        out
    }

    /// To the next deadline, if it comes before then.
    fn jump(&mut self, before: Instant) -> bool {
        let wait = loop {
            if let Action::Wait(wait) = self.client.poll_action() {
                break wait;
            }
        };
        let Some(until) = wait.until.filter(|until| *until <= before) else { return false };
        self.now = self.now.max(until);
        self.client.handle_timeout(self.now);
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_send_ends_at_its_deadline(sends in prop::collection::vec((0..40_u64, 0..5_000_u64), 1..60)) {
        let mut alone = Alone::new(1 << 20, 1000);
        let mut open: BTreeMap<SendId, Instant> = BTreeMap::new();
        for (pause, timeout) in sends {
            let until = alone.now + Duration::from_millis(pause);
            while alone.jump(until) {}
            alone.now = until;
            alone.client.handle_timeout(until);
            let timeout = Duration::from_millis(timeout);
            let id = alone.send(10, timeout).expect("room");
            open.insert(id, alone.now + timeout);
            for id in alone.ended() {
                prop_assert!(open.remove(&id).is_some_and(|deadline| deadline <= alone.now));
            }
        }
        while !open.is_empty() {
            prop_assert!(alone.jump(Instant::FAR_FUTURE), "nothing is waited for, and {:?} are open", open);
            for id in alone.ended() {
                let deadline = open.remove(&id);
                prop_assert_eq!(deadline, Some(alone.now), "ended at its deadline");
            }
            prop_assert!(open.values().all(|deadline| *deadline > alone.now), "late");
        }
    }

    #[test]
    fn sends_are_taken_while_the_budget_has_room_for_them(budget in 65_536..200_000_usize, sizes in prop::collection::vec((1..30_000_usize, any::<bool>(), any::<prop::sample::Index>()), 1..80)) {
        let mut alone = Alone::new(budget, 1000);
        let mut open: Vec<(SendId, usize)> = Vec::new();
        for (size, cancel, which) in sizes {
            if cancel && !open.is_empty() {
                let (id, _) = open.swap_remove(which.index(open.len()));
                prop_assert!(alone.client.cancel(id, alone.now));
                prop_assert!(!alone.client.cancel(id, alone.now), "cancelled twice");
                prop_assert_eq!(alone.ended(), [id]);
                continue;
            }
            let bodies: usize = open.iter().map(|(_, size)| size).sum();
            match alone.send(size, Duration::from_secs(60)) {
                Ok(id) => open.push((id, size)),
                // Half of the budget is for what comes in.
                Err(RejectReason::MemoryBudget { held, limit }) => {
                    prop_assert!(held > limit && limit == budget / 2);
                    // Beside bodies there is what is remembered of each send, and the connections' own.
                    prop_assert!(held <= bodies + size + 1024 * (open.len() + 1) + 16 * 1024, "{} for {}", held, bodies);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
            prop_assert!(open.iter().map(|(_, size)| size).sum::<usize>() <= budget / 2);
            prop_assert!(alone.client.held_bytes() <= budget, "{} of {}", alone.client.held_bytes(), budget);
        }
    }

    #[test]
    fn so_many_sends_may_be_under_way(limit in 1..30_usize, tries in 1..60_usize) {
        let mut alone = Alone::new(1 << 20, limit);
        let taken = (0..tries).filter(|_| alone.send(1, Duration::from_secs(1)).is_ok()).count();
        prop_assert_eq!(taken, tries.min(limit));
    }

    #[test]
    fn a_shutdown_ends_everything_within_its_grace(sends in prop::collection::vec(1..5_000_u64, 0..20), grace in 0..4_000_u64) {
        let mut alone = Alone::new(1 << 20, 1000);
        let mut open: Vec<SendId> = sends.iter().map(|ms| alone.send(1, Duration::from_millis(*ms)).expect("room")).collect();
        let until = alone.now + Duration::from_millis(grace);
        alone.client.shutdown(Duration::from_millis(grace), alone.now);
        let mut stopped = false;
        loop {
            while let Some(event) = alone.client.poll_event() {
                prop_assert!(!stopped, "{:?} after the end", event);
                match event {
                    Event::Sent { id, .. } => open.retain(|other| *other != id),
                    Event::Stopped(report) => {
                        stopped = true;
                        prop_assert_eq!(report.failed, sends.len() as u64);
                    }
                    _ => {}
                }
            }
            if stopped {
                break;
            }
            prop_assert!(alone.jump(until), "not stopped by the end of the grace");
        }
        prop_assert!(open.is_empty() && !alone.jump(Instant::FAR_FUTURE));
        prop_assert!(alone.send(1, Duration::from_secs(1)).is_err());
    }
}
