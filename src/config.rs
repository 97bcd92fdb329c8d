//! What can be set about a client, with Java's names and defaults (`ClientConfig`).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use thiserror::Error;

use crate::client::endpoint::{Endpoint, Role};
use crate::connection::ConnectionConfig;
use crate::wire::message::NameError;

/// Configuration of a [`Client`](crate::Client).
///
/// ```
/// use rocketmq_engine::ClientConfig;
///
/// let mut config = ClientConfig::new("10.0.0.1:9876;10.0.0.2:9876").unwrap();
/// // A broker in a container names an address nobody outside can reach.
/// config.map_broker_address("172.17.0.2:10911", "localhost:20911");
/// assert_eq!(config.name_servers().len(), 2);
/// assert!(ClientConfig::new("nowhere").is_err());
/// ```
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, Hash)]
#[non_exhaustive]
pub struct ClientConfig {
    name_servers: Vec<Endpoint>,
    address_map: Vec<(String, String)>,
    /// `clientIP`: the first part of the client's id, and of unique message ids. Default 127.0.0.1; adapters set
    /// the address they connect from.
    pub client_ip: IpAddr,
    /// Process id, for unique message ids and the client's id. Default 0; adapters set it.
    pub process_id: u32,
    /// `instanceName`: second part of the client's id. `None`: process id and 64 random bits, so that two clients
    /// never share an id by accident, which would make them consume the same queues.
    pub instance_name: Option<String>,
    /// `unitName`: third part of the client's id, if set.
    pub unit_name: Option<String>,
    /// Seconds east of UTC: unique message ids count milliseconds of the local month. Default 0.
    pub utc_offset_seconds: i32,
    /// Settings of each connection.
    pub connection: ConnectionConfig,
    /// `connectTimeoutMillis`: 3 s to make a connection, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// First pause after a failed connection: 100 ms, doubled with each failure, with jitter.
    pub backoff_first: Duration,
    /// Longest pause between two attempts: 10 s.
    pub backoff_most: Duration,
    /// `mqClientApiTimeout`: 3 s for heartbeats and the like.
    pub request_timeout: Duration,
    /// How long one name server may take before the next is asked: 1 s.
    pub name_server_timeout: Duration,
    /// `pollNameServerInterval`: routes in use are asked for anew every 30 s.
    pub poll_name_server_interval: Duration,
    /// `heartbeatBrokerInterval`: brokers in use are told who is there every 30 s.
    pub heartbeat_broker_interval: Duration,
    /// `clientChannelMaxIdleTimeSeconds`: a connection without traffic closes after 120 s.
    pub idle_timeout: Duration,
    /// Bytes this client holds at most, all told ([`Client::held_bytes`](crate::Client::held_bytes)): 1 GiB. Half is
    /// for sends, from acceptance until their ending is polled; what would go beyond is refused. Half is for what
    /// comes in: when half of that is spent nothing is pulled and reading from brokers pauses, so that what is on its
    /// way already finds room. At least eight times `connection.frame_limits.max_frame`.
    pub memory_budget: usize,
    /// Sends that may be under way at once: 65,535 (Java `clientAsyncSemaphoreValue`).
    pub max_pending_sends: usize,
    /// Topics and brokers this client remembers by name: 65,536. What is beyond is left out of routes, with a notice;
    /// [`Client::topic`](crate::Client::topic) refuses it.
    pub max_names: usize,
    /// Producers and consumers this client can have together: 1,024. Heartbeats name them all.
    pub max_groups: usize,
    /// Notices kept until they are polled: 1,024, then the oldest is dropped and counted.
    pub max_notices: usize,
}

/// A configuration is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No name server was given.
    #[error("no name server given: write HOST:PORT, several with ; between")]
    NoNameServer,
    /// A name server's address cannot be read.
    #[error("{address:?} is no name server address: write HOST:PORT, several with ; between")]
    NameServer {
        /// What was given.
        address: String,
    },
    /// A value outside its range.
    #[error("{field} is {value}, allowed is {min} to {max}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was given; times in milliseconds.
        value: u64,
        /// Least allowed.
        min: u64,
        /// Most allowed.
        max: u64,
    },
    /// A group's name.
    #[error("{0}")]
    Group(#[from] NameError),
    /// A group name that Java keeps for itself.
    #[error("the group name {0} is reserved: choose another")]
    ReservedGroup(&'static str),
}

/// Checks values against ranges; the first outside is the error.
pub(crate) fn check_ranges(values: &[(&'static str, u64, u64, u64)]) -> Result<(), ConfigError> {
    match values.iter().find(|(_, value, min, max)| value < min || value > max) {
        Some(&(field, value, min, max)) => Err(ConfigError::Range { field, value, min, max }),
        None => Ok(()),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl ClientConfig {
    /// Java's defaults, and name servers as `host:port;host:port` (Java `namesrvAddr`).
    pub fn new(name_servers: &str) -> Result<Self, ConfigError> {
        let texts = name_servers.split(';').map(str::trim).filter(|text| !text.is_empty());
        let parse = |text: &str| {
            Endpoint::parse(text, Role::NameServer)
                .ok_or_else(|| ConfigError::NameServer { address: text.to_string() })
        };
        let name_servers = texts.map(parse).collect::<Result<Vec<_>, _>>()?;
        if name_servers.is_empty() {
            return Err(ConfigError::NoNameServer);
        }
        let seconds = Duration::from_secs;
        Ok(Self {
            name_servers,
            address_map: Vec::new(),
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            process_id: 0,
            instance_name: None,
            unit_name: None,
            utc_offset_seconds: 0,
            connection: ConnectionConfig::default(),
            connect_timeout: seconds(3),
            backoff_first: Duration::from_millis(100),
            backoff_most: seconds(10),
            request_timeout: seconds(3),
            name_server_timeout: seconds(1),
            poll_name_server_interval: seconds(30),
            heartbeat_broker_interval: seconds(30),
            idle_timeout: seconds(120),
            memory_budget: 1 << 30,
            max_pending_sends: 65_535,
            max_names: 1 << 16,
            max_groups: 1024,
            max_notices: 1024,
        })
    }

    /// The name servers, in the order given.
    pub fn name_servers(&self) -> &[Endpoint] {
        &self.name_servers
    }

    /// Connects to `to` where a route says `from` (both `host:port`): for brokers behind NAT or in containers.
    pub fn map_broker_address(&mut self, from: impl Into<String>, to: impl Into<String>) {
        self.address_map.push((from.into(), to.into()));
    }

    pub(crate) fn map_address<'a>(&'a self, address: &'a str) -> &'a str {
        let found = self.address_map.iter().rev().find(|(from, _)| from == address);
        found.map_or(address, |(_, to)| to)
    }

    /// Checks every value against its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let most = u64::MAX;
        let frames = (self.connection.frame_limits.max_frame as u64).saturating_mul(8);
        check_ranges(&[
            ("connect_timeout", millis(self.connect_timeout), 1, most),
            ("backoff_first", millis(self.backoff_first), 1, most),
            ("backoff_most", millis(self.backoff_most), millis(self.backoff_first), most),
            ("request_timeout", millis(self.request_timeout), 1, most),
            ("name_server_timeout", millis(self.name_server_timeout), 1, most),
            ("poll_name_server_interval", millis(self.poll_name_server_interval), 100, most),
            ("heartbeat_broker_interval", millis(self.heartbeat_broker_interval), 100, most),
            ("idle_timeout", millis(self.idle_timeout), 1000, most),
            ("memory_budget", self.memory_budget as u64, frames, most),
            ("max_names", self.max_names as u64, 2, 1 << 24),
            ("max_groups", self.max_groups as u64, 1, 1 << 20),
            ("max_pending_sends", self.max_pending_sends as u64, 1, u64::from(u32::MAX)),
            ("max_notices", self.max_notices as u64, 1, most),
            ("connection.max_in_flight", self.connection.max_in_flight as u64, 1, 1 << 30),
            ("connection.max_queued_bytes", self.connection.max_queued_bytes as u64, 1, most),
            ("connection.frame_timeout", millis(self.connection.frame_timeout), 1, most),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_java_does() {
        let config = ClientConfig::new(" a:1; [::1]:2 ;").expect("valid");
        let texts: Vec<String> = config.name_servers().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a:1", "[::1]:2"]);
        assert_eq!(config.check(), Ok(()));
        assert_eq!(ClientConfig::new(" ; ").err(), Some(ConfigError::NoNameServer));
        assert_eq!(ClientConfig::new("a:0").err(), Some(ConfigError::NameServer { address: "a:0".into() }));
    }

    #[test]
    fn ranges_are_checked_and_addresses_mapped() {
        let mut config = ClientConfig::new("a:1").expect("valid");
        config.map_broker_address("10.0.0.1:10911", "localhost:1");
        assert_eq!(config.map_address("10.0.0.1:10911"), "localhost:1");
        assert_eq!(config.map_address("10.0.0.2:10911"), "10.0.0.2:10911");
        config.backoff_most = Duration::from_millis(1);
        let wrong = ConfigError::Range { field: "backoff_most", value: 1, min: 100, max: u64::MAX };
        assert_eq!(config.check(), Err(wrong));
    }
}
