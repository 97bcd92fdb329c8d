//! Allocation and memory gates of a send through the whole engine (cases 11 and 14 of the performance plan), counted
//! exactly: only the engine's calls are measured, not the peer's.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use rocketmq_engine::wire::body::route::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, encode_head};
use rocketmq_engine::{
    Action, Client, ClientConfig, ConnId, Event, Instant, Message, ProducerConfig, ProducerId, SendOptions,
    SendOutcome,
};

const NOW: Instant = Instant::ZERO;

struct Turn {
    client: Client,
    producer: ProducerId,
    message: Message,
    written: Vec<u8>,
    /// What the engine's calls have allocated so far, and given back.
    allocations: u64,
    bytes: i64,
}

/// Answers the requests in `bytes`: a route with one broker, and offset 7 for every send.
fn answer(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Ok(Some(prefix)) = Prefix::parse(bytes, &FrameLimits::default()) {
        let head = Head::parse(prefix.serialize, &bytes[prefix.head_range()]).unwrap();
        let mut body = Vec::new();
        if head.request_code() == RequestCode::GET_ROUTEINFO_BY_TOPIC {
            let broker_name = || "broker-a".to_owned();
            let queues = QueueData {
                broker_name: broker_name(),
                perm: 6,
                read_queue_nums: 4,
                write_queue_nums: 4,
                topic_sys_flag: 0,
            };
            let broker = BrokerData {
                broker_addrs: [(0, "127.0.0.1:10911".to_owned())].into(),
                broker_name: broker_name(),
                ..Default::default()
            };
            let route = TopicRouteData {
                queue_datas: vec![queues],
                broker_datas: vec![broker],
                ..Default::default()
            };
            body = route.encode();
        }
        let spec = HeadSpec {
            code: ResponseCode::SUCCESS.0,
            language: LanguageCode::JAVA,
            version: Version::V5_5_0,
            opaque: head.opaque,
            flag: Flag::RESPONSE,
            remark: None,
        };
        let ext = [
            ("msgId", "0A00000900002A9F00000000000A1B2C"),
            ("queueId", "3"),
            ("queueOffset", "7"),
            ("transactionId", "0A000009123489ABCDEF075BCD150001"),
        ];
        encode_head(&mut out, prefix.serialize, &spec, &FieldList(&ext), body.len()).unwrap();
        out.extend_from_slice(&body);
        bytes = &bytes[prefix.frame_len..];
    }
    out
}

impl Turn {
    fn new(serialize: SerializeType) -> Self {
        let mut config = ClientConfig::new("127.0.0.1:9876").unwrap();
        config.connection.serialize = serialize;
        let mut client = Client::new(config, [7; 32], NOW, Duration::from_secs(1_795_388_649)).unwrap();
        let producer = client.create_producer(ProducerConfig::new("producers"), NOW).unwrap();
        let topic = client.topic("orders").unwrap();
        let message = Message::builder(&topic, vec![b'x'; 64]).tag("TagA").key("order-1").build().unwrap();
        drop(message.body().clone());
        let mut turn = Self {
            client,
            producer,
            message,
            written: Vec::with_capacity(1 << 20),
            allocations: 0,
            bytes: 0,
        };
        for _ in 0..200 {
            turn.send(true);
        }
        (turn.allocations, turn.bytes) = (0, 0);
        turn
    }

    fn note(&mut self, info: &AllocationInfo) {
        self.allocations += info.count_total;
        self.bytes += info.bytes_current;
    }

    fn send(&mut self, answered: bool) {
        let Self { client, producer, message, .. } = self;
        let info = measure(|| {
            let sent = client.send(*producer, message.clone(), SendOptions::default(), NOW);
            assert!(sent.is_ok());
        });
        self.note(&info);
        loop {
            let mut action = None;
            let info = measure(|| action = Some(self.client.poll_action()));
            self.note(&info);
            match action.unwrap() {
                Action::Connect { conn, .. } => self.client.handle_connected(conn, NOW),
                Action::Write { conn } => self.exchange(conn, answered),
                Action::Wait(_) => return,
                _ => {}
            }
        }
    }

    fn exchange(&mut self, conn: ConnId, answered: bool) {
        let Self { client, written, .. } = self;
        written.clear();
        let info = measure(|| {
            let mut slices = [&[][..]; 16];
            let count = client.write_slices(conn, &mut slices);
            slices[..count].iter().for_each(|slice| written.extend_from_slice(slice));
            client.handle_written(conn, written.len(), NOW);
        });
        let answers = if answered { answer(written) } else { Vec::new() };
        let read = measure(|| {
            if answers.is_empty() {
                return;
            }
            client.read_buf(conn).unwrap()[..answers.len()].copy_from_slice(&answers);
            client.handle_read(conn, answers.len(), NOW);
            while let Some(event) = client.poll_event() {
                let Event::Sent { outcome: SendOutcome::Acknowledged(receipt), .. } = event else {
                    panic!("{event:?}")
                };
                assert_eq!(receipt.queue_offset, 7);
            }
        });
        self.note(&info);
        self.note(&read);
    }
}

#[test]
fn a_steady_send_costs_no_allocation_and_nothing_grows() {
    for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
        let mut turn = Turn::new(serialize);
        for _ in 0..20_000 {
            turn.send(true);
        }
        assert_eq!((turn.allocations, turn.bytes), (0, 0), "{serialize:?}");
    }
}

#[test]
fn a_send_in_flight_takes_little_memory_beside_its_message() {
    const SENDS: i64 = 60_000;
    let mut turn = Turn::new(SerializeType::Rocketmq);
    for _ in 0..SENDS {
        turn.send(false);
    }
    let each = turn.bytes / SENDS - size_of::<Message>() as i64;
    assert!((100..=192).contains(&each), "{each} bytes");
}
