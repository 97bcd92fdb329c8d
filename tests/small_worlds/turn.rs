//! A client's turn: what it wants is carried out, what it tells and says is judged. And [`Bug`], which changes that.

use bytes::Bytes;
use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::{Action, CloseHow, ConnId, Event};
use rocketmq_testkit::Node;

use crate::link::{Link, Up, frames};
use crate::truth::{self, Judged, TOPIC};
use crate::world::{Held, World};

/// A mistake planted into what an engine or an application says, which the judges must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bug {
    /// A commit of 1 is said to be one of 2, seen by all.
    CommitsAhead,
    /// The same, seen by the broker alone.
    StoredAhead,
    /// An application calls done what it has dropped.
    DroppedYetSettled,
    /// A delivery comes twice.
    GivenTwice,
    /// A message its application never hears of again.
    Forgotten,
    /// A pull of 0 is said to be one of 1.
    PullsAhead,
    /// A queue given away is kept.
    Kept,
    /// A queue is said to be gone as soon as it is assigned.
    CalledRevoked,
    /// A client says twice that it has stopped.
    StopsTwice,
}

impl World {
    /// Carries out what a client wants until it waits, and judges what it tells and says.
    pub(crate) fn turn(&mut self, index: usize) -> Judged {
        let mut said = Vec::new();
        loop {
            match self.side(index).client.poll_action() {
                Action::Connect { conn, endpoint } => {
                    let node = if endpoint.host() == "ns" { Node::NameServer(0) } else { Node::Broker(0) };
                    self.links.insert((index, conn.into()), Link::new(conn, node));
                }
                Action::Write { conn } => self.take_written(index, conn, &mut said),
                Action::SetRead { .. } => {}
                Action::Close { conn, how } => {
                    if let Some(link) = self.links.get_mut(&(index, conn.into())) {
                        link.close(how == CloseHow::Graceful);
                    }
                }
                Action::Wait(wait) => {
                    self.side(index).until = wait.until;
                    if !wait.events {
                        break;
                    }
                    while let Some(event) = self.side(index).client.poll_event() {
                        self.on_event(index, event)?;
                    }
                }
            }
        }
        for frame in said {
            self.truth().on_written(index, &frame)?;
        }
        self.sweep();
        let side = self.side(index);
        while side.client.poll_notice().is_some() {}
        side.digest = side.client.digest();
        Ok(())
    }

    /// Takes what a client has written to a connection.
    fn take_written(&mut self, index: usize, conn: ConnId, said: &mut Vec<Bytes>) {
        let now = self.now;
        let client = &mut self.side(index).client;
        let mut bytes = Vec::new();
        while client.has_pending_write(conn) {
            let before = bytes.len();
            let mut slices: [&[u8]; 16] = [&[]; 16];
            let count = client.write_slices(conn, &mut slices);
            slices[..count].iter().for_each(|slice| bytes.extend_from_slice(slice));
            client.handle_written(conn, bytes.len() - before, now);
        }
        for frame in frames(&bytes) {
            let (judged, wired) = match self.bug {
                Some(Bug::CommitsAhead) => (one_more(&frame, COMMITS), one_more(&frame, COMMITS)),
                Some(Bug::StoredAhead) => (frame.clone(), one_more(&frame, COMMITS)),
                Some(Bug::PullsAhead) => (one_more(&frame, PULLS), frame),
                _ => (frame.clone(), frame),
            };
            said.push(judged);
            if let Some(link) = self.links.get_mut(&(index, conn.into())) {
                link.up.push_back(Up::Frame(wired));
            }
        }
    }

    /// True once, if this bug is planted.
    pub(crate) fn strikes(&mut self, bug: Bug) -> bool {
        let strikes = self.bug == Some(bug);
        if strikes {
            self.bug = None;
        }
        strikes
    }

    fn on_event(&mut self, index: usize, event: Event) -> Judged {
        match event {
            Event::Assigned { queues, .. } => {
                self.truth().on_assigned(index, &queues)?;
                let ours = queues.iter().any(|queue| queue.topic.as_str() == TOPIC);
                if ours && self.strikes(Bug::CalledRevoked) {
                    self.truth().on_revoked(index, &queues)?;
                }
                Ok(())
            }
            Event::Revoked { .. } if self.strikes(Bug::Kept) => Ok(()),
            Event::Revoked { queues, .. } => self.truth().on_revoked(index, &queues),
            Event::Delivered(mut delivery) => {
                let epoch = self.truth().on_delivered(index, &delivery)?;
                if self.strikes(Bug::GivenTwice) {
                    self.truth().on_delivered(index, &delivery)?;
                }
                if self.strikes(Bug::Forgotten) {
                    let _ = delivery.pop_front();
                }
                while let Some(one) = delivery.pop_front() {
                    let offset = one.get(0).map_or(-1, |message| message.queue_offset());
                    let place = (one.queue().id, offset);
                    self.side(index).held.push(Held { delivery: one, place, epoch });
                }
                self.side(index).held.sort_by_key(|held| (held.place, held.epoch));
                Ok(())
            }
            Event::Stopped(_) => {
                let faulty = self.faulty();
                self.truth().on_stopped(index, faulty)?;
                if self.strikes(Bug::StopsTwice) { self.truth().on_stopped(index, faulty) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}

/// What [`Bug`]s change in heads, and in which requests.
const COMMITS: (RequestCode, &[u8]) = (RequestCode::UPDATE_CONSUMER_OFFSET, b"\"commitOffset\":\"1\"");
const PULLS: (RequestCode, &[u8]) = (RequestCode::PULL_MESSAGE, b"\"queueOffset\":\"0\"");

/// The frame with this field's one digit one higher, if it has it; everything else stays as it is.
fn one_more(frame: &Bytes, (code, field): (RequestCode, &[u8])) -> Bytes {
    let mut changed = frame.to_vec();
    let is_one = truth::with_head(frame, |head| head.request_code() == code);
    if let Some(at) = changed.windows(field.len()).position(|window| window == field).filter(|_| is_one) {
        changed[at + field.len() - 2] += 1;
    }
    changed.into()
}
