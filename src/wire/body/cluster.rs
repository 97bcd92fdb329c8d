//! Clusters and their brokers.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BrokerData, body};

body! {
    /// The answer to GET_BROKER_CLUSTER_INFO (106): `ClusterInfo`.
    #[derive(Eq, Hash)]
    ClusterInfo {
        /// Brokers by name.
        broker_addr_table: BTreeMap<String, BrokerData> = "brokerAddrTable",
        /// Names of brokers by cluster.
        cluster_addr_table: BTreeMap<String, Vec<String>> = "clusterAddrTable",
    }

    /// The answer to GET_BROKER_MEMBER_GROUP (901): `GetBrokerMemberGroupResponseBody`.
    #[derive(Eq, Hash)]
    GetBrokerMemberGroupResponseBody {
        /// The replicas.
        broker_member_group: Option<BrokerMemberGroup> = "brokerMemberGroup",
    }

    /// A broker and its replicas: `BrokerMemberGroup`.
    #[derive(Eq, Hash)]
    BrokerMemberGroup {
        /// Addresses by replica id, 0 is the master.
        broker_addrs: BTreeMap<i64, String> = "brokerAddrs",
        /// The broker.
        broker_name: String = "brokerName",
        /// Its cluster.
        cluster: String = "cluster",
    }
}
