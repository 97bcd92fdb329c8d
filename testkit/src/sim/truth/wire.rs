//! Judges of what is written and dialled: I8, I22, I26; what I27 goes by is picked out here.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::wire::frame::{FrameLimits, Prefix};
use rocketmq_engine::wire::header::Head;

use super::super::link::LinkId;
use super::{Bug, Truth, link_key};

/// Requests are counted over so long.
const WINDOW: Duration = Duration::from_secs(10);
/// How long a consumer tries to give a message back.
const GIVING_BACK: Duration = Duration::from_secs(60);
/// A peer that says nothing is left after two heartbeats, the first of which is due within one.
const SILENCE: Duration = Duration::from_secs(95);

/// Bytes of one connection, cut into frames.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkTap {
    /// Client and machine, once something was written.
    ends: Option<(usize, usize)>,
    up: Vec<u8>,
    down: Vec<u8>,
    /// Requests that have no answer yet: when each was written, by number.
    out: BTreeMap<i32, Instant>,
    /// Frames of the peer cannot be told apart any more.
    blind: bool,
}

/// What was counted in the present window.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    since: Instant,
    sends: HashMap<(usize, usize), u32>,
    heartbeats: HashMap<(usize, usize), u32>,
    calls: HashMap<usize, u32>,
    open_before: HashMap<usize, u32>,
    /// When messages were settled to come again: where sending them back fails, the consumer sends them itself.
    returned: HashMap<usize, Vec<Instant>>,
    dials: HashMap<(usize, usize), u32>,
    ends: HashMap<(usize, usize), u32>,
    lost: BTreeMap<(u32, u32), Instant>,
}

fn frames(buffer: &mut Vec<u8>, bytes: &[u8], mut each: impl FnMut(&Head<'_>, &[u8])) -> bool {
    buffer.extend_from_slice(bytes);
    let mut at = 0;
    let whole = loop {
        let Some(rest) = buffer.get(at..) else { break true };
        match Prefix::parse(rest, &FrameLimits::default()) {
            Ok(Some(prefix)) if rest.len() >= prefix.frame_len => {
                let head = rest.get(prefix.head_range()).unwrap_or_default();
                match Head::parse(prefix.serialize, head) {
                    Ok(head) => {
                        each(&head, rest.get(prefix.head_range().end..prefix.frame_len).unwrap_or_default());
                    }
                    Err(_) => break false,
                }
                at += prefix.frame_len;
            }
            Ok(_) => break true,
            Err(_) => break false,
        }
    };
    buffer.drain(..at);
    whole
}

impl Truth {
    /// A client has written bytes.
    pub(in super::super) fn on_written(&mut self, id: LinkId, client: usize, host: usize, bytes: &[u8]) {
        let storm = self.bug == Some(Bug::Storm);
        let (mut reused, mut off_route) = (None, None);
        let moved = if self.bug == Some(Bug::SentOffRoute) { 1000 } else { 0 };
        let key = link_key(id);
        let tap = self.taps.entry(link_key(id)).or_default();
        tap.ends = Some((client, host));
        let (windows, out, now) = (&mut self.windows, &mut tap.out, self.now);
        let routes = &mut self.routes;
        let asked = &mut self.asked;
        let again = self.bug == Some(Bug::NumberReused) && !self.planted;
        let mut struck = false;
        frames(&mut tap.up, bytes, |head, _| {
            let weight = if storm { 10 } else { 1 };
            if head.is_response() {
                return;
            }
            if let Some(asked) = asked {
                asked.push((now, client, host, head.request_code()));
            }
            match head.request_code() {
                RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_MESSAGE => {
                    *windows.sends.entry((client, host)).or_default() += weight;
                    off_route = off_route.take().or_else(|| routes.on_send(client, host, head, now, moved));
                }
                RequestCode::GET_ROUTEINFO_BY_TOPIC => routes.on_asked(key, client, head, now),
                RequestCode::HEART_BEAT => *windows.heartbeats.entry((client, host)).or_default() += weight,
                _ => {}
            }
            if !head.is_oneway() {
                struck |= again && !out.is_empty();
                if out.insert(head.opaque, now).is_some() || again && out.len() > 1 {
                    reused = Some(head.opaque);
                }
            }
        });
        self.planted |= struck;
        if let Some(what) = off_route {
            self.blame("I27", what);
        }
        if let Some(opaque) = reused {
            self.blame("I22", format!("client {client} asks with number {opaque}, which is still out"));
        }
    }

    /// A client was given bytes.
    pub(in super::super) fn on_read(&mut self, id: LinkId, bytes: &[u8]) {
        let key = link_key(id);
        let tap = self.taps.entry(key).or_default();
        let (out, routes, now) = (&mut tap.out, &mut self.routes, self.now);
        let bug = self.bug;
        if !tap.blind {
            tap.blind = !frames(&mut tap.down, bytes, |head, body| {
                if head.is_response() {
                    routes.on_answer(key, head, body, now, bug);
                    out.remove(&head.opaque);
                }
            });
        }
    }

    /// When a request was written, unless its client has had the answer, or has left the connection.
    pub(super) fn asked_at(&self, id: LinkId, opaque: i32) -> Option<Instant> {
        self.taps.get(&link_key(id))?.out.get(&opaque).copied()
    }

    pub(in super::super) fn on_call(&mut self, client: usize) {
        *self.windows.calls.entry(client).or_default() += 1;
    }

    /// A consumer wants so many messages to come again.
    pub(super) fn on_returned(&mut self, client: usize, count: usize) {
        let now = self.now;
        self.windows.returned.entry(client).or_default().extend(std::iter::repeat_n(now, count));
    }

    /// A client's process is another one from now on: it knows nothing of what the one before had dialled.
    pub(super) fn forget_dials(&mut self, client: usize) {
        self.windows.dials.retain(|(owner, _), _| *owner != client);
    }

    /// A client dials a machine to which it has so many connections already.
    pub(in super::super) fn on_dial(&mut self, client: usize, host: usize, standing: usize) {
        *self.windows.dials.entry((client, host)).or_default() += 1;
        let standing = standing + usize::from(self.strikes(Bug::SecondConnection));
        if standing > 0 {
            self.blame("I26", format!("client {client} dials host {host}, to which it is connected"));
        }
    }

    /// A connection ended, or nothing passes on it any more.
    pub(in super::super) fn on_link_end(&mut self, id: LinkId, client: usize, host: usize) {
        *self.windows.ends.entry((client, host)).or_default() += 1;
        if let Some(since) = self.windows.lost.remove(&link_key(id))
            && self.now - since > SILENCE
        {
            let what = format!("client {client} kept a silent connection for {:?}", self.now - since);
            self.blame("I26", what);
        }
        self.taps.remove(&link_key(id));
        self.routes.on_link_end(link_key(id));
    }

    /// Nothing reaches the client on a connection from `since` on.
    pub(in super::super) fn on_link_lost(&mut self, id: LinkId, since: Instant) {
        self.windows.lost.insert(link_key(id), since);
    }

    /// A process did not run: what it could not notice is not held against it.
    pub(in super::super) fn on_pause(&mut self) {
        self.windows.lost.clear();
        self.routes.on_pause(self.now);
    }

    /// Looks at the counts when a window is over.
    pub(in super::super) fn roll(&mut self, now: Instant) {
        if now < self.windows.since + WINDOW {
            return;
        }
        self.now = now;
        let mut windows = std::mem::take(&mut self.windows);
        windows.returned.values_mut().for_each(|times| times.retain(|at| now - *at < WINDOW + GIVING_BACK));
        let mut wrong = Vec::new();
        for ((client, host), sends) in &windows.sends {
            let calls = windows.calls.get(client).copied().unwrap_or_default()
                + windows.open_before.get(client).copied().unwrap_or_default()
                + windows.returned.get(client).map_or(0, |times| times.len() as u32);
            // A producer makes three attempts, and all go to one broker when the others are gone.
            if *sends > 3 * calls + 10 {
                wrong.push((
                    "I8",
                    format!("client {client} sent host {host} {sends} for {calls} calls in 10 s"),
                ));
            }
        }
        for ((client, host), count) in &windows.heartbeats {
            let ends = windows.ends.get(&(*client, *host)).copied().unwrap_or_default();
            if *count > 12 + 3 * ends {
                wrong.push(("I8", format!("client {client} sent host {host} {count} heartbeats in 10 s")));
            }
        }
        for ((client, host), dials) in &windows.dials {
            let ends = windows.ends.get(&(*client, *host)).copied().unwrap_or_default();
            if *dials > 12 + 2 * ends {
                wrong.push(("I26", format!("client {client} dialled host {host} {dials} times in 10 s")));
            }
        }
        let ends = self.taps.values().filter_map(|tap| tap.ends).collect();
        wrong.extend(self.routes.look(ends, now).into_iter().map(|what| ("I27", what)));
        wrong.sort();
        for (invariant, what) in wrong {
            self.blame(invariant, what);
        }
        self.windows.since = now;
        self.windows.lost = windows.lost;
        self.windows.returned = windows.returned;
        for (client, _) in self.open.keys() {
            *self.windows.open_before.entry(*client).or_default() += 1;
        }
    }
}
