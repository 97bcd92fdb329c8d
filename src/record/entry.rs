//! What is written down: one entry for each call of a client that changes it, and one for each thing it said.

use alloc::borrow::Cow;
use core::fmt::Display;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::consumer::delivery::Lease;
use crate::client::consumer::{PushConsumerConfig, Settlement};
use crate::client::digest::digest_of;
use crate::client::ids::{ConnId, ConsumerId, ProducerId, SendId};
use crate::client::names::{Names, Queue, Topic};
use crate::client::producer::{Message, ProducerConfig, SendOptions};
use crate::config::ClientConfig;
use crate::error::TransportError;
use crate::time::Instant;

/// One call. What it gave back that is not an output of its own comes behind it as [`Reply`](Self::Reply).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Entry<'a> {
    Begin {
        engine: &'a str,
        seed: [u8; 32],
        config: Cow<'a, ClientConfig>,
        now: Instant,
        unix_now: Duration,
    },
    // ---- inputs
    Connected(ConnId, Instant),
    ConnectFailed(ConnId, TransportError, Instant),
    ReadBuf(ConnId),
    Read(ConnId, #[serde(with = "raw")] &'a [u8], Instant),
    Slice(ConnId, #[serde(with = "raw")] &'a [u8], Instant),
    Chunk(ConnId, #[serde(with = "raw")] &'a [u8], Instant),
    Eof(ConnId, Instant),
    TransportFailed(ConnId, TransportError, Instant),
    /// With a number for the bytes.
    Written(ConnId, usize, u64, Instant),
    Timeout(Instant),
    UnixTime(Duration, Instant),
    // ---- commands
    Topic(&'a str),
    WritableQueues(#[serde(borrow)] NameRef<'a>, Instant),
    CreateProducer(Cow<'a, ProducerConfig>, Instant),
    CloseProducer(ProducerId, Instant),
    Send(ProducerId, MessageRef<'a>, OptionsRef<'a>, bool, Instant),
    Cancel(SendId, Instant),
    CreatePushConsumer(Cow<'a, PushConsumerConfig>, Instant),
    /// With the filter's text.
    Subscribe(ConsumerId, NameRef<'a>, &'a str, Instant),
    Unsubscribe(ConsumerId, NameRef<'a>, Instant),
    /// None: of a delivery that another client made.
    Settle(Option<PieceRef>, Settlement, Instant),
    CloseConsumer(ConsumerId, Instant),
    Shutdown(Duration, Instant),
    // ---- what was said, as numbers
    Reply(u64),
    PolledAction(u64),
    PolledEvent(u64),
    PolledNotice(u64),
    /// More waited to be fetched than was allowed: nothing is recorded any more.
    Full,
}

/// Bytes as they are: serde takes a slice for a list of numbers.
mod raw {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<&'a [u8], D::Error> {
        <&[u8]>::deserialize(from)
    }
}

/// A topic or a broker, and whether its name was made by this client.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct NameRef<'a> {
    pub(super) name: &'a str,
    pub(super) ours: bool,
}

impl<'a> NameRef<'a> {
    pub(crate) fn topic(topic: &'a Topic, names: &Names) -> Self {
        Self { name: topic.as_str(), ours: names.owns(topic) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MessageRef<'a> {
    #[serde(borrow)]
    pub(super) topic: NameRef<'a>,
    #[serde(with = "raw")]
    pub(super) body: &'a [u8],
    pub(super) properties: &'a str,
    pub(super) flag: i32,
}

impl<'a> MessageRef<'a> {
    pub(crate) fn new(message: &'a Message, names: &Names) -> Self {
        let Message { topic, body, properties, flag } = message;
        Self { topic: NameRef::topic(topic, names), body, properties, flag: *flag }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct QueueRef<'a> {
    #[serde(borrow)]
    pub(super) topic: NameRef<'a>,
    pub(super) broker: NameRef<'a>,
    pub(super) id: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OptionsRef<'a> {
    #[serde(borrow)]
    pub(super) queue: Option<QueueRef<'a>>,
    pub(super) timeout: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
}

impl<'a> OptionsRef<'a> {
    pub(crate) fn new(options: &'a SendOptions, names: &Names) -> Self {
        let SendOptions { queue, timeout, max_attempts } = options;
        let queue = queue.as_ref().map(|Queue { topic, broker, id }| QueueRef {
            topic: NameRef::topic(topic, names),
            broker: NameRef { name: broker.as_str(), ours: names.owns_broker(broker) },
            id: *id,
        });
        Self { queue, timeout: *timeout, max_attempts: *max_attempts }
    }
}

/// What one pull brought: names the answer that a delivery's messages came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) consumer: ConsumerId,
    pub(crate) lease: Lease,
    pub(crate) number: u64,
}

/// Some of its messages, beside each other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PieceRef {
    pub(crate) of: Piece,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// A number for what a command gave back.
pub(crate) fn told<T, E: Display>(result: &Result<T, E>, of: impl FnOnce(&T) -> u64) -> u64 {
    match result {
        Ok(value) => of(value),
        Err(error) => digest_of(&alloc::format!("{error}")),
    }
}
