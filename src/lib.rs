//! Apache RocketMQ client as a runtime-agnostic sans-IO protocol engine.
#![no_std]

extern crate alloc;

pub mod client;
pub mod config;
pub mod connection;
pub mod error;
pub mod time;
pub mod wire;

pub use client::Client;
pub use client::action::{Action, CloseHow, Wait, WakeReason};
pub use client::consumer::{
    AllocateStrategy, Average, AverageByCircle, Configured, ConsumeFrom, ConsumerConfigError, ConsumerNotice,
    ConsumerStats, Delivery, MachineRoom, MachineRoomNearby, PoisonPolicy, PushConsumerConfig, QueueName,
    RoomResolver, Settlement, TagFilter, Uncommitted, java_order, queue_order,
};
pub use client::endpoint::{Endpoint, Role};
pub use client::event::{Event, Notice, ShutdownReport};
pub use client::ids::{ConnId, ConsumerId, ProducerId, SendId};
pub use client::names::{BrokerName, InternError, Queue, Topic};
pub use client::producer::{
    Attempt, AttemptFailure, Message, MessageBuilder, OnewayOutcome, ProducerConfig, SendError, SendFailure,
    SendOptions, SendOutcome, SendReceipt, SendStatus,
};
pub use client::stats::ClientStats;
pub use config::{ClientConfig, ConfigError};
pub use connection::{Body, ConnEvent, ConnStats, Connection, ConnectionConfig, ReplyToken, RequestId};
pub use error::{CloseCause, Progress, RejectReason, Rejected, RequestFailure, TransportError};
pub use time::Instant;
pub use wire::message::{MessageView, StoredMessage};
