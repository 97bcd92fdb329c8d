//! The typed fields and bodies of every recorded request and answer.

use rocketmq_engine::wire::body::{self, BodyError};
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::fields::*;
use rocketmq_engine::wire::header::{DecodeFields, EncodeFields, FieldError, FieldSink, Head, Request};
use rocketmq_engine::wire::json::{Kind, Limits, Value};
use rocketmq_engine::wire::message::pop::BatchAckRequestBody;
use std::collections::{BTreeMap, BTreeSet};

use crate::recorded::{ext_of, parts};
use crate::support::{Frame, frames};

/// Fields that any request or answer may carry beside its own.
const COMMON: [&str; 11] = [
    "bname",
    "lo",
    "ns",
    "nsd",
    "oway",
    "AccessKey",
    "SecurityToken",
    "Signature",
    "ReqT",
    "MSG_REGION",
    "TRACE_ON",
];

/// Takes fields in, checking their order.
#[derive(Default)]
struct Collect(BTreeMap<String, String>);

impl FieldSink for Collect {
    fn text(&mut self, key: &str, value: &str) {
        assert!(
            self.0.last_key_value().is_none_or(|(last, _)| &**last < key),
            "{key} is not behind the others"
        );
        self.0.insert(key.into(), value.into());
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        self.text(key, &parts.concat());
    }

    fn int(&mut self, key: &str, value: i64) {
        self.text(key, &value.to_string());
    }
}

/// Fields as they are written.
pub(crate) fn collected<F: EncodeFields>(fields: &F) -> BTreeMap<String, String> {
    let mut sink = Collect::default();
    fields.encode(&mut sink);
    sink.0
}

type Again = Result<BTreeMap<String, String>, FieldError>;

fn again<'a, T: DecodeFields<'a> + EncodeFields>(head: &Head<'a>) -> Again {
    head.fields::<T>().map(|fields| collected(&fields))
}

/// The same of a request, whose type has to know the code it is listed under.
fn request_again<'a, T: DecodeFields<'a> + Request>(head: &Head<'a>) -> Again {
    assert_eq!(T::CODE, head.request_code());
    again::<T>(head)
}

macro_rules! by_code {
    ($code:expr, $do:ident($argument:expr), $($name:ident => $type:ty,)*) => {
        match $code {
            $(RequestCode::$name => Some($do::<$type>($argument)),)*
            _ => None,
        }
    };
}

fn typed_request(head: &Head<'_>) -> Option<Again> {
    by_code! {
        head.request_code(), request_again(head),
            SEND_MESSAGE => SendMessageRequest<'_>,
            PULL_MESSAGE => PullMessageRequest<'_>,
            QUERY_MESSAGE => QueryMessageRequest<'_>,
            QUERY_CONSUMER_OFFSET => QueryConsumerOffsetRequest<'_>,
            UPDATE_CONSUMER_OFFSET => UpdateConsumerOffsetRequest<'_>,
            UPDATE_AND_CREATE_TOPIC => CreateTopicRequest<'_>,
            UPDATE_AND_CREATE_TOPIC_LIST => CreateTopicListRequest,
            GET_ALL_TOPIC_CONFIG => GetAllTopicConfigRequest<'_>,
            UPDATE_BROKER_CONFIG => UpdateBrokerConfigRequest,
            GET_BROKER_CONFIG => GetBrokerConfigRequest,
            GET_BROKER_RUNTIME_INFO => GetBrokerRuntimeInfoRequest,
            SEARCH_OFFSET_BY_TIMESTAMP => SearchOffsetRequest<'_>,
            GET_MAX_OFFSET => GetMaxOffsetRequest<'_>,
            GET_MIN_OFFSET => GetMinOffsetRequest<'_>,
            GET_EARLIEST_MSG_STORETIME => GetEarliestMsgStoretimeRequest<'_>,
            VIEW_MESSAGE_BY_ID => ViewMessageRequest<'_>,
            HEART_BEAT => HeartbeatRequest,
            UNREGISTER_CLIENT => UnregisterClientRequest<'_>,
            CONSUMER_SEND_MSG_BACK => ConsumerSendMsgBackRequest<'_>,
            END_TRANSACTION => EndTransactionRequest<'_>,
            GET_CONSUMER_LIST_BY_GROUP => GetConsumerListByGroupRequest<'_>,
            CHECK_TRANSACTION_STATE => CheckTransactionStateRequest<'_>,
            NOTIFY_CONSUMER_IDS_CHANGED => NotifyConsumerIdsChangedRequest<'_>,
            LOCK_BATCH_MQ => LockBatchMqRequest,
            UNLOCK_BATCH_MQ => UnlockBatchMqRequest,
            GET_ALL_CONSUMER_OFFSET => GetAllConsumerOffsetRequest,
            CHECK_CLIENT_CONFIG => CheckClientConfigRequest,
            PUT_KV_CONFIG => PutKvConfigRequest<'_>,
            GET_KV_CONFIG => GetKvConfigRequest<'_>,
            DELETE_KV_CONFIG => DeleteKvConfigRequest<'_>,
            GET_ROUTEINFO_BY_TOPIC => GetRouteInfoRequest<'_>,
            GET_BROKER_CLUSTER_INFO => GetBrokerClusterInfoRequest,
            UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => UpdateSubscriptionGroupRequest,
            GET_ALL_SUBSCRIPTIONGROUP_CONFIG => GetAllSubscriptionGroupRequest<'_>,
            GET_TOPIC_STATS_INFO => GetTopicStatsInfoRequest<'_>,
            GET_CONSUMER_CONNECTION_LIST => GetConsumerConnectionListRequest<'_>,
            GET_PRODUCER_CONNECTION_LIST => GetProducerConnectionListRequest<'_>,
            GET_ALL_TOPIC_LIST_FROM_NAMESERVER => GetAllTopicListRequest,
            GET_CONSUME_STATS => GetConsumeStatsRequest<'_>,
            GET_KVLIST_BY_NAMESPACE => GetKvListByNamespaceRequest<'_>,
            RESET_CONSUMER_CLIENT_OFFSET => ResetConsumerClientOffsetRequest<'_>,
            GET_CONSUMER_STATUS_FROM_CLIENT => GetConsumerStatusFromClientRequest<'_>,
            INVOKE_BROKER_TO_RESET_OFFSET => ResetOffsetRequest<'_>,
            INVOKE_BROKER_TO_GET_CONSUMER_STATUS => GetConsumerStatusRequest<'_>,
            GET_TOPICS_BY_CLUSTER => GetTopicsByClusterRequest<'_>,
            UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST => UpdateSubscriptionGroupListRequest,
            QUERY_TOPIC_CONSUME_BY_WHO => QueryTopicConsumeByWhoRequest<'_>,
            QUERY_CONSUME_TIME_SPAN => QueryConsumeTimeSpanRequest<'_>,
            GET_SYSTEM_TOPIC_LIST_FROM_NS => GetSystemTopicListFromNsRequest,
            GET_SYSTEM_TOPIC_LIST_FROM_BROKER => GetSystemTopicListFromBrokerRequest,
            GET_CONSUMER_RUNNING_INFO => GetConsumerRunningInfoRequest<'_>,
            QUERY_CORRECTION_OFFSET => QueryCorrectionOffsetRequest<'_>,
            CONSUME_MESSAGE_DIRECTLY => ConsumeMessageDirectlyRequest<'_>,
            SEND_MESSAGE_V2 => SendMessageV2Request<'_>,
            GET_UNIT_TOPIC_LIST => GetUnitTopicListRequest,
            GET_HAS_UNIT_SUB_TOPIC_LIST => GetHasUnitSubTopicListRequest,
            GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST => GetHasUnitSubUnunitTopicListRequest,
            VIEW_BROKER_STATS_DATA => ViewBrokerStatsDataRequest<'_>,
            GET_BROKER_CONSUME_STATS => GetBrokerConsumeStatsRequest,
            GET_NAMESRV_CONFIG => GetNamesrvConfigRequest,
            SEND_BATCH_MESSAGE => SendBatchMessageRequest<'_>,
            QUERY_CONSUME_QUEUE => QueryConsumeQueueRequest<'_>,
            SEND_REPLY_MESSAGE => SendReplyMessageRequest<'_>,
            SEND_REPLY_MESSAGE_V2 => SendReplyMessageV2Request<'_>,
            PUSH_REPLY_MESSAGE_TO_CLIENT => PushReplyMessageRequest<'_>,
            GET_ALL_PRODUCER_INFO => GetAllProducerInfoRequest,
            QUERY_TOPICS_BY_CONSUMER => QueryTopicsByConsumerRequest<'_>,
            QUERY_SUBSCRIPTION_BY_CONSUMER => QuerySubscriptionByConsumerRequest<'_>,
            GET_TOPIC_CONFIG => GetTopicConfigRequest<'_>,
            GET_SUBSCRIPTIONGROUP_CONFIG => GetSubscriptionGroupConfigRequest<'_>,
            LITE_PULL_MESSAGE => LitePullMessageRequest<'_>,
            RECALL_MESSAGE => RecallMessageRequest<'_>,
            QUERY_ASSIGNMENT => QueryAssignmentRequest,
            SET_MESSAGE_REQUEST_MODE => SetMessageRequestModeRequest,
            UPDATE_AND_CREATE_STATIC_TOPIC => CreateStaticTopicRequest<'_>,
            GET_BROKER_MEMBER_GROUP => GetBrokerMemberGroupRequest<'_>,
            GET_BROKER_HA_STATUS => GetBrokerHaStatusRequest,
            GET_COLD_DATA_FLOW_CTR_INFO => GetColdDataFlowCtrInfoRequest,
            AUTH_CREATE_USER => CreateUserRequest<'_>,
            AUTH_UPDATE_USER => UpdateUserRequest<'_>,
            AUTH_DELETE_USER => DeleteUserRequest<'_>,
            AUTH_GET_USER => GetUserRequest<'_>,
            AUTH_LIST_USER => ListUsersRequest<'_>,
            AUTH_CREATE_ACL => CreateAclRequest<'_>,
            AUTH_UPDATE_ACL => UpdateAclRequest<'_>,
            AUTH_DELETE_ACL => DeleteAclRequest<'_>,
            AUTH_GET_ACL => GetAclRequest<'_>,
            AUTH_LIST_ACL => ListAclsRequest<'_>,
            POP_MESSAGE => PopMessageRequest<'_>,
            ACK_MESSAGE => AckMessageRequest<'_>,
            PEEK_MESSAGE => PeekMessageRequest<'_>,
            CHANGE_MESSAGE_INVISIBLETIME => ChangeInvisibleTimeRequest<'_>,
            NOTIFICATION => NotificationRequest<'_>,
            POLLING_INFO => PollingInfoRequest<'_>,
            POP_LITE_MESSAGE => PopLiteMessageRequest<'_>,
            LITE_SUBSCRIPTION_CTL => LiteSubscriptionCtlRequest,
            GET_BROKER_LITE_INFO => GetBrokerLiteInfoRequest,
            GET_PARENT_TOPIC_INFO => GetParentTopicInfoRequest<'_>,
            GET_LITE_TOPIC_INFO => GetLiteTopicInfoRequest<'_>,
            GET_LITE_CLIENT_INFO => GetLiteClientInfoRequest<'_>,
            GET_LITE_GROUP_INFO => GetLiteGroupInfoRequest<'_>,
            TRIGGER_LITE_DISPATCH => TriggerLiteDispatchRequest<'_>,
            BATCH_ACK_MESSAGE => BatchAckMessageRequest,
    }
}

fn typed_answer(code: RequestCode, head: &Head<'_>) -> Option<Again> {
    by_code! {
        code, again(head),
            SEND_MESSAGE => SendMessageResponse<'_>,
            SEND_MESSAGE_V2 => SendMessageResponse<'_>,
            SEND_BATCH_MESSAGE => SendMessageResponse<'_>,
            SEND_REPLY_MESSAGE_V2 => SendMessageResponse<'_>,
            PULL_MESSAGE => PullMessageResponse,
            LITE_PULL_MESSAGE => PullMessageResponse,
            QUERY_MESSAGE => QueryMessageResponse,
            QUERY_CONSUMER_OFFSET => OffsetResponse,
            SEARCH_OFFSET_BY_TIMESTAMP => OffsetResponse,
            GET_MAX_OFFSET => OffsetResponse,
            GET_MIN_OFFSET => OffsetResponse,
            GET_EARLIEST_MSG_STORETIME => GetEarliestMsgStoretimeResponse,
            HEART_BEAT => HeartbeatResponse,
            GET_ALL_TOPIC_CONFIG => GetAllTopicConfigResponse,
            GET_ALL_SUBSCRIPTIONGROUP_CONFIG => GetAllSubscriptionGroupResponse,
            GET_BROKER_CONFIG => GetBrokerConfigResponse<'_>,
            GET_KV_CONFIG => GetKvConfigResponse<'_>,
            RECALL_MESSAGE => RecallMessageResponse<'_>,
            POP_MESSAGE => PopMessageResponse<'_>,
            PEEK_MESSAGE => PopMessageResponse<'_>,
            CHANGE_MESSAGE_INVISIBLETIME => ChangeInvisibleTimeResponse,
            NOTIFICATION => NotificationResponse,
            POLLING_INFO => PollingInfoResponse,
            POP_LITE_MESSAGE => PopLiteMessageResponse<'_>,
    }
}

/// Nothing is lost and nothing is added but what anybody may add.
fn assert_same_fields(id: &str, recorded: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) {
    for (key, value) in ours {
        assert_eq!(recorded.get(key), Some(value), "{id}: {key}");
    }
    for key in recorded.keys().filter(|key| !ours.contains_key(*key)) {
        // The recorder's own raw requests to a proxy name the broker twice.
        let named_twice = key == "n" && recorded.contains_key("bname");
        assert!(COMMON.contains(&&**key) || named_twice, "{id}: {key} has no place in the typed fields");
    }
}

/// Answers by the frame they answer.
fn answers(frames: &[Frame]) -> BTreeMap<String, &Frame> {
    let answers = frames.iter().filter_map(|frame| {
        let answered = frame.java["answers"].as_i64()?;
        Some((format!("{}#{answered}", frame.journey), frame))
    });
    answers.collect()
}

#[test]
pub(crate) fn requests_have_typed_fields() {
    let frames = frames();
    let answers = answers(&frames);
    let mut refused = BTreeSet::new();
    for frame in frames.iter().filter(|frame| frame.java["kind"] != "response") {
        let (id, (_, head, _)) = (frame.id(), parts(&frame.bytes));
        match typed_request(&head) {
            // What Java made of pop codes in the binary form, and a code nobody knows.
            None => {
                assert!(
                    head.request_code().name().is_none(),
                    "{id}: {:?} has no fields",
                    head.request_code()
                );
            }
            Some(Ok(ours)) => assert_same_fields(&id, &ext_of(&head.ext), &ours),
            // The server did not like it either.
            Some(Err(error)) => {
                let code = answers[&id].java["code"].as_i64().unwrap();
                assert_ne!(code, 0, "{id}: {error}");
                refused.insert(format!("{:?}: {error}, answered {code}", head.request_code()));
            }
        }
    }
    // Requests recorded without the fields they need.
    let expected = [
        "GET_MAX_OFFSET (30): required ext field `queueId` is missing, answered 1",
        "GET_ROUTEINFO_BY_TOPIC (105): required ext field `topic` is missing, answered 17",
        "NOTIFICATION (200054): required ext field `bornTime` is missing, answered 3",
        "QUERY_MESSAGE (12): required ext field `beginTimestamp` is missing, answered 3",
        "SEND_REPLY_MESSAGE (324): required ext field `bornTimestamp` is missing, answered 3",
        "VIEW_MESSAGE_BY_ID (33): required ext field `offset` is missing, answered 3",
    ];
    assert_eq!(refused, expected.map(str::to_owned).into());
}

/// Codes with which an answer's fields are all there.
fn is_whole(code: ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::SUCCESS
            | ResponseCode::PULL_NOT_FOUND
            | ResponseCode::PULL_RETRY_IMMEDIATELY
            | ResponseCode::PULL_OFFSET_MOVED
            | ResponseCode::POLLING_TIMEOUT
    )
}

#[test]
pub(crate) fn answers_have_typed_fields() {
    let mut refused = 0;
    for frame in frames().iter().filter(|frame| frame.java["kind"] == "response") {
        let (id, (_, head, _)) = (frame.id(), parts(&frame.bytes));
        let Some(asked) = frame.java["answersCode"].as_i64() else { continue };
        let recorded = ext_of(&head.ext);
        match typed_answer(RequestCode(asked as i32), &head) {
            None => assert_same_fields(&id, &recorded, &BTreeMap::new()),
            Some(Ok(ours)) if is_whole(head.response_code()) => assert_same_fields(&id, &recorded, &ours),
            Some(Err(error)) if is_whole(head.response_code()) => panic!("{id}: {error}"),
            // A refusal has some of the fields or none.
            Some(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused}");
}

/// A typed body: text -> value -> text -> value.
pub(crate) trait TypedBody: Sized + PartialEq + std::fmt::Debug {
    fn read(body: &[u8]) -> Result<Self, String>;
    fn written(&self) -> Vec<u8>;
}

macro_rules! typed_bodies {
    ($($type:ty),* $(,)?) => { $(
        impl TypedBody for $type {
            fn read(body: &[u8]) -> Result<Self, String> {
                <$type>::decode(body).map_err(|error| error.to_string())
            }

            fn written(&self) -> Vec<u8> {
                self.encode()
            }
        }
    )* };
}

typed_bodies!(
    BatchAckRequestBody,
    body::AclInfo,
    body::BrokerStatsData,
    body::CheckClientRequestBody,
    body::ClusterInfo,
    body::ConsumeMessageDirectlyResult,
    body::ConsumeStats,
    body::ConsumeStatsList,
    body::ConsumerConnection,
    body::ConsumerOffsetSerializeWrapper,
    body::ConsumerRunningInfo,
    body::CreateTopicListRequestBody,
    body::BrokerMemberGroup,
    body::DataVersion,
    body::GetBrokerLiteInfoResponseBody,
    body::GetBrokerMemberGroupResponseBody,
    body::GetConsumerListByGroupResponseBody,
    body::GetConsumerStatusBody,
    body::GetLiteClientInfoResponseBody,
    body::GetLiteGroupInfoResponseBody,
    body::GetLiteTopicInfoResponseBody,
    body::GetParentTopicInfoResponseBody,
    body::GroupList,
    body::HaRuntimeInfo,
    body::HeartbeatData,
    body::KvTable,
    body::LiteSubscriptionCtlRequestBody,
    body::LockBatchRequestBody,
    body::LockBatchResponseBody,
    body::ProducerConnection,
    body::ProducerTableInfo,
    body::QueryAssignmentRequestBody,
    body::QueryAssignmentResponseBody,
    body::QueryConsumeQueueResponseBody,
    body::QueryConsumeTimeSpanBody,
    body::QueryCorrectionOffsetBody,
    body::QuerySubscriptionResponseBody,
    body::ResetOffsetBody,
    body::SetMessageRequestModeRequestBody,
    body::SubscriptionGroupConfig,
    body::SubscriptionGroupList,
    body::SubscriptionGroupWrapper,
    body::TopicConfig,
    body::TopicConfigSerializeWrapper,
    body::TopicList,
    body::TopicQueueMappingDetail,
    body::TopicRouteData,
    body::TopicStatsTable,
    body::UnlockBatchRequestBody,
    body::UserInfo,
);

/// Every member that was recorded is written again with the same value; more may be written, which Java leaves out.
fn covers(recorded: &Value<'_>, ours: &Value<'_>, path: &str) -> Result<(), String> {
    let differ = || Err(format!("{path}: {recorded:?} became {ours:?}"));
    match (recorded.kind(), ours.kind()) {
        (Kind::Object(members), Kind::Object(_)) => {
            for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let found = ours.members().into_iter().flatten().find(|(ours, _)| same_key(key, ours));
                let Some((_, ours)) = found else { return Err(format!("{path}: {key:?} is lost")) };
                covers(value, ours, &format!("{path}.{key:?}"))?;
            }
            Ok(())
        }
        (Kind::Array(items), Kind::Array(ours)) if items.len() == ours.len() => {
            items.iter().zip(ours).try_for_each(|(item, ours)| covers(item, ours, &format!("{path}[]")))
        }
        (Kind::Number(a), Kind::Number(b)) if a.parse::<f64>() == b.parse::<f64>() => Ok(()),
        _ if recorded == ours => Ok(()),
        _ => differ(),
    }
}

fn same_key(recorded: &Value<'_>, ours: &Value<'_>) -> bool {
    match (recorded.as_text(), ours.as_text()) {
        (Some(a), Some(b)) => a == b,
        _ => covers(recorded, ours, "key").is_ok(),
    }
}

/// A recorded body becomes a value, and the value a body that says the same.
pub(crate) fn body_again<T: TypedBody>(body: &[u8]) -> Result<Vec<u8>, String> {
    let value = T::read(body)?;
    let written = value.written();
    if T::read(&written).as_ref() != Ok(&value) {
        return Err(format!("{value:?} became {}", String::from_utf8_lossy(&written)));
    }
    let tree = |text| Value::parse(text, &Limits::default()).map_err(|error| error.to_string());
    covers(&tree(body)?, &tree(&written)?, "$")?;
    Ok(written)
}

/// The list a broker pushes for tools of C++: the rows are sorted when they are written again.
fn reset_list(body: &[u8]) -> Result<Vec<u8>, String> {
    let read = body::ResetOffsetBody::decode(body).map_err(|error| error.to_string())?;
    let written = read.encode_list();
    let same = body::ResetOffsetBody::decode(&written).as_ref() == Ok(&read) && written.len() == body.len();
    if same { Ok(written) } else { Err(format!("{read:?}")) }
}

fn request_body(code: RequestCode, body: &[u8]) -> Option<Result<Vec<u8>, String>> {
    use rocketmq_engine::wire::body::*;
    by_code! {
        code, body_again(body),
            QUERY_ASSIGNMENT => QueryAssignmentRequestBody,
            SET_MESSAGE_REQUEST_MODE => SetMessageRequestModeRequestBody,
            HEART_BEAT => HeartbeatData,
            LOCK_BATCH_MQ => LockBatchRequestBody,
            UNLOCK_BATCH_MQ => UnlockBatchRequestBody,
            CHECK_CLIENT_CONFIG => CheckClientRequestBody,
            UPDATE_AND_CREATE_TOPIC_LIST => CreateTopicListRequestBody,
            UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => SubscriptionGroupConfig,
            UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST => SubscriptionGroupList,
            RESET_CONSUMER_CLIENT_OFFSET => ResetOffsetBody,
            UPDATE_AND_CREATE_STATIC_TOPIC => TopicQueueMappingDetail,
            AUTH_CREATE_USER => UserInfo,
            AUTH_UPDATE_USER => UserInfo,
            AUTH_CREATE_ACL => AclInfo,
            AUTH_UPDATE_ACL => AclInfo,
            LITE_SUBSCRIPTION_CTL => LiteSubscriptionCtlRequestBody,
            BATCH_ACK_MESSAGE => BatchAckRequestBody,
    }
}

fn answer_body(code: RequestCode, body: &[u8]) -> Option<Result<Vec<u8>, String>> {
    use rocketmq_engine::wire::body::*;
    by_code! {
        code, body_again(body),
            GET_ROUTEINFO_BY_TOPIC => TopicRouteData,
            GET_BROKER_CLUSTER_INFO => ClusterInfo,
            GET_CONSUMER_LIST_BY_GROUP => GetConsumerListByGroupResponseBody,
            LOCK_BATCH_MQ => LockBatchResponseBody,
            QUERY_ASSIGNMENT => QueryAssignmentResponseBody,
            GET_ALL_TOPIC_CONFIG => TopicConfigSerializeWrapper,
            GET_ALL_SUBSCRIPTIONGROUP_CONFIG => SubscriptionGroupWrapper,
            GET_TOPIC_STATS_INFO => TopicStatsTable,
            GET_CONSUME_STATS => ConsumeStats,
            GET_CONSUMER_CONNECTION_LIST => ConsumerConnection,
            GET_PRODUCER_CONNECTION_LIST => ProducerConnection,
            GET_ALL_TOPIC_LIST_FROM_NAMESERVER => TopicList,
            GET_TOPICS_BY_CLUSTER => TopicList,
            GET_SYSTEM_TOPIC_LIST_FROM_NS => TopicList,
            GET_SYSTEM_TOPIC_LIST_FROM_BROKER => TopicList,
            GET_UNIT_TOPIC_LIST => TopicList,
            GET_HAS_UNIT_SUB_TOPIC_LIST => TopicList,
            GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST => TopicList,
            QUERY_TOPICS_BY_CONSUMER => TopicList,
            QUERY_TOPIC_CONSUME_BY_WHO => GroupList,
            GET_KVLIST_BY_NAMESPACE => KvTable,
            GET_BROKER_RUNTIME_INFO => KvTable,
            INVOKE_BROKER_TO_RESET_OFFSET => ResetOffsetBody,
            INVOKE_BROKER_TO_GET_CONSUMER_STATUS => GetConsumerStatusBody,
            GET_CONSUMER_STATUS_FROM_CLIENT => GetConsumerStatusBody,
            QUERY_CONSUME_TIME_SPAN => QueryConsumeTimeSpanBody,
            GET_CONSUMER_RUNNING_INFO => ConsumerRunningInfo,
            CONSUME_MESSAGE_DIRECTLY => ConsumeMessageDirectlyResult,
            QUERY_CORRECTION_OFFSET => QueryCorrectionOffsetBody,
            VIEW_BROKER_STATS_DATA => BrokerStatsData,
            GET_BROKER_CONSUME_STATS => ConsumeStatsList,
            QUERY_CONSUME_QUEUE => QueryConsumeQueueResponseBody,
            GET_ALL_PRODUCER_INFO => ProducerTableInfo,
            QUERY_SUBSCRIPTION_BY_CONSUMER => QuerySubscriptionResponseBody,
            GET_TOPIC_CONFIG => TopicConfig,
            GET_SUBSCRIPTIONGROUP_CONFIG => SubscriptionGroupConfig,
            GET_ALL_CONSUMER_OFFSET => ConsumerOffsetSerializeWrapper,
            GET_BROKER_MEMBER_GROUP => GetBrokerMemberGroupResponseBody,
            GET_BROKER_HA_STATUS => HaRuntimeInfo,
            AUTH_GET_USER => UserInfo,
            AUTH_GET_ACL => AclInfo,
            GET_BROKER_LITE_INFO => GetBrokerLiteInfoResponseBody,
            GET_PARENT_TOPIC_INFO => GetParentTopicInfoResponseBody,
            GET_LITE_TOPIC_INFO => GetLiteTopicInfoResponseBody,
            GET_LITE_CLIENT_INFO => GetLiteClientInfoResponseBody,
            GET_LITE_GROUP_INFO => GetLiteGroupInfoResponseBody,
    }
}

/// Lists at the top, which have functions of their own.
fn answer_list(code: RequestCode, body: &[u8]) -> Option<Result<Vec<u8>, BodyError>> {
    match code {
        RequestCode::AUTH_LIST_USER => {
            Some(body::UserInfo::decode_all(body).map(|users| body::UserInfo::encode_all(&users)))
        }
        RequestCode::AUTH_LIST_ACL => {
            Some(body::AclInfo::decode_all(body).map(|acls| body::AclInfo::encode_all(&acls)))
        }
        _ => None,
    }
}

/// Bodies that are no JSON: messages, properties text, and one whose members are a broker's own.
const OPAQUE_REQUESTS: [RequestCode; 8] = [
    RequestCode::SEND_MESSAGE,
    RequestCode::SEND_MESSAGE_V2,
    RequestCode::SEND_BATCH_MESSAGE,
    RequestCode::SEND_REPLY_MESSAGE_V2,
    RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT,
    RequestCode::CHECK_TRANSACTION_STATE,
    RequestCode::CONSUME_MESSAGE_DIRECTLY,
    RequestCode::UPDATE_BROKER_CONFIG,
];
const OPAQUE_ANSWERS: [RequestCode; 10] = [
    RequestCode::PULL_MESSAGE,
    RequestCode::LITE_PULL_MESSAGE,
    RequestCode::POP_MESSAGE,
    RequestCode::POP_LITE_MESSAGE,
    RequestCode::PEEK_MESSAGE,
    RequestCode::QUERY_MESSAGE,
    RequestCode::VIEW_MESSAGE_BY_ID,
    RequestCode::GET_BROKER_CONFIG,
    RequestCode::GET_NAMESRV_CONFIG,
    RequestCode::GET_COLD_DATA_FLOW_CTR_INFO,
];

#[test]
pub(crate) fn bodies_have_types() {
    let (mut read, mut opaque) = (0, 0);
    for frame in frames() {
        let (id, (_, head, body)) = (frame.id(), parts(&frame.bytes));
        if body.is_empty() {
            continue;
        }
        let asked = RequestCode(frame.java["answersCode"].as_i64().map_or(head.code, |code| code as i32));
        let written = if body.starts_with(br#"{"offsetTable":["#) {
            Some(reset_list(body))
        } else if !head.is_response() {
            request_body(asked, body)
        } else if head.code == 0 {
            answer_body(asked, body)
                .or_else(|| Some(answer_list(asked, body)?.map_err(|error| error.to_string())))
        } else {
            // A proxy sends a request's body back with its refusal.
            request_body(asked, body)
        };
        match written {
            Some(Ok(written)) => {
                read += 1;
                if answer_list(asked, body).is_some() && head.is_response() {
                    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(body), "{id}");
                }
            }
            Some(Err(error)) => panic!("{id} {asked:?}: {error}"),
            None => {
                let known = if head.is_response() { &OPAQUE_ANSWERS[..] } else { &OPAQUE_REQUESTS[..] };
                assert!(known.contains(&asked), "{id}: {asked:?}");
                opaque += 1;
            }
        }
    }
    assert!(read > 500 && opaque > 200, "{read} read, {opaque} opaque");
}
