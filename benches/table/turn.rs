//! Case 11: a whole turn of the engine, without sockets. A send goes in, its bytes come out; an answer goes in, its
//! event comes out. Instructions of the peer, which looks at the request and makes the answer, and of the copies that
//! stand for the sockets are not counted.

use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::{
    Action, Client, ClientConfig, ConnId, Event, Instant, Message, ProducerConfig, ProducerId, SendOptions,
    SendOutcome,
};

use crate::floor::head as floor;
use crate::head;
use crate::measure::{Bench, Work};
use crate::responder::Responder;

const NOW: Instant = Instant::ZERO;

/// A client whose connections end in a responder without sockets between.
struct Turn {
    client: Client,
    producer: ProducerId,
    message: Message,
    responder: Responder,
    written: Vec<u8>,
    answers: Vec<u8>,
}

impl Turn {
    fn new(serialize: SerializeType) -> Self {
        Self::with_brokers(serialize, 1, 4)
    }

    fn with_brokers(serialize: SerializeType, brokers: u16, queues: u32) -> Self {
        let address = "127.0.0.1:10911";
        let mut config = ClientConfig::new(address).expect("a good address");
        config.connection.serialize = serialize;
        // Room for case 12.
        config.connection.max_in_flight = 1 << 20;
        config.connection.max_queued_bytes = 1 << 30;
        config.max_pending_sends = 1 << 20;
        config.memory_budget = 1 << 30;
        let mut client = Client::new(config, [7; 32], NOW, Duration::from_secs(1_795_388_649)).expect("good");
        let producer = client.create_producer(ProducerConfig::new(head::GROUP), NOW).expect("running");
        let topic = client.topic(head::TOPIC).expect("a good name");
        let message = Message::builder(&topic, Bytes::from(vec![b'x'; 1024])).tag("TagA").key("order-1");
        let message = message.build().expect("good texts");
        let responder = Responder::with_brokers(address, brokers, queues);
        Self { client, producer, message, responder, written: Vec::new(), answers: Vec::new() }
    }

    fn send(&mut self) {
        let sent = self.client.send(self.producer, self.message.clone(), SendOptions::default(), NOW);
        sent.expect("room for one");
    }

    /// Carries out what is to be done, answering what is asked or leaving it unanswered.
    fn act(&mut self, answer: bool) {
        loop {
            match self.client.poll_action() {
                Action::Connect { conn, .. } => self.client.handle_connected(conn, NOW),
                Action::Write { conn } => self.exchange(conn, answer),
                Action::Wait(_) => break,
                _ => {}
            }
        }
    }

    fn turn(&mut self) -> u64 {
        self.send();
        self.act(true);
        let mut offset = 0;
        while let Some(event) = self.client.poll_event() {
            let Event::Sent { outcome: SendOutcome::Acknowledged(receipt), .. } = event else {
                panic!("{event:?}")
            };
            offset += receipt.queue_offset as u64;
        }
        assert_ne!(offset, 0, "the send ended");
        offset
    }

    /// Sends that nobody answers.
    fn fill(&mut self, sends: usize) {
        for _ in 0..sends {
            self.send();
            self.act(false);
        }
    }

    fn exchange(&mut self, conn: ConnId, answer: bool) {
        let mut slices = [&[][..]; 4];
        let count = self.client.write_slices(conn, &mut slices);
        self.written.clear();
        for slice in &slices[..count] {
            self.written.extend_from_slice(slice);
        }
        self.client.handle_written(conn, self.written.len(), NOW);
        if !answer {
            return;
        }
        self.answers.clear();
        self.responder.answer(&self.written, &mut self.answers);
        let room = self.client.read_buf(conn).expect("open");
        if let Some(room) = room.get_mut(..self.answers.len()) {
            room.copy_from_slice(&self.answers);
            return self.client.handle_read(conn, self.answers.len(), NOW);
        }
        // The route of a thousand brokers.
        self.client.handle_slice(conn, &self.answers, NOW);
    }
}

/// The floors of cases 1 and 3 with the same peer: head encoded, body copied behind it, answer decoded.
fn by_hand(serialize: SerializeType) -> Work {
    let responder = Responder::new("127.0.0.1:10911");
    let body = [b'x'; 1024];
    let (mut written, mut wire, mut answers, mut room) = (Vec::new(), Vec::new(), Vec::new(), [0; 1024]);
    let mut opaque = 1_000_000_000;
    Box::new(move || {
        opaque += 1;
        written.clear();
        let send = head::send(opaque);
        match serialize {
            SerializeType::Json => floor::send_json(&mut written, &send, body.len()),
            SerializeType::Rocketmq => floor::send_binary(&mut written, &send, body.len()),
        }
        written.extend_from_slice(&body);
        let answer = exchanged(&responder, &written, &mut wire, &mut answers, &mut room);
        let head_len = u32::from_be_bytes([0, answer[5], answer[6], answer[7]]) as usize;
        let head = &answer[8..8 + head_len];
        let sent = match serialize {
            SerializeType::Json => floor::sent_json(head),
            SerializeType::Rocketmq => floor::sent_binary(head),
        };
        let sent = sent.expect("a good answer");
        assert_eq!(sent.opaque, opaque);
        sent.queue_offset as u64
    })
}

/// What sockets and the peer do for one send: the request is copied out, the answer made and copied in.
fn exchanged<'r>(
    responder: &Responder,
    request: &[u8],
    wire: &mut Vec<u8>,
    answers: &mut Vec<u8>,
    room: &'r mut [u8],
) -> &'r [u8] {
    wire.clear();
    wire.extend_from_slice(request);
    answers.clear();
    responder.answer(wire, answers);
    let answer = &mut room[..answers.len()];
    answer.copy_from_slice(answers);
    answer
}

/// What is done beside the client.
fn peer(serialize: SerializeType) -> Work {
    let responder = Responder::new("127.0.0.1:10911");
    let (mut request, mut wire, mut answers, mut room) = (Vec::new(), Vec::new(), Vec::new(), [0; 1024]);
    head::encode(&mut request, serialize, 1000);
    request.extend_from_slice(&[b'x'; head::BODY]);
    Box::new(move || exchanged(&responder, &request, &mut wire, &mut answers, &mut room).len() as u64)
}

fn case(what: &'static str, serialize: SerializeType, instructions: f64) -> Bench {
    let mut turn = Turn::new(serialize);
    // Route, connections and heartbeat come with the first.
    let mut floors = by_hand(serialize);
    assert_eq!(turn.turn(), floors());
    let bench = Bench::new(11, what, Box::new(move || turn.turn()), Some(floors));
    bench.without(peer(serialize)).gate(Some(0), Some(instructions)).goal(1.5)
}

pub fn case_11() -> Vec<Bench> {
    vec![
        case("engine turn of a 1 KiB send, JSON heads", SerializeType::Json, 6500.0),
        case("engine turn of a 1 KiB send, binary heads", SerializeType::Rocketmq, 4000.0),
    ]
}

/// Case 11 with binary heads, beside so many sends that nobody answers, and over so many connections.
fn grown(what: &'static str, of: &'static str, in_flight: usize, brokers: u16) -> Bench {
    let mut turn = Turn::with_brokers(SerializeType::Rocketmq, brokers, 4);
    // Every connection is made and every template: 4 queues a broker.
    for _ in 0..=usize::from(brokers) * 4 {
        turn.turn();
    }
    turn.fill(in_flight - 1);
    Bench::new(12, what, Box::new(move || turn.turn()), None).gate(Some(0), None).grows(of, 1.05).counted(500)
}

pub fn case_12() -> Vec<Bench> {
    const FLIGHT: &str = "sends in flight";
    const BROKERS: &str = "brokers";
    vec![
        grown("a turn, 1 in flight, 1 broker", FLIGHT, 1, 1),
        grown("a turn, 100 in flight", FLIGHT, 100, 1),
        grown("a turn, 10,000 in flight", FLIGHT, 10_000, 1),
        grown("a turn, 100,000 in flight", FLIGHT, 100_000, 1),
        grown("a turn, 1 connection", BROKERS, 1, 1),
        grown("a turn, 10 brokers", BROKERS, 1, 10),
        grown("a turn, 100 brokers", BROKERS, 1, 100),
        grown("a turn, 1,000 brokers", BROKERS, 1, 1000),
    ]
}

/// Being woken, which asks when to wake again, when nothing is due: 1,000 connections, 10,000 queues.
pub fn case_13() -> Vec<Bench> {
    let mut turn = Turn::with_brokers(SerializeType::Rocketmq, 1000, 10);
    for _ in 0..10_001 {
        turn.turn();
    }
    let wake: Work = Box::new(move || {
        turn.client.handle_timeout(NOW);
        1
    });
    vec![Bench::new(13, "a wake with nothing due", wake, None).gate(Some(0), Some(100.0)).counted(20_000)]
}
