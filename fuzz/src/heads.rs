//! Frames and heads.

use std::collections::BTreeMap;

use bytes::Bytes;
use rocketmq_engine::wire::body::{GetConsumerListByGroupResponseBody, HeartbeatData, TopicRouteData};
use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::fields::*;
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{
    Changing, DecodeFields, EncodeFields, FieldList, Head, HeadShape, HeadSpec, MAX_EXT_FIELDS, Request,
    encode_head,
};

use super::messages;

/// A stream of frames: prefix, head, typed fields, body.
pub fn decode(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some(prefix)) = Prefix::parse(rest, &FrameLimits::default()) {
        let Some(frame) = rest.get(..prefix.frame_len) else { return };
        assert_eq!(prefix.head_range().end, prefix.body_range().start);
        assert_eq!(prefix.body_range().end, frame.len());
        if let Ok(head) = Head::parse(prefix.serialize, &frame[prefix.head_range()]) {
            typed_fields(&head);
            body(&frame[prefix.body_range()]);
        }
        rest = &rest[prefix.frame_len..];
    }
}

/// Reads `T`; what was read can be written.
fn typed<'a, T: DecodeFields<'a> + EncodeFields>(head: &Head<'a>) {
    if let Ok(fields) = head.fields::<T>() {
        let mut out = Vec::new();
        encode_head(&mut out, SerializeType::Json, &spec(head, None), &fields, 0)
            .expect("JSON takes what JSON gave");
    }
}

/// The request its code names, and every answer.
fn typed_fields(head: &Head<'_>) {
    macro_rules! requests { ($($type:ty),* $(,)?) => { $(
        if head.code == <$type as Request>::CODE.0 {
            typed::<$type>(head);
        }
    )* } }
    macro_rules! answers { ($($type:ty),* $(,)?) => { $( typed::<$type>(head); )* } }
    requests!(
        AckMessageRequest<'_>,
        AddWritePermRequest<'_>,
        ChangeInvisibleTimeRequest<'_>,
        CheckRocksdbCqWriteProgressRequest<'_>,
        CheckTransactionStateRequest<'_>,
        CloneGroupOffsetRequest<'_>,
        ConsumeMessageDirectlyRequest<'_>,
        ConsumerSendMsgBackRequest<'_>,
        CreateAclRequest<'_>,
        CreateTopicRequest<'_>,
        CreateUserRequest<'_>,
        DeleteAclRequest<'_>,
        DeleteKvConfigRequest<'_>,
        DeleteSubscriptionGroupRequest<'_>,
        DeleteTopicFromNamesrvRequest<'_>,
        DeleteTopicRequest<'_>,
        DeleteUserRequest<'_>,
        EndTransactionRequest<'_>,
        ExportRocksDbConfigRequest<'_>,
        GetAclRequest<'_>,
        GetAllSubscriptionGroupRequest<'_>,
        GetAllTopicConfigRequest<'_>,
        GetBrokerConsumeStatsRequest,
        GetBrokerMemberGroupRequest<'_>,
        GetConsumeStatsRequest<'_>,
        GetConsumerConnectionListRequest<'_>,
        GetConsumerListByGroupRequest<'_>,
        GetConsumerRunningInfoRequest<'_>,
        GetConsumerStatusRequest<'_>,
        GetEarliestMsgStoretimeRequest<'_>,
        GetKvConfigRequest<'_>,
        GetKvListByNamespaceRequest<'_>,
        GetLiteClientInfoRequest<'_>,
        GetLiteGroupInfoRequest<'_>,
        GetLiteTopicInfoRequest<'_>,
        GetMaxOffsetRequest<'_>,
        GetMinOffsetRequest<'_>,
        GetParentTopicInfoRequest<'_>,
        GetProducerConnectionListRequest<'_>,
        GetRouteInfoRequest<'_>,
        GetSubscriptionGroupConfigRequest<'_>,
        GetTopicConfigRequest<'_>,
        GetTopicStatsInfoRequest<'_>,
        GetTopicsByClusterRequest<'_>,
        GetUserRequest<'_>,
        ListAclsRequest<'_>,
        ListUsersRequest<'_>,
        NotificationRequest<'_>,
        NotifyConsumerIdsChangedRequest<'_>,
        NotifyUnsubscribeLiteRequest<'_>,
        PeekMessageRequest<'_>,
        PollingInfoRequest<'_>,
        PopLiteMessageRequest<'_>,
        PopMessageRequest<'_>,
        PullMessageRequest<'_>,
        PushReplyMessageRequest<'_>,
        PutKvConfigRequest<'_>,
        QueryConsumeQueueRequest<'_>,
        QueryConsumeTimeSpanRequest<'_>,
        QueryConsumerOffsetRequest<'_>,
        QueryCorrectionOffsetRequest<'_>,
        QueryMessageRequest<'_>,
        QuerySubscriptionByConsumerRequest<'_>,
        QueryTopicConsumeByWhoRequest<'_>,
        QueryTopicsByConsumerRequest<'_>,
        RecallMessageRequest<'_>,
        RegisterTopicRequest<'_>,
        ResetMasterFlushOffsetRequest,
        ResetOffsetRequest<'_>,
        ResumeCheckHalfMessageRequest<'_>,
        SearchOffsetRequest<'_>,
        SendMessageRequest<'_>,
        SendMessageV2Request<'_>,
        SetCommitLogReadModeRequest<'_>,
        SwitchTimerEngineRequest<'_>,
        TriggerLiteDispatchRequest<'_>,
        UnregisterClientRequest<'_>,
        UpdateAclRequest<'_>,
        UpdateConsumerOffsetRequest<'_>,
        UpdateGroupForbiddenRequest<'_>,
        UpdateUserRequest<'_>,
        ViewBrokerStatsDataRequest<'_>,
        ViewMessageRequest<'_>,
        WipeWritePermRequest<'_>,
    );
    answers!(
        AddWritePermResponse,
        ChangeInvisibleTimeResponse,
        CommonRequest<'_>,
        GetAllSubscriptionGroupResponse,
        GetAllTopicConfigResponse,
        GetBrokerConfigResponse<'_>,
        GetEarliestMsgStoretimeResponse,
        GetKvConfigResponse<'_>,
        HeartbeatResponse,
        NotificationResponse,
        OffsetResponse,
        PollingInfoResponse,
        PopLiteMessageResponse<'_>,
        PopMessageResponse<'_>,
        PullMessageResponse,
        QueryMessageResponse,
        RecallMessageResponse<'_>,
        RegionResponse<'_>,
        SendMessageResponse<'_>,
        WipeWritePermResponse,
    );
}

fn body(bytes: &[u8]) {
    if bytes.first() == Some(&b'{') {
        let _ = TopicRouteData::decode(bytes);
        let _ = HeartbeatData::decode(bytes);
        let _ = GetConsumerListByGroupResponseBody::decode(bytes);
    } else if !bytes.is_empty() {
        messages::walks(&Bytes::copy_from_slice(bytes), true);
    }
}

/// One JSON head.
pub fn header_json(data: &[u8]) {
    header(SerializeType::Json, data);
}

/// One binary head.
pub fn header_binary(data: &[u8]) {
    header(SerializeType::Rocketmq, data);
}

/// What changes in the answers to sends.
const CHANGING: [(&str, Changing); 3] =
    [("queueId", Changing::Int), ("queueOffset", Changing::Int), ("msgId", Changing::Text)];

/// Heads that are this one but for a byte are read by its shape as they are parsed, or not at all.
fn alike(serialize: SerializeType, data: &[u8], head: &Head<'_>) {
    let mut shape = HeadShape::default();
    if !shape.learn(serialize, data, head, &CHANGING) {
        return;
    }
    for at in 0..data.len() {
        let mut next = data.to_vec();
        next[at] ^= 1 << (at % 8);
        let Some(found) = shape.read(serialize, &next) else { continue };
        let (Some(opaque), Some(queue), Some(offset), Some(id)) =
            (found.opaque(), found.int(0), found.int(1), found.text(2))
        else {
            continue;
        };
        let parsed = Head::parse(serialize, &next).expect("it looks like one that was parsed");
        assert_eq!((parsed.code, parsed.flag, parsed.version), (head.code, head.flag, head.version));
        let numbers = [queue, offset].map(|number| number.to_string());
        let expected = [&*numbers[0], &*numbers[1], str::from_utf8(id).expect("plain")];
        assert_eq!(parsed.opaque, opaque);
        for ((key, _), value) in CHANGING.iter().zip(expected) {
            assert!(parsed.ext.get(key).is_some_and(|text| text == *value), "{key} of {parsed:?}");
        }
    }
}

fn header(serialize: SerializeType, data: &[u8]) {
    let Ok(head) = Head::parse(serialize, data) else { return };
    alike(serialize, data, &head);
    let fields: Vec<_> = head.ext.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert!(fields.len() <= MAX_EXT_FIELDS);
    for (key, value) in &fields {
        // Java's client writes some fields twice, the same.
        assert!(
            fields.iter().all(|(other, twin)| other != key || twin == value),
            "{key:?} twice in {head:?}"
        );
        assert!(head.ext.get(key).is_some_and(|text| text == **value));
    }
    typed_fields(&head);
    let once: BTreeMap<&str, &str> = fields.iter().map(|(key, value)| (&**key, &**value)).collect();
    let borrowed: Vec<(&str, &str)> = once.into_iter().collect();
    let remark = head.remark.map(|text| text.as_str());
    for form in [SerializeType::Json, SerializeType::Rocketmq] {
        let mut frame = Vec::new();
        if encode_head(&mut frame, form, &spec(&head, remark.as_deref()), &FieldList(&borrowed), 0).is_err() {
            assert_eq!(form, SerializeType::Rocketmq, "JSON takes what was read");
            continue;
        }
        let again = Head::parse(form, &frame[Prefix::LEN..]).expect("what is written can be read");
        same(&head, &again, form);
    }
}

/// The binary form cannot say an empty key, value or remark, and has 16 bits for the version.
fn same(head: &Head<'_>, again: &Head<'_>, form: SerializeType) {
    let binary = form == SerializeType::Rocketmq;
    let keep = |text: &str| !binary || !text.is_empty();
    let ext = |head: &Head<'_>| {
        let all =
            head.ext.iter().map(|(key, value)| (key.as_str().into_owned(), value.as_str().into_owned()));
        all.filter(|(key, value)| keep(key) && keep(value)).collect::<BTreeMap<_, _>>()
    };
    let remark =
        |head: &Head<'_>| head.remark.map(|text| text.as_str().into_owned()).filter(|text| keep(text));
    assert_eq!((head.code, head.opaque, head.flag), (again.code, again.opaque, again.flag));
    assert_eq!((ext(head), remark(head)), (ext(again), remark(again)));
    if !binary || i16::try_from(head.version.0).is_ok() {
        assert_eq!(head.version, again.version);
    }
}

fn spec<'a>(head: &Head<'_>, remark: Option<&'a str>) -> HeadSpec<'a> {
    HeadSpec {
        code: head.code,
        language: head.language.unwrap_or(LanguageCode::OTHER),
        version: Version(head.version.0),
        opaque: head.opaque,
        flag: head.flag,
        remark,
    }
}
