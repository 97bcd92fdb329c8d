//! Plain requests to a broker: setting up and looking into it, the same way for every cluster.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rocketmq_engine::wire::body::TopicRouteData;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::fields::{
    CreateTopicRequest, GetMaxOffsetRequest, GetRouteInfoRequest, OffsetResponse, Parts,
    QueryConsumerOffsetRequest, SendMessageV2Request,
};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, NoFields, Request, encode_head};

use super::{Controls, Failed, Outcome};

/// One frame to `address` (`host:port`) and its answer, over a socket of its own. For [`Controls::exchange`].
pub fn exchange(address: &str, frame: &[u8]) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(15)))?;
    socket.write_all(frame)?;
    let mut answer = vec![0; 4];
    socket.read_exact(&mut answer)?;
    let len = u32::from_be_bytes([answer[0], answer[1], answer[2], answer[3]]) as usize;
    if len > 1 << 24 {
        return Err(io::Error::other("an answer of impossible length"));
    }
    answer.resize(4 + len, 0);
    socket.read_exact(&mut answer[4..])?;
    Ok(answer)
}

/// An answer.
struct Answer {
    code: ResponseCode,
    remark: String,
    head: Vec<u8>,
    body: Vec<u8>,
    serialize: SerializeType,
}

impl Answer {
    fn parse(frame: &[u8]) -> Outcome<Self> {
        let wrong = |what: &dyn std::fmt::Display| Failed(format!("an answer cannot be read: {what}"));
        let prefix = Prefix::parse(frame, &FrameLimits::default())
            .map_err(|error| wrong(&error))?
            .ok_or_else(|| wrong(&"too short"))?;
        let end = Prefix::LEN + prefix.head_len;
        let bytes = frame.get(Prefix::LEN..end).ok_or_else(|| wrong(&"too short"))?;
        let head = Head::parse(prefix.serialize, bytes).map_err(|error| wrong(&error))?;
        let remark = head.remark.map(|text| text.as_str().into_owned()).unwrap_or_default();
        let (code, serialize) = (head.response_code(), prefix.serialize);
        let body = frame.get(end..).unwrap_or_default().to_vec();
        Ok(Self { code, remark, serialize, head: bytes.to_vec(), body })
    }

    fn success(self) -> Outcome<Self> {
        if self.code == ResponseCode::SUCCESS {
            return Ok(self);
        }
        Err(Failed(format!("the broker answered {}: {}", self.code, self.remark)))
    }

    fn number(&self) -> Outcome<i64> {
        let wrong = || Failed("an offset cannot be read".into());
        let head = Head::parse(self.serialize, &self.head).map_err(|_| wrong())?;
        head.fields::<OffsetResponse>().map(|found| found.offset).map_err(|_| wrong())
    }
}

/// A message of another client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Foreign<'a> {
    /// Compression bits.
    pub sys_flag: i32,
    /// The body holds the entries of a batch.
    pub batch: bool,
    /// In wire form.
    pub properties: &'a str,
    /// As it is sent: compressed, if the flag says so.
    pub body: &'a [u8],
}

/// A cluster, asked in the protocol's words.
pub struct Remote<'a>(pub &'a mut dyn Controls);

impl std::fmt::Debug for Remote<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Remote").finish_non_exhaustive()
    }
}

impl Remote<'_> {
    fn call<F: EncodeFields>(
        &mut self,
        broker: Option<usize>,
        code: RequestCode,
        fields: &F,
        body: &[u8],
    ) -> Outcome<Answer> {
        let spec = HeadSpec {
            code: code.0,
            language: LanguageCode::RUST,
            version: Version::V5_5_0,
            opaque: 1,
            flag: Flag::REQUEST,
            remark: None,
        };
        let mut frame = Vec::new();
        encode_head(&mut frame, SerializeType::Json, &spec, fields, body.len())
            .map_err(|error| Failed(error.to_string()))?;
        frame.extend_from_slice(body);
        Answer::parse(&self.0.exchange(broker, &frame)?)
    }

    /// Makes a topic at one broker, or changes it. `perm`: 4 to read, 2 to write, 6 both.
    pub fn set_topic(&mut self, broker: usize, topic: &str, queues: u32, perm: i32) -> Outcome {
        let fields = CreateTopicRequest {
            attributes: None,
            force: None,
            default_topic: "TBW102".into(),
            order: Some(false),
            perm,
            read_queue_nums: queues as i32,
            topic: topic.into(),
            topic_filter_type: "SINGLE_TAG".into(),
            topic_sys_flag: Some(0),
            write_queue_nums: queues as i32,
        };
        self.call(Some(broker), CreateTopicRequest::CODE, &fields, &[])?.success().map(drop)
    }

    /// Whether the name server's route of a topic names this broker.
    pub fn is_routed(&mut self, broker: usize, topic: &str) -> Outcome<bool> {
        Ok(self.routed_queues(broker, topic)?.is_some())
    }

    /// Queues to write to that the name server's route of a topic gives this broker.
    pub fn routed_queues(&mut self, broker: usize, topic: &str) -> Outcome<Option<u32>> {
        let fields = GetRouteInfoRequest { accept_standard_json_only: Some(true), topic: topic.into() };
        let answer = self.call(None, GetRouteInfoRequest::CODE, &fields, &[])?;
        if answer.code == ResponseCode::TOPIC_NOT_EXIST {
            return Ok(None);
        }
        let body = answer.success()?.body;
        let route = TopicRouteData::decode(&body).map_err(|error| Failed(error.to_string()))?;
        let name = format!("broker-{}", char::from(b'a' + broker as u8));
        let found = route.queue_datas.iter().find(|data| data.broker_name == name);
        Ok(found.map(|data| data.write_queue_nums))
    }

    /// The offset the queue's next message gets: how many messages were ever stored in it. 0 if there is none.
    pub fn stored(&mut self, broker: usize, topic: &str, queue: u32) -> Outcome<i64> {
        let fields = GetMaxOffsetRequest {
            broker_name: None,
            committed: Some(true),
            queue_id: queue as i32,
            topic: topic.into(),
        };
        self.call(Some(broker), GetMaxOffsetRequest::CODE, &fields, &[])?.success()?.number()
    }

    /// What a group has committed for a queue.
    pub fn committed(&mut self, broker: usize, group: &str, topic: &str, queue: u32) -> Outcome<Option<i64>> {
        let fields = QueryConsumerOffsetRequest {
            broker_name: None,
            consumer_group: group.into(),
            queue_id: queue as i32,
            set_zero_if_not_found: Some(false),
            topic: topic.into(),
        };
        let answer = self.call(Some(broker), QueryConsumerOffsetRequest::CODE, &fields, &[])?;
        if answer.code == ResponseCode::QUERY_NOT_FOUND {
            return Ok(None);
        }
        answer.success()?.number().map(Some)
    }

    /// Stores a message as another client might have written it.
    pub fn put(&mut self, broker: usize, topic: &str, queue: u32, message: &Foreign<'_>) -> Outcome {
        let fields = SendMessageV2Request {
            producer_group: "elsewhere".into(),
            topic: topic.into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            queue_id: queue as i32,
            sys_flag: message.sys_flag,
            born_timestamp: 1_700_000_000_000,
            flag: 0,
            properties: Some(Parts::Whole(message.properties.into())),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            max_reconsume_times: None,
            batch: Some(message.batch),
            broker_name: None,
        };
        let code = if message.batch { RequestCode::SEND_BATCH_MESSAGE } else { SendMessageV2Request::CODE };
        self.call(Some(broker), code, &fields, message.body)?.success().map(drop)
    }

    /// Makes a consumer group at one broker, where that is needed; the embedded one makes it by itself.
    pub fn set_group(&mut self, broker: usize, group: &str) -> Outcome {
        let body = format!(
            "{{\"groupName\":\"{group}\",\"consumeEnable\":true,\"consumeFromMinEnable\":true,\
             \"consumeBroadcastEnable\":true,\"consumeMessageOrderly\":false,\"retryQueueNums\":1,\
             \"retryMaxTimes\":16,\"brokerId\":0,\"whichBrokerWhenConsumeSlowly\":1,\
             \"notifyConsumerIdsChangedEnable\":true,\"groupSysFlag\":0,\"consumeTimeoutMinute\":15}}"
        );
        let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
        let answer = self.call(Some(broker), code, &NoFields, body.as_bytes())?;
        if answer.code == ResponseCode::REQUEST_CODE_NOT_SUPPORTED {
            return Ok(());
        }
        answer.success().map(drop)
    }
}
