//! A client's life with everything in it: routes, sends, a consumer, faults, the end. Each step is one change of the
//! world, so that two lives can be compared after each.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{
    ConsumeFrom, Event, Message, ProducerConfig, PushConsumerConfig, SendOptions, Settlement, TagFilter,
    TransportError,
};

use crate::harness::{World, stored};

/// One step; what it needs of earlier ones it finds in the world.
pub(crate) type Step = fn(&mut World);

/// All steps, in order.
pub(crate) const STEPS: &[Step] = &[
    |w| w.route("T", &[("a", 2), ("b", 2)]),
    |w| w.route("%RETRY%G", &[("a", 1)]),
    |w| {
        let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
        let topic = w.topic("T");
        for n in 0..6_u8 {
            let message = Message::builder(&topic, vec![n; 3000]).tag("t").build().expect("valid");
            w.client.send(producer, message, SendOptions::default(), w.now).expect("accepted");
        }
    },
    |w| {
        w.turn();
    },
    |w| {
        for _ in 0..3 {
            let send = w.expect(Q::SEND_MESSAGE_V2);
            w.store(&send);
        }
    },
    |w| {
        let send = w.expect(Q::SEND_MESSAGE_V2);
        w.answer(&send, A::SYSTEM_BUSY, &[], b"");
    },
    |w| {
        let send = w.expect(Q::SEND_MESSAGE_V2);
        w.hang_up(send.conn, Some(TransportError::Reset));
    },
    |w| w.advance(Duration::from_millis(700)),
    |w| {
        while let Some(send) = w.find(Q::SEND_MESSAGE_V2) {
            w.store(&send);
        }
    },
    |w| {
        let config = PushConsumerConfig::new("G").consume_from(ConsumeFrom::First);
        let consumer = w.client.create_push_consumer(config, w.now).expect("new");
        let topic = w.topic("T");
        w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    },
    |w| {
        w.advance(Duration::ZERO);
        let ids = format!("{{\"consumerIdList\":[{:?}]}}", w.client.client_id());
        while let Some(asked) = w.find(Q::GET_CONSUMER_LIST_BY_GROUP) {
            w.answer(&asked, A::SUCCESS, &[], ids.as_bytes());
        }
    },
    |w| {
        while let Some(asked) = w.find(Q::QUERY_CONSUMER_OFFSET) {
            w.answer(&asked, A::SUCCESS, &[("offset", "3")], b"");
        }
    },
    |w| {
        let mut n = 0;
        while let Some(pull) = w.find(Q::PULL_MESSAGE) {
            n += 1;
            if n > 3 {
                w.asked.push_back(pull);
                break;
            }
            let topic = pull.field("topic").to_string();
            let queue = pull.field("queueId").parse().expect("a number");
            let found = stored(&topic, queue, 3..7, b"body");
            let ext = [
                ("nextBeginOffset", "7"),
                ("minOffset", "0"),
                ("maxOffset", "9"),
                ("suggestWhichBrokerId", "0"),
            ];
            w.answer(&pull, A::SUCCESS, &ext, &found);
        }
    },
    |w| {
        w.turn();
        let mut deliveries = Vec::new();
        w.events.retain(|event| match event {
            Event::Delivered(delivery) => {
                deliveries.push(delivery.duplicate());
                false
            }
            _ => true,
        });
        assert!(deliveries.len() >= 3);
        for (n, mut delivery) in deliveries.into_iter().enumerate() {
            let rest = delivery.split_off(1 + n % 2);
            w.client.settle(rest, Settlement::Later { delay_level: 0 }, w.now).expect("ours");
            let how = if n == 0 { Settlement::Abandon } else { Settlement::Done };
            w.client.settle(delivery, how, w.now).expect("ours");
        }
    },
    |w| {
        let back = w.expect(Q::CONSUMER_SEND_MSG_BACK);
        w.answer(&back, A::SUCCESS, &[], b"");
    },
    |w| w.advance(Duration::from_secs(6)),
    |w| {
        let conn = w.conns("a:1")[0];
        w.ask_client(conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "G")]);
        w.ask_client(conn, Q::GET_CONSUMER_RUNNING_INFO, &[("consumerGroup", "G")]);
    },
    |w| {
        // Half a frame, then nonsense.
        let conn = w.conns("a:1")[0];
        w.bytes(conn, &[0, 0, 1, 0, 0, 0]);
    },
    |w| {
        let conn = w.conns("a:1")[0];
        w.bytes(conn, &[0xff; 300]);
    },
    |w| w.advance(Duration::from_secs(31)),
    |w| w.client.shutdown(Duration::from_secs(2), w.now),
    |w| w.advance(Duration::from_secs(3)),
    |w| assert!(w.events.iter().any(|event| matches!(event, Event::Stopped(_)))),
];
