//! What a broker has done and what it has said: two histories, because "applied, but never answered" is a state
//! clients have to live with. Off unless asked for.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use bytes::Bytes;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};

use crate::peer::{Now, PeerId};

/// A name that many records share: topic, group, client id.
pub type Name = Arc<str>;

/// What is kept of the two histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: for benches and long runs.
    #[default]
    Nothing,
    /// What was applied, and which answers were given.
    Events,
    /// The answers' frames as well.
    Frames,
}

/// The request something came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The connection.
    pub peer: PeerId,
    /// The request's number there.
    pub opaque: i32,
    /// What was asked.
    pub request: RequestCode,
}

/// Something a broker has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// When.
    pub at: Now,
    /// The request it came from; `None`: the broker's own doing (a delay is over, a connection is gone) or a test's.
    pub by: Option<Origin>,
    /// What.
    pub effect: Effect,
}

/// What can be done to a broker's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A message is in a queue. Delayed ones are stored twice: in `SCHEDULE_TOPIC_XXXX`, and when their time comes.
    Stored {
        /// The topic.
        topic: Name,
        /// The queue.
        queue: u32,
        /// Its offset there.
        offset: i64,
        /// Its offset in the commit log.
        physical_offset: i64,
        /// Its unique key.
        unique_key: Option<Name>,
    },
    /// A group's offset is another one.
    Committed {
        /// The group.
        group: Name,
        /// The topic.
        topic: Name,
        /// The queue.
        queue: i32,
        /// The offset before.
        before: Option<i64>,
        /// The offset now.
        offset: i64,
    },
    /// A client has joined a consumer group, or has subscribed to something else.
    Joined {
        /// The group.
        group: Name,
        /// The client.
        client_id: Name,
    },
    /// A client has left a consumer group.
    Left {
        /// The group.
        group: Name,
        /// The client.
        client_id: Name,
    },
    /// A topic is there, or has other queues or another permission.
    TopicChanged {
        /// The topic.
        topic: Name,
        /// What it is now.
        config: super::TopicConfig,
    },
    /// A topic is gone.
    TopicDeleted {
        /// The topic.
        topic: Name,
    },
    /// Messages below this offset are gone.
    Expired {
        /// The topic.
        topic: Name,
        /// The queue.
        queue: u32,
        /// First offset left.
        min: i64,
    },
    /// The broker has started again; what it lost is gone.
    Restarted(super::Restart),
}

/// An answer a broker has given. Whether it arrived is another matter: see `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When.
    pub at: Now,
    /// The request.
    pub to: Origin,
    /// The code.
    pub code: ResponseCode,
    /// Place of the frame in all bytes ever sent on that connection.
    pub bytes: Range<u64>,
    /// The frame, with [`Keep::Frames`].
    pub frame: Option<Bytes>,
}

/// A part of a machine that does not decide what it does next: no part of its digest.
#[derive(Clone, Default)]
pub(crate) struct Aside<T>(pub(crate) T);

impl<T> Hash for Aside<T> {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl<T: fmt::Debug> fmt::Debug for Aside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Aside<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
