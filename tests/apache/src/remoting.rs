//! Plain requests over one socket, written with the engine's `wire` alone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rocketmq_engine::wire::body::group::GetConsumerListByGroupResponseBody;
use rocketmq_engine::wire::body::route::TopicRouteData;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::fields::{
    CreateTopicRequest, GetConsumerListByGroupRequest, GetRouteInfoRequest, OffsetResponse,
    QueryConsumerOffsetRequest,
};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, NoFields, Request, encode_head};

use crate::{Result, Trouble};

const TIMEOUT: Duration = Duration::from_secs(15);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its code.
    pub code: ResponseCode,
    /// Its remark.
    pub remark: String,
    /// Its body.
    pub body: Vec<u8>,
    /// The offset it tells, if it tells one.
    pub offset: Option<i64>,
}

impl Answer {
    /// The body, if the code is 0.
    pub fn success(self) -> Result<Vec<u8>> {
        if self.code == ResponseCode::SUCCESS {
            Ok(self.body)
        } else {
            Err(Trouble(format!("{}: {}", self.code, self.remark)))
        }
    }
}

/// One request to `address` (`host:port`) on a connection of its own.
pub fn call<F: EncodeFields>(address: &str, code: RequestCode, fields: &F, body: &[u8]) -> Result<Answer> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
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
        .map_err(|error| Trouble(error.to_string()))?;
    frame.extend_from_slice(body);
    socket.write_all(&frame)?;
    let mut front = [0; Prefix::LEN];
    socket.read_exact(&mut front)?;
    let prefix = Prefix::parse(&front, &FrameLimits::default())
        .map_err(|error| Trouble(error.to_string()))?
        .ok_or_else(|| Trouble("a short prefix".into()))?;
    let mut rest = vec![0; prefix.frame_len - Prefix::LEN];
    socket.read_exact(&mut rest)?;
    let (head, body) = rest.split_at(prefix.head_len);
    let head = Head::parse(prefix.serialize, head).map_err(|error| Trouble(error.to_string()))?;
    let remark = head.remark.map(|text| text.as_str().into_owned()).unwrap_or_default();
    let offset = head.fields::<OffsetResponse>().ok().map(|response| response.offset);
    Ok(Answer { code: head.response_code(), remark, body: body.to_vec(), offset })
}

/// The route of a topic at a name server.
pub fn route(name_server: &str, topic: &str) -> Result<TopicRouteData> {
    let fields = GetRouteInfoRequest { accept_standard_json_only: Some(true), topic: topic.into() };
    let body = call(name_server, GetRouteInfoRequest::CODE, &fields, &[])?.success()?;
    TopicRouteData::decode(&body).map_err(|error| Trouble(error.to_string()))
}

/// Makes a topic at one master.
pub fn create_topic(broker: &str, topic: &str, queues: u32) -> Result<()> {
    let fields = CreateTopicRequest {
        default_topic: "TBW102".into(),
        order: Some(false),
        perm: 6,
        read_queue_nums: queues as i32,
        topic: topic.into(),
        topic_filter_type: "SINGLE_TAG".into(),
        topic_sys_flag: Some(0),
        write_queue_nums: queues as i32,
        ..Default::default()
    };
    call(broker, CreateTopicRequest::CODE, &fields, &[])?.success().map(drop)
}

/// Makes a consumer group at one master.
pub fn create_group(broker: &str, group: &str) -> Result<()> {
    let body = format!(
        "{{\"groupName\":\"{group}\",\"consumeEnable\":true,\"consumeFromMinEnable\":true,\
         \"consumeBroadcastEnable\":true,\"consumeMessageOrderly\":false,\"retryQueueNums\":1,\"retryMaxTimes\":16,\
         \"brokerId\":0,\"whichBrokerWhenConsumeSlowly\":1,\"notifyConsumerIdsChangedEnable\":true,\
         \"groupSysFlag\":0,\"consumeTimeoutMinute\":15}}"
    );
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    call(broker, code, &NoFields, body.as_bytes())?.success().map(drop)
}

/// The client ids that consume with a group, as one broker knows them. Empty when it knows none.
pub fn members(broker: &str, group: &str) -> Result<Vec<String>> {
    let fields = GetConsumerListByGroupRequest { consumer_group: group.into(), ..Default::default() };
    let answer = call(broker, GetConsumerListByGroupRequest::CODE, &fields, &[])?;
    if answer.code != ResponseCode::SUCCESS {
        return Ok(Vec::new());
    }
    GetConsumerListByGroupResponseBody::decode(&answer.body)
        .map(|body| body.consumer_id_list)
        .map_err(|error| Trouble(error.to_string()))
}

/// The offset a group committed for one queue; `None` when it committed none.
pub fn committed(broker: &str, group: &str, topic: &str, queue: u32) -> Result<Option<i64>> {
    let fields = QueryConsumerOffsetRequest {
        consumer_group: group.into(),
        queue_id: queue as i32,
        set_zero_if_not_found: Some(false),
        topic: topic.into(),
        ..Default::default()
    };
    let answer = call(broker, QueryConsumerOffsetRequest::CODE, &fields, &[])?;
    if answer.code == ResponseCode::QUERY_NOT_FOUND {
        return Ok(None);
    }
    let offset = answer.offset;
    answer.success().map(|_| offset)
}
