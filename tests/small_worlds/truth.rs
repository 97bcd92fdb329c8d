//! What is true of a small world, and what must be: judged at every step.

use std::collections::{BTreeMap, BTreeSet};

use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::wire::fields::{
    PullMessageRequest, QueryConsumerOffsetRequest, UpdateConsumerOffsetRequest,
};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix};
use rocketmq_engine::wire::header::Head;
use rocketmq_engine::{Delivery, Queue};

pub(crate) const TOPIC: &str = "T";
/// Messages in each queue of the topic.
pub(crate) const LOG: [i64; 2] = [2, 1];

/// What did not hold: the invariant's number, and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str, pub(crate) String);

pub(crate) type Judged = Result<(), Violation>;

pub(crate) fn must(so: bool, invariant: &'static str, otherwise: impl FnOnce() -> String) -> Judged {
    if so { Ok(()) } else { Err(Violation(invariant, otherwise())) }
}

/// A client's holding of a queue, from one assignment to the next.
#[derive(Clone, Debug, Default, Hash)]
struct Tenure {
    epoch: u32,
    owned: bool,
    /// What the broker had when it was asked where to begin.
    stored: BTreeSet<i64>,
    /// First offset pulled, and the one to be pulled next.
    begin: Option<(i64, i64)>,
    settled: BTreeSet<i64>,
    said: Option<i64>,
}

impl Tenure {
    /// The highest offset that may be committed.
    fn most(&self) -> i64 {
        let from = self.begin.map(|(begin, _)| begin).or(self.stored.last().copied()).unwrap_or(0);
        self.settled.range(from..).zip(from..).take_while(|(settled, next)| **settled == *next).count() as i64
            + from
    }
}

type Place = (u32, i64);

/// Everything judges remember. It is part of a state's digest: states that a judge tells apart are two.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Truth {
    tenures: BTreeMap<(usize, u32), Tenure>,
    given: BTreeSet<(Place, usize, u32)>,
    settled: BTreeSet<Place>,
    /// What the broker has, and who told it.
    committed: BTreeMap<u32, (i64, usize)>,
    stopped: BTreeSet<usize>,
}

impl Truth {
    // ---- what a client tells its application ---------------------------------------------------------------

    pub(crate) fn on_assigned(&mut self, client: usize, queues: &[Queue]) -> Judged {
        for queue in queues.iter().filter(|queue| queue.topic.as_str() == TOPIC) {
            let tenure = self.tenures.entry((client, queue.id)).or_default();
            must(!tenure.owned, "I16", || format!("client {client} is assigned {queue} twice"))?;
            *tenure = Tenure { epoch: tenure.epoch + 1, owned: true, ..Tenure::default() };
        }
        Ok(())
    }

    pub(crate) fn on_revoked(&mut self, client: usize, queues: &[Queue]) -> Judged {
        for queue in queues.iter().filter(|queue| queue.topic.as_str() == TOPIC) {
            let tenure = self.tenures.entry((client, queue.id)).or_default();
            must(tenure.owned, "I16", || format!("client {client} loses {queue}, which it does not have"))?;
            tenure.owned = false;
        }
        Ok(())
    }

    /// Returns the epoch the messages are given in.
    pub(crate) fn on_delivered(&mut self, client: usize, delivery: &Delivery) -> Result<u32, Violation> {
        let queue = delivery.queue();
        let tenure = self.tenures.entry((client, queue.id)).or_default();
        must(tenure.owned && queue.topic.as_str() == TOPIC, "I20", || {
            format!("client {client} is given messages of {queue}, which it does not have")
        })?;
        for message in delivery.iter() {
            let offset = message.queue_offset();
            let body = body(queue.id, offset);
            must(message.body() == body.as_bytes(), "I6", || format!("{queue}:{offset} has another body"))?;
            let first = self.given.insert(((queue.id, offset), client, tenure.epoch));
            must(first, "I15", || {
                format!("client {client} is given {queue}:{offset} twice in epoch {}", tenure.epoch)
            })?;
            let due = tenure.begin.as_mut().map(|(_, next)| std::mem::replace(next, offset + 1));
            must(due == Some(offset), "I12", || format!("{queue}:{offset} is given when {due:?} is due"))?;
        }
        Ok(tenure.epoch)
    }

    /// `faulty`: a fault has happened, what was finished may not have been told.
    pub(crate) fn on_stopped(&mut self, client: usize, faulty: bool) -> Judged {
        must(self.stopped.insert(client), "law 4", || format!("client {client} stops twice"))?;
        for ((_, queue), tenure) in self.tenures.iter_mut().filter(|(key, _)| key.0 == client) {
            let most = tenure.most();
            let told = std::mem::take(&mut tenure.owned) && tenure.begin.is_some();
            must(!told || faulty || tenure.said == Some(most), "I28", || {
                format!("client {client} stops, {queue} is done to {most}, it has said {:?}", tenure.said)
            })?;
        }
        Ok(())
    }

    /// The application is done with a message.
    pub(crate) fn on_settled(&mut self, client: usize, epoch: u32, queue: u32, offset: i64) {
        self.settled.insert((queue, offset));
        let tenure = self.tenures.entry((client, queue)).or_default();
        if tenure.epoch == epoch {
            tenure.settled.insert(offset);
        }
    }

    // ---- what a client says --------------------------------------------------------------------------------

    pub(crate) fn on_written(&mut self, client: usize, frame: &[u8]) -> Judged {
        with_head(frame, |head| match head.request_code() {
            RequestCode::PULL_MESSAGE => self.on_pull(client, head),
            RequestCode::UPDATE_CONSUMER_OFFSET => self.on_commit(client, head),
            _ => Ok(()),
        })
    }

    fn on_pull(&mut self, client: usize, head: &Head<'_>) -> Judged {
        let asked: PullMessageRequest<'_> = head.fields().expect("a pull");
        if asked.topic != TOPIC {
            return Ok(());
        }
        let (queue, offset) = (asked.queue_id as u32, asked.queue_offset);
        let tenure = self.tenures.entry((client, queue)).or_default();
        must(tenure.owned, "I20", || format!("client {client} pulls {queue}, which it does not have"))?;
        match tenure.begin {
            None => {
                must(tenure.stored.contains(&offset), "I12", || {
                    format!("client {client} begins {queue} at {offset}, the broker said {:?}", tenure.stored)
                })?;
                tenure.begin = Some((offset, offset));
                Ok(())
            }
            Some((_, next)) => must(offset == next, "I12", || {
                format!("client {client} pulls {queue}:{offset}, {next} is next")
            }),
        }
    }

    fn on_commit(&mut self, client: usize, head: &Head<'_>) -> Judged {
        let asked: UpdateConsumerOffsetRequest<'_> = head.fields().expect("a commit");
        if asked.topic != TOPIC {
            return Ok(());
        }
        let (queue, offset) = (asked.queue_id as u32, asked.commit_offset);
        let tenure = self.tenures.entry((client, queue)).or_default();
        must(tenure.epoch > 0, "I13", || format!("client {client} commits {queue}, never its own"))?;
        let most = tenure.most();
        must(offset <= most, "I13", || format!("client {client} commits {queue}:{offset}, done is {most}"))?;
        let said = tenure.said.replace(offset);
        must(said <= Some(offset), "I13", || {
            format!("client {client} commits {queue}:{offset} after {said:?} in one epoch")
        })
    }

    // ---- what the broker does ------------------------------------------------------------------------------

    /// Before a client's request is served.
    pub(crate) fn on_served(&mut self, client: usize, frame: &[u8], stored: impl Fn(u32) -> Option<i64>) {
        with_head(frame, |head| {
            if head.request_code() == RequestCode::QUERY_CONSUMER_OFFSET {
                let asked: QueryConsumerOffsetRequest<'_> = head.fields().expect("a question");
                if asked.topic == TOPIC {
                    let queue = asked.queue_id as u32;
                    let tenure = self.tenures.entry((client, queue)).or_default();
                    tenure.stored.insert(stored(queue).unwrap_or(0));
                }
            }
        });
    }

    /// After it: what the broker has now. `faulty`: a fault has happened, what was said early may arrive late.
    pub(crate) fn on_stored(&mut self, client: usize, queue: u32, now: Option<i64>, faulty: bool) -> Judged {
        let Some(offset) = now else { return Ok(()) };
        let before = self.committed.get(&queue).copied();
        if before.is_some_and(|(known, _)| known == offset) {
            return Ok(());
        }
        if let Some((known, by)) = before {
            must(known < offset || by != client || faulty, "I13", || {
                format!("client {client} takes {queue} from {known} back to {offset}")
            })?;
        }
        let skipped: Vec<i64> =
            (0..offset).filter(|below| !self.settled.contains(&(queue, *below))).collect();
        must(skipped.is_empty(), "I12", || {
            format!("{queue} is committed to {offset}, unfinished: {skipped:?}")
        })?;
        self.committed.insert(queue, (offset, client));
        Ok(())
    }

    // ---- at rest -------------------------------------------------------------------------------------------

    /// What is missing to the end all must come to: every message done and committed (I14), every queue with one
    /// client (I16), who was told to stop has stopped (law 4).
    pub(crate) fn missing(&self, leaving: &BTreeSet<usize>) -> Judged {
        for (queue, end) in (0..).zip(LOG) {
            let open: Vec<i64> =
                (0..end).filter(|offset| !self.settled.contains(&(queue, *offset))).collect();
            must(open.is_empty(), "I14", || format!("{queue}: {open:?} were never finished"))?;
            let committed = self.committed.get(&queue).map(|(offset, _)| *offset);
            must(committed == Some(end), "I14", || {
                format!("{queue} is committed to {committed:?} of {end}")
            })?;
            let owners = self.tenures.iter().filter(|((_, of), tenure)| *of == queue && tenure.owned);
            let owners: Vec<usize> = owners.map(|((client, _), _)| *client).collect();
            must(owners.len() == 1, "I16", || format!("{queue} is with {owners:?}"))?;
        }
        must(self.stopped == *leaving, "law 4", || {
            format!("{leaving:?} were told to stop, {:?} have", self.stopped)
        })
    }
}

/// What a message holds.
pub(crate) fn body(queue: u32, offset: i64) -> String {
    format!("{queue}:{offset}")
}

/// Looks into a frame's head.
pub(crate) fn with_head<R>(frame: &[u8], look: impl FnOnce(&Head<'_>) -> R) -> R {
    let prefix = Prefix::parse(frame, &FrameLimits::default()).expect("a frame").expect("whole");
    let head = Head::parse(prefix.serialize, &frame[prefix.head_range()]).expect("a head");
    look(&head)
}
