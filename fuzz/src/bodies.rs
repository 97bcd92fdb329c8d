//! JSON bodies. What serde_json takes, ours takes, and reads the same from it.

use rocketmq_engine::wire::body::*;
use rocketmq_engine::wire::json::{JsonErrorKind, Kind, Limits, Value};
use rocketmq_engine::wire::message::pop::BatchAckRequestBody;
use serde_json::Value as Strict;

/// One JSON text.
pub fn json_body(data: &[u8]) {
    let limits = Limits { max_depth: 16, max_nodes: 4096 };
    let ours = Value::parse(data, &limits);
    if let Err(error) = &ours {
        assert!(error.at <= data.len());
    }
    let references = data.windows(2).any(|pair| pair == b"$r" || pair == b"\\u");
    match (serde_json::from_slice::<Strict>(data), &ours) {
        // Replaced while it is read: the texts differ on purpose.
        _ if references => {}
        (Ok(strict), Ok(ours)) => assert!(agrees(&strict, ours), "{strict} is read as {ours:?}"),
        (Ok(strict), Err(error)) => {
            let limited = matches!(error.kind, JsonErrorKind::Depth { .. } | JsonErrorKind::Nodes { .. });
            assert!(limited, "{strict} is refused: {error}");
        }
        (Err(_), _) => {}
    }
    if let Ok(ours) = &ours {
        assert!(nodes(ours) <= 2 * limits.max_nodes, "{} values of {} bytes", nodes(ours), data.len());
    }
    typed(data);
}

fn nodes(value: &Value<'_>) -> usize {
    1 + match value.kind() {
        Kind::Array(items) => items.iter().map(nodes).sum(),
        Kind::Object(members) => members.iter().map(|(key, value)| nodes(key) + nodes(value)).sum(),
        _ => 0,
    }
}

fn agrees(strict: &Strict, ours: &Value<'_>) -> bool {
    match (strict, ours.kind()) {
        (Strict::Null, Kind::Null) => true,
        (Strict::Bool(a), Kind::Bool(b)) => a == b,
        (Strict::String(a), Kind::String(b)) => *b == **a,
        (Strict::Number(a), Kind::Number(raw)) => match a.as_i64() {
            Some(whole) => ours.to_i64() == Some(whole),
            None => raw.parse::<f64>().ok().zip(a.as_f64()).is_some_and(|(x, y)| near(x, y)),
        },
        (Strict::Array(a), Kind::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b))
        }
        // Of equal names both take the last.
        (Strict::Object(a), Kind::Object(_)) => {
            a.iter().all(|(name, a)| ours.get(name).is_some_and(|b| agrees(a, b)))
        }
        _ => false,
    }
}

/// serde_json's quick reading of a fraction may be off in its last digits.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= a.abs().max(b.abs()) * 1e-12
}

/// What a body is read as is written so that it is read the same. A quarter of the types for each length.
fn typed(data: &[u8]) {
    macro_rules! each { ($turn:literal: $($type:ty),* $(,)?) => {
        if data.len() % 4 == $turn { $(
            if let Ok(body) = <$type>::decode(data) {
                assert_eq!(<$type>::decode(&body.encode()).as_ref(), Ok(&body));
            }
        )* }
    } }
    each!(0: AclInfo, BrokerStatsItem, ConsumeMessageDirectlyResult, ConsumeStatus, ConsumerRunningInfo, DeleteSubscriptionGroupListBody, GetConsumerListByGroupResponseBody, GetLiteTopicInfoResponseBody, GroupRetryPolicy, HeartbeatData, LiteSubscriptionCtlRequestBody, LogicQueueMappingItem, OffsetWrapper, ProcessQueueInfo, ProducerTableInfo, QueryConsumeTimeSpanBody, QueueTimeSpan, SubscriptionData, TopicConfig, TopicQueueMappingDetail, UnlockBatchRequestBody);
    each!(1: BrokerData, CheckClientRequestBody, ConsumeQueueData, ConsumerConnection, CreateTopicListRequestBody, ExponentialRetryPolicy, GetConsumerStatusBody, GetParentTopicInfoResponseBody, HaClientRuntimeInfo, KvTable, LiteSubscriptionDto, MessageQueue, PolicyEntryInfo, ProducerConnection, QueryAssignmentRequestBody, QueryCorrectionOffsetBody, ResetOffsetBody, SubscriptionGroupConfig, TopicConfigSerializeWrapper, TopicQueueMappingInfo, UserInfo);
    each!(2: BrokerMemberGroup, ClusterInfo, ConsumeStats, ConsumerData, CustomizedRetryPolicy, GetBrokerLiteInfoResponseBody, GetLiteClientInfoResponseBody, GroupForbidden, HaConnectionRuntimeInfo, LiteLagInfo, LockBatchRequestBody, MessageQueueAssignment, PolicyInfo, ProducerData, QueryAssignmentResponseBody, QuerySubscriptionResponseBody, SetMessageRequestModeRequestBody, SubscriptionGroupList, TopicList, TopicRouteData);
    each!(3: BrokerStatsData, Connection, ConsumeStatsList, ConsumerOffsetSerializeWrapper, DataVersion, GetBrokerMemberGroupResponseBody, GetLiteGroupInfoResponseBody, GroupList, HaRuntimeInfo, LiteSubscriber, LockBatchResponseBody, OffsetOption, PopProcessQueueInfo, ProducerInfo, QueryConsumeQueueResponseBody, QueueData, SimpleSubscriptionData, SubscriptionGroupWrapper, TopicOffset, TopicStatsTable);
    if let Ok(body) = BatchAckRequestBody::decode(data) {
        assert_eq!(BatchAckRequestBody::decode(&body.encode()).as_ref(), Ok(&body));
    }
    if let Ok(users) = UserInfo::decode_all(data) {
        assert_eq!(UserInfo::decode_all(&UserInfo::encode_all(&users)).as_ref(), Ok(&users));
    }
    if let Ok(acls) = AclInfo::decode_all(data) {
        assert_eq!(AclInfo::decode_all(&AclInfo::encode_all(&acls)).as_ref(), Ok(&acls));
    }
}
