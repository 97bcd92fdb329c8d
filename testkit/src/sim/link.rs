//! A connection between a client and a machine of the cluster: two ways, each a queue of bytes under way.

use std::time::Duration;

use rocketmq_engine::{ConnId, Instant};

use crate::cluster::Node;
use crate::peer::PeerId;

/// Names a connection of the world; the generation tells users of one index apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the client to the cluster.
    Up,
    /// From the cluster to the client.
    Down,
}

impl Way {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// How a connection ends when it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CutHow {
    /// In order: the receiver reads the end, and so does the sender.
    Fin,
    /// With a reset, on both sides.
    Reset,
    /// Nobody is told: bytes vanish, both ways.
    Silent,
    /// What follows is held back until the mishap ends, that way only.
    Stall,
}

/// A cut that waits for its byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Bytes of the way that still pass.
    pub(super) after: u64,
    pub(super) how: CutHow,
    /// For a stall: when it ends.
    pub(super) until: Instant,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    bytes: Vec<u8>,
    start: usize,
    /// Nothing arrives before what was sent earlier.
    pub(super) last_at: Instant,
    pub(super) cut: Option<Cut>,
    /// What is put in vanishes.
    pub(super) lost: bool,
    /// A sender waits for room.
    pub(super) room_wanted: bool,
    /// What is put in next is put in twice.
    pub(super) twice: bool,
    /// This bit of the first 64 put in next flips.
    pub(super) flip: Option<u64>,
}

/// What became of bytes put in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    /// Bytes that are under way.
    pub(super) before: usize,
    /// The cut that came then.
    pub(super) cut: Option<Cut>,
    /// Bytes held back behind it.
    pub(super) behind: usize,
}

impl Lane {
    /// Bytes under way.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        if !bytes.is_empty()
            && let Some(bit) = self.flip.take()
            && let Some(byte) = self.bytes.get_mut(at + (bit as usize / 8) % bytes.len().min(8))
        {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// Puts bytes in, as far as no cut prevents it.
    pub(super) fn admit(&mut self, bytes: &[u8], passed: &mut Passed) {
        if self.lost {
            return;
        }
        if passed.cut.is_some() {
            self.push(bytes);
            passed.behind += bytes.len();
            return;
        }
        match &mut self.cut {
            Some(cut) if bytes.len() as u64 >= cut.after => {
                let (first, rest) = bytes.split_at(cut.after as usize);
                passed.cut = self.cut.take();
                self.push(first);
                passed.before += first.len();
                if passed.cut.is_some_and(|cut| cut.how == CutHow::Stall) {
                    self.push(rest);
                    passed.behind += rest.len();
                } else {
                    self.lost = true;
                }
            }
            other => {
                if let Some(cut) = other {
                    cut.after -= bytes.len() as u64;
                }
                self.push(bytes);
                passed.before += bytes.len();
            }
        }
    }

    /// The first bytes under way, `n` at most.
    pub(super) fn front(&self, n: usize) -> &[u8] {
        self.bytes.get(self.start..(self.start + n).min(self.bytes.len())).unwrap_or_default()
    }

    pub(super) fn pop(&mut self, n: usize) {
        self.start = (self.start + n).min(self.bytes.len());
    }

    /// What is under way and what is put in vanishes.
    pub(super) fn lose(&mut self) {
        self.bytes.clear();
        self.start = 0;
        self.lost = true;
    }
}

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) client: usize,
    pub(super) conn: ConnId,
    pub(super) host: usize,
    pub(super) node: Node,
    /// The machine's name for it, while the machine knows it.
    pub(super) peer: Option<PeerId>,
    /// The client knows it.
    pub(super) client_side: bool,
    pub(super) open: bool,
    /// The client does not read just now.
    pub(super) read_paused: bool,
    pub(super) up: Lane,
    pub(super) down: Lane,
    /// Bytes that arrived while the client does not read, and whether the end did.
    pub(super) held: u32,
    pub(super) held_end: bool,
}

impl Link {
    pub(super) fn new(client: usize, conn: ConnId, host: usize, node: Node) -> Self {
        Self {
            client,
            conn,
            host,
            node,
            peer: None,
            client_side: true,
            open: false,
            read_paused: false,
            up: Lane::default(),
            down: Lane::default(),
            held: 0,
            held_end: false,
        }
    }

    pub(super) fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// How the road between one client and one machine is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Road {
    pub(super) latency: Duration,
    /// Added to it, up to so much, at random.
    pub(super) jitter: Duration,
    /// Most bytes that are written and that arrive at once; 0: as many as there are.
    pub(super) crumbs: u32,
    /// No byte passes before then, and no connection is made.
    pub(super) closed_until: Instant,
}

impl Road {
    pub(super) fn new(latency: Duration, jitter: Duration) -> Self {
        Self { latency, jitter, crumbs: 0, closed_until: Instant::ZERO }
    }

    pub(super) fn slow(&mut self, millis: u64) {
        self.latency += Duration::from_millis(millis);
    }

    pub(super) fn fast(&mut self, millis: u64) {
        self.latency = self.latency.saturating_sub(Duration::from_millis(millis));
    }
}
