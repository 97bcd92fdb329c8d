//! Cases 1 to 3: the heads of a send and of its answer.

use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, Version};
use rocketmq_engine::wire::fields::{Parts, SendMessageResponse, SendMessageV2Request};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{
    Changing, Flag, Head, HeadShape, HeadSpec, HeadTemplate, Hole, Part, encode_head,
};

use crate::floor::head as floor;
use crate::measure::{Bench, Work};
use crate::memory::respond;

pub const GROUP: &str = "bench_producers";
pub const TOPIC: &str = "BenchTopic";
pub const BROKER: &str = "broker-a";
pub const PROPERTIES: &str = "KEYS\u{1}order-1\u{2}TAGS\u{1}TagA\u{2}WAIT\u{1}true\u{2}UNIQ_KEY\u{1}0A000009123489ABCDEF075BCD150001\u{2}";
const BORN: i64 = 1_795_388_649_600;
pub const BODY: usize = 1024;

/// What the floors and ours write, for an opaque.
pub fn send(opaque: i32) -> floor::Send<'static> {
    floor::Send {
        group: GROUP,
        topic: TOPIC,
        broker: BROKER,
        queue_id: 3,
        born_timestamp: BORN,
        properties: PROPERTIES,
        opaque,
    }
}

pub fn fields(properties: &'static str) -> SendMessageV2Request<'static> {
    SendMessageV2Request {
        producer_group: GROUP.into(),
        topic: TOPIC.into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 4,
        queue_id: 3,
        sys_flag: 0,
        born_timestamp: BORN,
        flag: 0,
        properties: Some(Parts::Whole(properties.into())),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(false),
        broker_name: Some(BROKER.into()),
    }
}

pub fn spec(opaque: i32) -> HeadSpec<'static> {
    HeadSpec {
        code: RequestCode::SEND_MESSAGE_V2.0,
        language: LanguageCode::RUST,
        version: Version::V5_5_0,
        opaque,
        flag: Flag::REQUEST,
        remark: None,
    }
}

pub fn encode(out: &mut Vec<u8>, serialize: SerializeType, opaque: i32) {
    encode_head(out, serialize, &spec(opaque), &fields(PROPERTIES), BODY).expect("a small head");
}

/// The same head from a template: what a producer does for every send to a broker but the first.
fn templated(case: u32, what: &'static str, serialize: SerializeType) -> Bench {
    let mut template =
        HeadTemplate::new(serialize, &spec(0), &fields(""), &["e", "g", "h", "i"]).expect("its keys");
    let mut fill = move |out: &mut Vec<u8>, opaque: i32| {
        // Queues by turns, as a producer sends; it is the third for the one that is compared.
        let queue = i64::from(opaque + 6) & 7;
        let values =
            [Hole::Int(queue), Hole::Int(BORN), Hole::Int(0), Hole::Parts(&[Part::Text(PROPERTIES)])];
        template.fill(out, opaque, &values, BODY).expect("a small head");
    };
    let (mut ours, mut encoded) = (Vec::new(), Vec::new());
    fill(&mut ours, 77);
    encode(&mut encoded, serialize, 77);
    assert_eq!(ours, encoded, "the template of case {case} writes the same bytes");
    let (mut one, mut other, mut floors) = (0, 0, Vec::new());
    let by_hand = match serialize {
        SerializeType::Json => floor::send_json,
        SerializeType::Rocketmq => floor::send_binary,
    };
    Bench::new(
        case,
        what,
        Box::new(move || {
            one += 1;
            ours.clear();
            fill(&mut ours, one);
            ours.len() as u64
        }),
        Some(Box::new(move || {
            other += 1;
            floors.clear();
            by_hand(&mut floors, &send(other), BODY);
            floors.len() as u64
        })),
    )
}

/// The answer of a broker to a send.
pub fn answer(serialize: SerializeType, opaque: i32, offset: &str) -> Vec<u8> {
    let ext = [
        ("MSG_REGION", "DefaultRegion"),
        ("TRACE_ON", "true"),
        ("msgId", "0A00000900002A9F00000000000A1B2C"),
        ("queueId", "3"),
        ("queueOffset", offset),
        ("transactionId", "0A000009123489ABCDEF075BCD150001"),
    ];
    let mut out = Vec::new();
    respond(&mut out, serialize, opaque, &ext, &[]);
    out
}

/// As the first answer of its kind is read, and any other that does not look like the one before.
fn decode(serialize: SerializeType, head: &[u8]) -> u64 {
    let head = Head::parse(serialize, head).expect("a good head");
    let sent: SendMessageResponse<'_> = head.fields().expect("its fields");
    head.opaque as u64 ^ sent.queue_offset as u64 ^ sent.queue_id as u64 ^ sent.msg_id.len() as u64
}

/// As a client reads nearly all answers.
fn decode_alike(shape: &mut HeadShape, serialize: SerializeType, head: &[u8]) -> Option<u64> {
    let found = shape.read(serialize, head)?;
    Some(found.opaque()? as u64 ^ found.int(1)? as u64 ^ found.int(0)? as u64 ^ found.text(2)?.len() as u64)
}

fn read(sent: &floor::Sent<'_>) -> u64 {
    sent.opaque as u64 ^ sent.queue_offset as u64 ^ sent.queue_id as u64 ^ sent.msg_id.len() as u64
}

fn encoding(
    case: u32,
    what: &'static str,
    serialize: SerializeType,
    by_hand: fn(&mut Vec<u8>, &floor::Send<'_>, usize),
) -> Bench {
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    encode(&mut ours, serialize, 77);
    by_hand(&mut floors, &send(77), BODY);
    assert_eq!(ours, floors, "the floor of case {case} writes the same bytes");
    let (mut one, mut other) = (0, 0);
    Bench::new(
        case,
        what,
        Box::new(move || {
            one += 1;
            ours.clear();
            encode(&mut ours, serialize, one);
            ours.len() as u64
        }),
        Some(Box::new(move || {
            other += 1;
            floors.clear();
            by_hand(&mut floors, &send(other), BODY);
            floors.len() as u64
        })),
    )
}

fn heads(serialize: SerializeType) -> [Vec<u8>; 2] {
    [(1_234_567, "123456"), (1_234_789, "123987")].map(|(opaque, offset)| {
        let frame = answer(serialize, opaque, offset);
        let prefix = Prefix::parse(&frame, &FrameLimits::default()).expect("a frame").expect("whole");
        frame[prefix.head_range()].to_vec()
    })
}

type ByHand = fn(&[u8]) -> Option<floor::Sent<'_>>;

/// Two heads by turns.
fn by_turns(heads: [Vec<u8>; 2], mut work: impl FnMut(&[u8]) -> u64 + 'static) -> Work {
    let mut turn = 0;
    Box::new(move || {
        turn ^= 1;
        work(&heads[turn])
    })
}

fn decoding(what: &'static str, serialize: SerializeType, by_hand: ByHand) -> Bench {
    let heads = heads(serialize);
    let floor = move |head: &[u8]| by_hand(head).map_or(0, |sent| read(&sent));
    for head in &heads {
        assert_eq!(decode(serialize, head), floor(head));
    }
    let ours = by_turns(heads.clone(), move |head| decode(serialize, head));
    Bench::new(3, what, ours, Some(by_turns(heads, floor)))
}

fn decoding_alike(what: &'static str, serialize: SerializeType, by_hand: ByHand) -> Bench {
    const FIELDS: [(&str, Changing); 4] = [
        ("queueId", Changing::Int),
        ("queueOffset", Changing::Int),
        ("msgId", Changing::Text),
        ("transactionId", Changing::Text),
    ];
    let heads = heads(serialize);
    let mut shape = HeadShape::default();
    let first = Head::parse(serialize, &heads[0]).expect("a good head");
    assert!(shape.learn(serialize, &heads[0], &first, &FIELDS));
    let floor = move |head: &[u8]| by_hand(head).map_or(0, |sent| read(&sent));
    for head in &heads {
        assert_eq!(decode_alike(&mut shape, serialize, head), Some(floor(head)));
    }
    let ours = by_turns(heads.clone(), move |head| decode_alike(&mut shape, serialize, head).expect("alike"));
    Bench::new(3, what, ours, Some(by_turns(heads, floor)))
}

pub fn case_1() -> Vec<Bench> {
    let json = encoding(1, "encode SEND V2, JSON head", SerializeType::Json, floor::send_json);
    let template = templated(1, "the same from a template", SerializeType::Json);
    vec![json.gate(Some(0), Some(2800.0)).goal(1.3), template.gate(Some(0), Some(1300.0)).goal(1.3)]
}

pub fn case_2() -> Vec<Bench> {
    let binary = encoding(2, "encode SEND V2, binary head", SerializeType::Rocketmq, floor::send_binary);
    let template = templated(2, "the same from a template", SerializeType::Rocketmq);
    vec![binary.gate(Some(0), Some(940.0)).goal(1.25), template.gate(Some(0), Some(940.0)).goal(1.25)]
}

pub fn case_3() -> Vec<Bench> {
    let (json, binary) = (SerializeType::Json, SerializeType::Rocketmq);
    let first = decoding("decode a first SEND answer, JSON", json, floor::sent_json);
    let alike = decoding_alike("decode the next ones, JSON", json, floor::sent_json);
    let first_binary = decoding("decode a first SEND answer, binary", binary, floor::sent_binary);
    let alike_binary = decoding_alike("decode the next ones, binary", binary, floor::sent_binary);
    vec![
        first.gate(Some(0), Some(3000.0)),
        alike.gate(Some(0), Some(3000.0)).goal(1.2),
        // The gate of 920 is for what comes all the time.
        first_binary.gate(Some(0), Some(1500.0)),
        alike_binary.gate(Some(0), Some(920.0)).goal(1.2),
    ]
}
