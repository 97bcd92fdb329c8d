//! Case 14: memory, counted exactly. Only the engine's calls are measured, not the peer's.
//!
//! `tests/alloc_engine.rs` is made of this file too, and asserts what the table prints.

use std::time::Duration;

use allocation_counter::measure;
use rocketmq_engine::wire::body::GetConsumerListByGroupResponseBody;
use rocketmq_engine::wire::body::route::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, encode_head};
use rocketmq_engine::wire::message::names::RETRY_PREFIX;
use rocketmq_engine::{
    Action, Client, ClientConfig, ConnId, Event, Instant, Message, ProducerConfig, ProducerId,
    PushConsumerConfig, SendOptions, SendOutcome, TagFilter, Topic,
};

const NOW: Instant = Instant::ZERO;

/// A client and what its calls have allocated so far, and given back.
pub struct Counted {
    pub client: Client,
    producer: ProducerId,
    topic: Topic,
    pub message: Message,
    pub peer: Peer,
    written: Vec<u8>,
    pub allocations: u64,
    pub bytes: i64,
}

/// All servers there are: brokers with so many queues each, and one member of every group.
pub struct Peer {
    brokers: u16,
    queues: u32,
    member: String,
    /// Pulls that are not answered, with the offset they ask for.
    pub pulls: Vec<(ConnId, i32, i64)>,
}

impl Peer {
    fn route(&self, topic: &str) -> TopicRouteData {
        // A group's retry topic has one queue at each broker.
        let count = if topic.starts_with(RETRY_PREFIX) { 1 } else { self.queues };
        let queues = |n| QueueData {
            broker_name: format!("broker-{n}"),
            perm: 6,
            read_queue_nums: count,
            write_queue_nums: count,
            topic_sys_flag: 0,
        };
        let broker = |n| BrokerData {
            broker_addrs: [(0, format!("127.0.0.1:{}", 10_911 + n))].into(),
            broker_name: format!("broker-{n}"),
            ..Default::default()
        };
        TopicRouteData {
            queue_datas: (0..self.brokers).map(queues).collect(),
            broker_datas: (0..self.brokers).map(broker).collect(),
            ..Default::default()
        }
    }

    /// Answers the requests in `bytes`, but no pull: offset 7 for every send, no offset committed before.
    fn answer(&mut self, conn: ConnId, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Ok(Some(prefix)) = Prefix::parse(bytes, &FrameLimits::default()) {
            let head = Head::parse(prefix.serialize, &bytes[prefix.head_range()]).expect("a client's head");
            bytes = &bytes[prefix.frame_len..];
            let body = match head.request_code() {
                RequestCode::PULL_MESSAGE => {
                    let offset = head.ext.get("queueOffset").and_then(|text| text.to_i64());
                    self.pulls.push((conn, head.opaque, offset.expect("a field of it")));
                    continue;
                }
                RequestCode::GET_ROUTEINFO_BY_TOPIC => {
                    let topic = head.ext.get("topic").expect("a field of it");
                    self.route(&topic.as_str()).encode()
                }
                RequestCode::GET_CONSUMER_LIST_BY_GROUP => {
                    GetConsumerListByGroupResponseBody { consumer_id_list: vec![self.member.clone()] }
                        .encode()
                }
                _ => Vec::new(),
            };
            let ext = [
                ("msgId", "0A00000900002A9F00000000000A1B2C"),
                ("offset", "0"),
                ("queueId", "3"),
                ("queueOffset", "7"),
                ("transactionId", "0A000009123489ABCDEF075BCD150001"),
            ];
            respond(&mut out, prefix.serialize, head.opaque, &ext, &body);
        }
        out
    }
}

/// Appends a good answer.
pub fn respond(out: &mut Vec<u8>, serialize: SerializeType, opaque: i32, ext: &[(&str, &str)], body: &[u8]) {
    let spec = HeadSpec {
        code: ResponseCode::SUCCESS.0,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque,
        flag: Flag::RESPONSE,
        remark: None,
    };
    encode_head(out, serialize, &spec, &FieldList(ext), body.len()).expect("small");
    out.extend_from_slice(body);
}

impl Counted {
    /// A client of so many brokers with so many queues each, that has sent nothing yet.
    pub fn new(serialize: SerializeType, brokers: u16, queues: u32) -> Self {
        let mut config = ClientConfig::new("127.0.0.1:9876").expect("an address");
        config.connection.serialize = serialize;
        let mut client = Client::new(config, [7; 32], NOW, Duration::from_secs(1_795_388_649)).expect("good");
        let producer = client.create_producer(ProducerConfig::new("producers"), NOW).expect("new");
        let topic = client.topic("orders").expect("a good name");
        let message = Message::builder(&topic, vec![b'x'; 64]).tag("TagA").key("order-1").build();
        let message = message.expect("good texts");
        // The first clone makes the body shared.
        drop(message.body().clone());
        let member = client.client_id().to_owned();
        let peer = Peer { brokers, queues, member, pulls: Vec::new() };
        let written = Vec::with_capacity(1 << 20);
        Self { client, producer, topic, message, peer, written, allocations: 0, bytes: 0 }
    }

    /// The same with buffers grown and every template made; counting begins now.
    pub fn warm(serialize: SerializeType) -> Self {
        let mut counted = Self::new(serialize, 1, 4);
        for _ in 0..200 {
            counted.send(true);
        }
        (counted.allocations, counted.bytes) = (0, 0);
        counted
    }

    pub fn engine<R>(&mut self, call: impl FnOnce(&mut Client) -> R) -> R {
        let (client, mut result) = (&mut self.client, None);
        let info = measure(|| result = Some(call(client)));
        self.allocations += info.count_total;
        self.bytes += info.bytes_current;
        result.expect("called")
    }

    pub fn send(&mut self, answered: bool) {
        let (producer, message) = (self.producer, self.message.clone());
        let sent = self.engine(|client| client.send(producer, message, SendOptions::default(), NOW).is_ok());
        assert!(sent);
        self.act(answered);
    }

    /// A push consumer that has all queues and waits for messages in every one.
    pub fn consume(&mut self) {
        let topic = self.topic.clone();
        self.engine(|client| {
            let consumer = client.create_push_consumer(PushConsumerConfig::new("consumers"), NOW);
            let consumer = consumer.expect("new");
            client.subscribe(consumer, &topic, TagFilter::all(), NOW).expect("accepted");
        });
        self.act(true);
    }

    /// Carries out what is to be done, and what is due now.
    pub fn act(&mut self, answered: bool) {
        loop {
            match self.engine(Client::poll_action) {
                Action::Connect { conn, .. } => self.engine(|client| client.handle_connected(conn, NOW)),
                Action::Write { conn } => self.exchange(conn, answered),
                Action::Wait(wait) if wait.until == Some(NOW) => {
                    self.engine(|client| client.handle_timeout(NOW));
                }
                Action::Wait(_) => return,
                _ => {}
            }
        }
    }

    fn exchange(&mut self, conn: ConnId, answered: bool) {
        let mut written = std::mem::take(&mut self.written);
        written.clear();
        while self.client.has_pending_write(conn) {
            let from = written.len();
            // What goes into `written` grows beyond its first megabyte only for the bench's largest clients.
            let mut slices = [&[][..]; 16];
            let count = self.client.write_slices(conn, &mut slices);
            slices[..count].iter().for_each(|slice| written.extend_from_slice(slice));
            let len = written.len() - from;
            self.engine(|client| client.handle_written(conn, len, NOW));
        }
        let answers = if answered { self.peer.answer(conn, &written) } else { Vec::new() };
        self.written = written;
        if answers.is_empty() {
            return;
        }
        self.engine(|client| match client.read_buf(conn).and_then(|room| room.get_mut(..answers.len())) {
            Some(room) => {
                room.copy_from_slice(&answers);
                client.handle_read(conn, answers.len(), NOW);
            }
            None => client.handle_slice(conn, &answers, NOW),
        });
        while let Some(event) = self.engine(Client::poll_event) {
            if let Event::Sent { outcome: SendOutcome::Acknowledged(receipt), .. } = event {
                assert_eq!(receipt.queue_offset, 7);
            }
        }
    }
}

/// What one of many takes.
pub struct Figure {
    pub what: &'static str,
    pub bytes: i64,
    pub gate: i64,
}

/// Bytes a thing takes when there are `few` and `many`, all else being equal.
fn each(few: u32, many: u32, held: impl Fn(u32) -> i64) -> i64 {
    (held(many) - held(few)) / i64::from(many - few)
}

fn sent_to_all(brokers: u16, queues: u32) -> Counted {
    let mut counted = Counted::new(SerializeType::Rocketmq, brokers, queues);
    for _ in 0..=u32::from(brokers) * queues {
        counted.send(true);
    }
    counted
}

pub fn figures() -> Vec<Figure> {
    let request = each(10_000, 60_000, |sends| {
        let mut counted = Counted::warm(SerializeType::Rocketmq);
        (0..sends).for_each(|_| counted.send(false));
        counted.bytes
    });
    // What its broker's name, address and template of heads take is in it.
    let connection = each(50, 250, |brokers| sent_to_all(brokers as u16, 1).bytes);
    let sending = each(100, 5_100, |queues| sent_to_all(1, queues).bytes);
    let consuming = each(100, 5_100, |queues| {
        let mut counted = Counted::new(SerializeType::Rocketmq, 1, queues);
        counted.consume();
        counted.bytes
    });
    vec![
        Figure {
            what: "a request in flight, its message aside",
            bytes: request - size_of::<Message>() as i64,
            gate: 192,
        },
        Figure { what: "an idle connection", bytes: connection, gate: 2048 },
        Figure { what: "an idle queue of a producer", bytes: sending, gate: 256 },
        Figure { what: "an idle queue of a consumer, its pull aside", bytes: consuming - 192, gate: 256 },
    ]
}
