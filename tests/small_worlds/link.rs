//! A connection of a small world: whole frames under way, each a step of its own.

use std::collections::VecDeque;

use bytes::Bytes;
use rocketmq_engine::ConnId;
use rocketmq_testkit::{Node, PeerId};

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Way {
    Up,
    Down,
}

/// From a client to a server.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Up {
    Dial,
    Frame(Bytes),
    Closed,
}

/// From a server to a client.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Down {
    Connected,
    Frame(Bytes),
    Ended,
}

/// One connection.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Link {
    pub(crate) conn: ConnId,
    pub(crate) node: Node,
    /// The server's side, while it is open there.
    pub(crate) peer: Option<PeerId>,
    pub(crate) up: VecDeque<Up>,
    pub(crate) down: VecDeque<Down>,
    /// Nothing passes this way: what is on it waits.
    pub(crate) held: Option<Way>,
    /// The client has been told that the connection stands.
    pub(crate) connected: bool,
    /// The client still knows it.
    pub(crate) client_side: bool,
}

impl Link {
    pub(crate) fn new(conn: ConnId, node: Node) -> Self {
        Self {
            conn,
            node,
            peer: None,
            up: VecDeque::from([Up::Dial]),
            down: VecDeque::new(),
            held: None,
            connected: false,
            client_side: true,
        }
    }

    /// Whether it is one a fault can befall: to the broker, and the client knows of no end.
    pub(crate) fn is_to_broker(&self) -> bool {
        self.client_side && matches!(self.node, Node::Broker(_))
    }

    /// Whether something can arrive.
    pub(crate) fn passes(&self, way: Way) -> bool {
        self.held != Some(way) && self.waits(way)
    }

    /// Whether something is on its way, held or not.
    pub(crate) fn waits(&self, way: Way) -> bool {
        match way {
            Way::Up => !self.up.is_empty(),
            Way::Down => !self.down.is_empty(),
        }
    }

    /// The connection is reset: what is under way is lost, both sides hear of it when they hear of it.
    pub(crate) fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        if self.peer.is_some() {
            self.up.push_back(Up::Closed);
        }
        if self.client_side {
            self.down.push_back(Down::Ended);
        }
    }

    /// The client closes; what it has written still arrives if that is its wish.
    pub(crate) fn close(&mut self, gracefully: bool) {
        self.client_side = false;
        self.down.clear();
        if !gracefully || self.up.iter().any(|up| matches!(up, Up::Dial)) {
            self.up.clear();
        }
        if self.peer.is_some() {
            self.up.push_back(Up::Closed);
        }
    }

    /// Nobody will ever hear of it again.
    pub(crate) fn is_over(&self) -> bool {
        !self.client_side && self.up.is_empty()
    }
}

/// Cuts bytes into whole frames; each has its length in front.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Bytes> {
    let mut found = Vec::new();
    while let Some((length, _)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = bytes.split_at(4 + u32::from_be_bytes(*length) as usize);
        found.push(Bytes::copy_from_slice(frame));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "machines write whole frames");
    found
}
