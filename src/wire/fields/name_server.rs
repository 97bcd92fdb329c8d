//! What an administrator asks of a name server.

use alloc::borrow::Cow;

use super::{bare, fields};

fields! {
    /// GET_TOPICS_BY_CLUSTER (224): `GetTopicsByClusterRequestHeader`. Answer: a `TopicList`.
    GetTopicsByClusterRequest<'a> = GET_TOPICS_BY_CLUSTER {
        /// The cluster.
        cluster: Cow<'a, str> = "cluster",
    }

    /// DELETE_TOPIC_IN_NAMESRV (216): `DeleteTopicFromNamesrvRequestHeader`.
    DeleteTopicFromNamesrvRequest<'a> = DELETE_TOPIC_IN_NAMESRV {
        /// Only in this cluster.
        cluster_name: Option<Cow<'a, str>> = "clusterName",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// REGISTER_TOPIC_IN_NAMESRV (217): `RegisterTopicRequestHeader`. Body: a `TopicRouteData`.
    RegisterTopicRequest<'a> = REGISTER_TOPIC_IN_NAMESRV {
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// PUT_KV_CONFIG (100): `PutKVConfigRequestHeader`. Order topics are in namespace `ORDER_TOPIC_CONFIG`.
    PutKvConfigRequest<'a> = PUT_KV_CONFIG {
        /// The key.
        key: Cow<'a, str> = "key",
        /// The namespace.
        namespace: Cow<'a, str> = "namespace",
        /// The value.
        value: Cow<'a, str> = "value",
    }

    /// GET_KV_CONFIG (101): `GetKVConfigRequestHeader`. Answer: [`GetKvConfigResponse`], or code 22.
    GetKvConfigRequest<'a> = GET_KV_CONFIG {
        /// The key.
        key: Cow<'a, str> = "key",
        /// The namespace.
        namespace: Cow<'a, str> = "namespace",
    }

    /// The answer to GET_KV_CONFIG: `GetKVConfigResponseHeader`.
    GetKvConfigResponse<'a> {
        /// The value.
        value: Option<Cow<'a, str>> = "value",
    }

    /// DELETE_KV_CONFIG (102): `DeleteKVConfigRequestHeader`.
    DeleteKvConfigRequest<'a> = DELETE_KV_CONFIG {
        /// The key.
        key: Cow<'a, str> = "key",
        /// The namespace.
        namespace: Cow<'a, str> = "namespace",
    }

    /// GET_KVLIST_BY_NAMESPACE (219): `GetKVListByNamespaceRequestHeader`. Answer: a `KvTable`, or code 22.
    GetKvListByNamespaceRequest<'a> = GET_KVLIST_BY_NAMESPACE {
        /// The namespace.
        namespace: Cow<'a, str> = "namespace",
    }

    /// WIPE_WRITE_PERM_OF_BROKER (205): `WipeWritePermOfBrokerRequestHeader`.
    WipeWritePermRequest<'a> = WIPE_WRITE_PERM_OF_BROKER {
        /// The broker.
        broker_name: Cow<'a, str> = "brokerName",
    }

    /// The answer to WIPE_WRITE_PERM_OF_BROKER: `WipeWritePermOfBrokerResponseHeader`.
    WipeWritePermResponse {
        /// Topics changed.
        wipe_topic_count: i32 = "wipeTopicCount",
    }

    /// ADD_WRITE_PERM_OF_BROKER (327): `AddWritePermOfBrokerRequestHeader`.
    AddWritePermRequest<'a> = ADD_WRITE_PERM_OF_BROKER {
        /// The broker.
        broker_name: Cow<'a, str> = "brokerName",
    }

    /// The answer to ADD_WRITE_PERM_OF_BROKER: `AddWritePermOfBrokerResponseHeader`.
    AddWritePermResponse {
        /// Topics changed.
        add_topic_count: i32 = "addTopicCount",
    }

    /// GET_BROKER_MEMBER_GROUP (901): `GetBrokerMemberGroupRequestHeader`. Answer: a `GetBrokerMemberGroupResponseBody`.
    GetBrokerMemberGroupRequest<'a> = GET_BROKER_MEMBER_GROUP {
        /// The broker.
        broker_name: Cow<'a, str> = "brokerName",
        /// Its cluster.
        cluster_name: Cow<'a, str> = "clusterName",
    }
}

bare! {
    /// GET_BROKER_CLUSTER_INFO (106). Answer: `ClusterInfo`.
    GetBrokerClusterInfoRequest = GET_BROKER_CLUSTER_INFO;
    /// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206). Answer: a `TopicList`.
    GetAllTopicListRequest = GET_ALL_TOPIC_LIST_FROM_NAMESERVER;
    /// GET_SYSTEM_TOPIC_LIST_FROM_NS (304). Answer: a `TopicList`.
    GetSystemTopicListFromNsRequest = GET_SYSTEM_TOPIC_LIST_FROM_NS;
    /// GET_UNIT_TOPIC_LIST (311). Answer: a `TopicList`.
    GetUnitTopicListRequest = GET_UNIT_TOPIC_LIST;
    /// GET_HAS_UNIT_SUB_TOPIC_LIST (312). Answer: a `TopicList`.
    GetHasUnitSubTopicListRequest = GET_HAS_UNIT_SUB_TOPIC_LIST;
    /// GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST (313). Answer: a `TopicList`.
    GetHasUnitSubUnunitTopicListRequest = GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST;
    /// GET_NAMESRV_CONFIG (319). Answer: properties text.
    GetNamesrvConfigRequest = GET_NAMESRV_CONFIG;
    /// UPDATE_NAMESRV_CONFIG (318). Body: properties text.
    UpdateNamesrvConfigRequest = UPDATE_NAMESRV_CONFIG;
}
