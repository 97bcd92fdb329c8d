//! Deliveries: each is taken once or given back, nobody sleeps while there is one, and each is settled once.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rocketmq_engine as engine;
use rocketmq_engine::{ConsumeFrom, Event, PushConsumerConfig, Settlement, TagFilter};
use rocketmq_testkit::Cluster;
use rocketmq_testkit::sim::World;

use super::explore;
use crate::handle::consumer::Recv;
use crate::handle::inlet::Inlet;
use crate::handle::parked::block_on;
use crate::handle::shared::{Command, Shared, Sleep};
use crate::handle::sync::{AtomicBool, thread};

const MESSAGES: usize = 3;

/// One delivery of [`MESSAGES`] messages, as an engine makes it.
fn delivery() -> engine::Delivery {
    static MADE: OnceLock<engine::Delivery> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut world = World::builder(1).cluster(Cluster::builder().topic("orders", 1)).build();
        world.with_cluster(|cluster| {
            for n in 0..MESSAGES {
                cluster.seed("orders", 0, format!("order {n}"));
            }
        });
        let client = world.add_client();
        world.with(client, |client, now| {
            let orders = client.topic("orders").expect("valid");
            let config = PushConsumerConfig::new("billing").consume_from(ConsumeFrom::First);
            let consumer = client.create_push_consumer(config, now).expect("valid");
            client.subscribe(consumer, &orders, TagFilter::all(), now).expect("valid");
        });
        let mut events = Vec::new();
        let delivered = |event: &Event| matches!(event, Event::Delivered(_));
        let came = world.run_until(Duration::from_secs(60), |world| {
            events.extend(world.events(client));
            events.iter().any(delivered)
        });
        assert!(came, "{events:?}");
        let delivery = events.into_iter().find_map(|event| match event {
            Event::Delivered(delivery) => Some(delivery),
            _ => None,
        });
        delivery.filter(|delivery| delivery.len() == MESSAGES).expect("all in one answer")
    })
    .duplicate()
}

fn offset(delivery: &engine::Delivery) -> i64 {
    delivery.get(0).expect("not empty").queue_offset()
}

fn inlet() -> (Arc<Shared>, Arc<Inlet>) {
    let shared = Arc::new(Shared::new(None));
    (shared.clone(), Arc::new(Inlet::new(shared, 1)))
}

/// What a driver does with deliveries: hands them over, then wakes whom that calls.
fn push(inlet: &Inlet, delivery: engine::Delivery) {
    let mut wakers = Vec::new();
    inlet.push(&mut vec![delivery], &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
}

/// Offsets that were settled so, in the order of the commands.
fn settled(shared: &Shared, wanted: Settlement) -> Vec<i64> {
    let mut commands = Vec::new();
    shared.take_commands(&mut commands);
    let settled = |command: &Command| match command {
        Command::Settle(delivery, settlement) if *settlement == wanted => Some(offset(delivery)),
        _ => None,
    };
    commands.iter().filter_map(settled).collect()
}

#[test]
fn each_message_is_taken_once_or_given_back_at_the_end() {
    explore(|| {
        let (shared, inlet) = inlet();
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let inlet = inlet.clone();
                thread::spawn(move || {
                    let mut taken = Vec::new();
                    while let Some(delivery) = block_on(Recv::new(inlet.clone())) {
                        taken.push(offset(&delivery));
                        delivery.ack();
                    }
                    taken
                })
            })
            .collect();
        let mut first = delivery();
        let rest = first.split_off(1);
        push(&inlet, first);
        push(&inlet, rest);
        let unread: Vec<i64> =
            inlet.close(None).iter().flat_map(|left| left.iter().map(|m| m.queue_offset())).collect();
        let taken: Vec<i64> = takers.into_iter().flat_map(|taker| taker.join().expect("ends")).collect();
        let acked = settled(&shared, Settlement::Done);
        assert_eq!(acked.iter().collect::<BTreeSet<_>>(), taken.iter().collect());
        let mut all = [taken, unread].concat();
        all.sort_unstable();
        assert_eq!(all, (0..MESSAGES as i64).collect::<Vec<_>>());
    });
}

#[test]
fn nobody_sleeps_while_there_is_one_for_him() {
    explore(|| {
        let (_shared, inlet) = inlet();
        let takers: Vec<_> = (0..MESSAGES)
            .map(|_| {
                let inlet = inlet.clone();
                thread::spawn(move || block_on(Recv::new(inlet)).map(|delivery| offset(&delivery)))
            })
            .collect();
        let mut first = delivery();
        let rest = first.split_off(1);
        push(&inlet, first);
        push(&inlet, rest);
        let taken: BTreeSet<_> = takers.into_iter().map(|taker| taker.join().expect("ends")).collect();
        assert_eq!(taken, (0..MESSAGES as i64).map(Some).collect());
    });
}

#[test]
fn who_is_called_and_leaves_passes_the_call_on() {
    explore(|| {
        let (shared, inlet) = inlet();
        let leaver = {
            let inlet = inlet.clone();
            thread::spawn(move || {
                let mut recv = pin!(Recv::new(inlet));
                match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(delivery) => delivery.expect("not closed").ack(),
                    Poll::Pending => {}
                }
            })
        };
        let stayer = {
            let inlet = inlet.clone();
            thread::spawn(move || block_on(Recv::new(inlet)).expect("not closed").ack())
        };
        let mut first = delivery();
        let mut second = first.split_off(1);
        drop(second.split_off(1));
        push(&inlet, first);
        leaver.join().expect("ends");
        let before = settled(&shared, Settlement::Done).len();
        if before == 0 {
            // It was not taken by who left: who stays is to have it, with no other call.
            stayer.join().expect("ends");
            return;
        }
        push(&inlet, second);
        stayer.join().expect("ends");
    });
}

#[test]
fn what_is_dropped_is_abandoned_and_what_is_split_is_settled_apart() {
    explore(|| {
        let shared = Arc::new(Shared::new(None));
        let inlet = Inlet::new(shared.clone(), MESSAGES);
        push(&inlet, delivery());
        let mut all = inlet.try_pop().expect("pushed");
        let kept = all.pop_front().expect("three");
        let dropper = thread::spawn(move || drop(all));
        kept.ack();
        dropper.join().expect("ends");
        let mut commands = Vec::new();
        shared.take_commands(&mut commands);
        let mut said: Vec<(i64, usize, bool)> = commands
            .iter()
            .filter_map(|command| match command {
                Command::Settle(piece, how) => Some((offset(piece), piece.len(), *how == Settlement::Done)),
                _ => None,
            })
            .collect();
        said.sort_unstable();
        assert_eq!(said, [(0, 1, true), (1, MESSAGES - 1, false)]);
    });
}

#[test]
fn the_end_of_a_consumer_leaves_nobody_waiting() {
    explore(|| {
        let (_shared, inlet) = inlet();
        let reader = {
            let inlet = inlet.clone();
            thread::spawn(move || block_on(Recv::new(inlet)).is_none())
        };
        let over = Arc::new(AtomicBool::new(false));
        let closer = {
            let (inlet, over) = (inlet.clone(), over.clone());
            thread::spawn(move || {
                block_on(poll_fn(|cx| inlet.poll_closed(cx)));
                over.load(SeqCst)
            })
        };
        // The application closes it; it is over when the engine has said what could not be committed.
        assert!(inlet.close(None).is_empty());
        over.store(true, SeqCst);
        inlet.close(Some([].into()));
        assert!(reader.join().expect("ends"));
        assert!(closer.join().expect("ends"), "told before it was over");
    });
}

/// Counts how often the driver is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn an_acknowledgement_does_not_wake_a_driver_that_dozes() {
    explore(|| {
        let (shared, inlet) = inlet();
        let woken = Arc::new(Woken::default());
        shared.set_driver(&Waker::from(woken.clone()));
        let mut first = delivery();
        let mut second = first.split_off(1);
        let third = second.split_off(1);
        for piece in [first, second, third] {
            push(&inlet, piece);
        }
        assert!(shared.prepare_sleep(Sleep::Dozing));
        let ackers: Vec<_> = (0..2)
            .map(|_| {
                let inlet = inlet.clone();
                thread::spawn(move || inlet.try_pop().expect("three were pushed").ack())
            })
            .collect();
        for acker in ackers {
            acker.join().expect("ends");
        }
        assert_eq!(woken.0.load(SeqCst), 0);
        assert!(!shared.prepare_sleep(Sleep::Asleep), "they wait for its next turn");
        assert_eq!(settled(&shared, Settlement::Done).len(), 2);
        assert!(shared.prepare_sleep(Sleep::Dozing));
        inlet.try_pop().expect("three were pushed").retry_later();
        assert_eq!(woken.0.load(SeqCst), 1, "what is not done cannot wait");
    });
}

/// Woken, it takes what there is: as an executor does that polls where it is woken.
struct TakesAtOnce(Arc<Inlet>);

impl std::task::Wake for TakesAtOnce {
    fn wake(self: Arc<Self>) {
        if let Some(delivery) = self.0.try_pop() {
            delivery.ack();
        }
    }
}

#[test]
fn a_waker_may_take_a_delivery_where_it_is_woken() {
    explore(|| {
        let (shared, inlet) = inlet();
        let waker = Waker::from(Arc::new(TakesAtOnce(inlet.clone())));
        let waiter = {
            let inlet = inlet.clone();
            thread::spawn(move || {
                let mut recv = pin!(Recv::new(inlet));
                match recv.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(delivery) => delivery.expect("not closed").ack(),
                    // Leaving it passes no call on: nobody else waits.
                    Poll::Pending => {}
                }
            })
        };
        push(&inlet, delivery().split_first().0);
        waiter.join().expect("ends");
        let unread = inlet.close(None).len();
        assert_eq!(settled(&shared, Settlement::Done).len() + unread, 1);
    });
}
