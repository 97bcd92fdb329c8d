//! Who is connected with a group, and what it subscribes to.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{SubscriptionData, body};

body! {
    /// One client: `Connection`.
    #[derive(Eq, Hash)]
    Connection {
        /// Its address.
        client_addr: Option<String> = "clientAddr",
        /// Its id.
        client_id: Option<String> = "clientId",
        /// Its language; brokers that do not know it leave it out.
        language: Option<String> = "language",
        /// Its version's number.
        version: i32 = "version",
    }

    /// The answer to GET_CONSUMER_CONNECTION_LIST (203): `ConsumerConnection`.
    #[derive(Eq, Hash)]
    ConsumerConnection {
        /// The clients.
        connection_set: Vec<Connection> = "connectionSet",
        /// Where a new group begins.
        consume_from_where: Option<String> = "consumeFromWhere",
        /// Pull, push or pop.
        consume_type: Option<String> = "consumeType",
        /// `CLUSTERING` or `BROADCASTING`.
        message_model: Option<String> = "messageModel",
        /// By topic.
        subscription_table: BTreeMap<String, SubscriptionData> = "subscriptionTable",
    }

    /// The answer to GET_PRODUCER_CONNECTION_LIST (204): `ProducerConnection`.
    #[derive(Eq, Hash)]
    ProducerConnection {
        /// The clients.
        connection_set: Vec<Connection> = "connectionSet",
    }

    /// The answer to GET_ALL_PRODUCER_INFO (328): `ProducerTableInfo`.
    #[derive(Eq, Hash)]
    ProducerTableInfo {
        /// By group.
        data: BTreeMap<String, Vec<ProducerInfo>> = "data",
    }

    /// One producer: `ProducerInfo`.
    #[derive(Eq, Hash)]
    ProducerInfo {
        /// Its id.
        client_id: Option<String> = "clientId",
        /// Its language.
        language: Option<String> = "language",
        /// Its last heartbeat, milliseconds since 1970.
        last_update_timestamp: i64 = "lastUpdateTimestamp",
        /// Its address.
        remote_ip: Option<String> = "remoteIP",
        /// Its version's number.
        version: i32 = "version",
    }

    /// The answer to QUERY_SUBSCRIPTION_BY_CONSUMER (345): `QuerySubscriptionResponseBody`.
    #[derive(Eq, Hash)]
    QuerySubscriptionResponseBody {
        /// The group.
        group: Option<String> = "group",
        /// The subscription, if the group has one.
        subscription_data: Option<SubscriptionData> = "subscriptionData",
        /// The topic.
        topic: Option<String> = "topic",
    }

    /// The body of CHECK_CLIENT_CONFIG (46): `CheckClientRequestBody`.
    #[derive(Eq, Hash)]
    CheckClientRequestBody {
        /// Who asks.
        client_id: String = "clientId",
        /// Its group.
        group: String = "group",
        /// Its namespace.
        namespace: Option<String> = "namespace",
        /// What is to be checked.
        subscription_data: Option<SubscriptionData> = "subscriptionData",
    }
}
