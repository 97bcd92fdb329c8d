//! The other end of a client's connection: takes its requests off the wire and answers what the bytes say.

use std::net::SocketAddr;

use rocketmq_engine::Role;
use rocketmq_engine::wire::body::{
    BrokerData, GetConsumerListByGroupResponseBody, QueueData, TopicRouteData,
};
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, encode_head};
use rocketmq_engine::wire::message::{StoredFields, SysFlag, encode_stored};

use super::input::Input;

/// A request that waits for its answer.
struct Asked {
    code: RequestCode,
    opaque: i32,
    topic: String,
    offset: i64,
}

/// What a connection goes to.
pub struct Peer {
    pub up: bool,
    role: Role,
    bytes: Vec<u8>,
    asked: Vec<Asked>,
}

impl Peer {
    pub fn new(role: Role) -> Self {
        Self { up: false, role, bytes: Vec::new(), asked: Vec::new() }
    }

    /// Bytes of the client: they are well-formed.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(prefix) = Prefix::parse(&self.bytes[at..], &FrameLimits::default()).expect("a frame") {
            let Some(frame) = self.bytes.get(at..at + prefix.frame_len) else { break };
            let head = Head::parse(prefix.serialize, &frame[prefix.head_range()]).expect("a head");
            let field = |name: &str| head.ext.get(name).map(|text| text.as_str().into_owned());
            if !head.is_response() && !head.is_oneway() {
                self.asked.push(Asked {
                    code: head.request_code(),
                    opaque: head.opaque,
                    topic: field("topic").or_else(|| field("b")).unwrap_or_default(),
                    offset: field("queueOffset").and_then(|text| text.parse().ok()).unwrap_or_default(),
                });
            }
            at += prefix.frame_len;
        }
        self.bytes.drain(..at);
    }

    /// The answer to a request that waits: what a server would say, or not quite.
    pub fn answer(&mut self, input: &mut Input<'_>, own: &str) -> Option<Vec<u8>> {
        if !self.up || self.asked.is_empty() {
            return None;
        }
        let at = usize::from(input.byte()) % self.asked.len();
        let asked = self.asked.remove(at);
        let (mut code, mut fields, mut body) = (0, Vec::new(), Vec::new());
        match asked.code {
            RequestCode::GET_ROUTEINFO_BY_TOPIC => body = route(input),
            RequestCode::SEND_MESSAGE_V2 => fields = send_fields(input),
            RequestCode::PULL_MESSAGE => (code, fields, body) = pulled(input, &asked),
            RequestCode::GET_CONSUMER_LIST_BY_GROUP => body = members(input, own),
            RequestCode::QUERY_CONSUMER_OFFSET
            | RequestCode::GET_MAX_OFFSET
            | RequestCode::GET_MIN_OFFSET
            | RequestCode::SEARCH_OFFSET_BY_TIMESTAMP => fields = vec![("offset", input.i64().to_string())],
            _ => {}
        }
        if input.byte() > 220 {
            code = i32::from(input.u16());
        }
        if self.role != Role::NameServer && input.byte() == 255 {
            body = input.short().to_vec();
        }
        Some(frame(code, Flag::RESPONSE, asked.opaque, &fields, &body))
    }

    /// A request of the broker's own.
    pub fn asks(input: &mut Input<'_>) -> Vec<u8> {
        let code = match input.byte() % 8 {
            0 | 1 => RequestCode::NOTIFY_CONSUMER_IDS_CHANGED,
            2 => RequestCode::CHECK_TRANSACTION_STATE,
            3 => RequestCode::RESET_CONSUMER_CLIENT_OFFSET,
            4 => RequestCode::GET_CONSUMER_RUNNING_INFO,
            5 => RequestCode::CONSUME_MESSAGE_DIRECTLY,
            6 => RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT,
            _ => RequestCode(i32::from(input.u16())),
        };
        let flag = if input.flag() { Flag::ONEWAY } else { Flag::REQUEST };
        let group = if input.flag() { "c0".to_owned() } else { input.text().to_owned() };
        frame(code.0, flag, input.i32(), &[("consumerGroup", group)], input.short())
    }

    /// An answer to nothing that was asked.
    pub fn invents(input: &mut Input<'_>) -> Vec<u8> {
        let fields = [("offset", input.i64().to_string())];
        frame(i32::from(input.byte()), Flag::RESPONSE, input.i32(), &fields, input.short())
    }
}

fn frame(code: i32, flag: Flag, opaque: i32, fields: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let spec = HeadSpec {
        code,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque,
        flag,
        remark: (code != 0).then_some("remark"),
    };
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
    fields.sort_unstable();
    let mut out = Vec::new();
    encode_head(&mut out, SerializeType::Json, &spec, &FieldList(&fields), body.len()).expect("short enough");
    out.extend_from_slice(body);
    out
}

fn route(input: &mut Input<'_>) -> Vec<u8> {
    let mut route = TopicRouteData::default();
    for name in ["a", "b"].iter().take(1 + usize::from(input.byte() % 2)) {
        let shape = input.byte();
        route.queue_datas.push(QueueData {
            broker_name: (*name).into(),
            perm: u32::from(if shape < 200 { 6 } else { shape & 7 }),
            read_queue_nums: u32::from(shape % 5),
            write_queue_nums: u32::from(shape % 3),
            ..QueueData::default()
        });
        let id = if shape < 220 { 0 } else { input.i64() };
        let mut broker = BrokerData { broker_name: (*name).into(), ..BrokerData::default() };
        broker.broker_addrs.insert(id, format!("{name}:{}", 10911 + u16::from(shape & 1)));
        route.broker_datas.push(broker);
    }
    route.encode()
}

type Fields = Vec<(&'static str, String)>;

fn send_fields(input: &mut Input<'_>) -> Fields {
    let mut fields = vec![("msgId", "7F00000100002A9F0000000000000001".to_owned())];
    fields.push(("queueId", i64::from(input.byte()).to_string()));
    fields.push(("queueOffset", input.i64().to_string()));
    fields
}

fn members(input: &mut Input<'_>, own: &str) -> Vec<u8> {
    let mut list = GetConsumerListByGroupResponseBody::default();
    let shape = input.byte();
    if shape < 230 {
        list.consumer_id_list.push(own.into());
    }
    for _ in 0..shape % 4 {
        list.consumer_id_list.push(input.text().into());
    }
    list.encode()
}

/// An answer to a pull: messages, nothing, or a reason, its offsets plausible or not.
fn pulled(input: &mut Input<'_>, asked: &Asked) -> (i32, Fields, Vec<u8>) {
    let shape = input.byte();
    let code = [0, 0, 0, 0, 19, 20, 21, 21][usize::from(shape & 7)];
    let mut body = Vec::new();
    let mut next = asked.offset;
    if code == ResponseCode::SUCCESS.0 {
        for _ in 0..shape >> 5 {
            let gap = i64::from(input.byte() >> 5);
            let offset = next.saturating_add(gap);
            stored(&mut body, offset, &asked.topic, usize::from(input.u16() >> 4), input.flag());
            next = offset.saturating_add(1);
        }
        if input.byte() > 220 && !body.is_empty() {
            let at = usize::from(input.u16()) % body.len();
            body[at] ^= 1 + input.byte() % 255;
        }
    }
    let lie = input.byte();
    let mut fields = vec![
        ("nextBeginOffset", if lie & 1 == 0 || lie < 128 { next } else { input.i64() }.to_string()),
        ("minOffset", if lie < 200 { 0 } else { input.i64() }.to_string()),
        ("maxOffset", if lie < 200 { next } else { input.i64() }.to_string()),
        ("suggestWhichBrokerId", i64::from(lie & 1).to_string()),
    ];
    if lie > 240 {
        fields.push(("offsetDelta", input.i64().to_string()));
    }
    (code, fields, body)
}

fn stored(out: &mut Vec<u8>, queue_offset: i64, topic: &str, size: usize, tagged: bool) {
    let host = SocketAddr::from(([127, 0, 0, 1], 10911));
    let fields = StoredFields {
        queue_id: 0,
        flag: 0,
        queue_offset,
        physical_offset: queue_offset.wrapping_mul(100),
        sys_flag: SysFlag(0),
        born_timestamp: 1,
        born_host: host,
        store_timestamp: 2,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: &vec![9; size],
        topic,
        properties: if tagged { "TAGS\u{1}A\u{2}" } else { "" },
    };
    encode_stored(out, &fields).expect("short enough");
}
