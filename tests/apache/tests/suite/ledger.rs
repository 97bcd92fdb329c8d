//! What was sent, how it ended, what came: kept by number, which is the front of each body.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rocketmq_apache::{Result, Trouble};
use rocketmq_io::{Delivery, Message, SendError, Topic};

use crate::adapter::{Io, Outcome, PATIENT, Receiver};

/// How long nothing may come before something counts as missing; a loaded machine needs its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a message has to turn up twice.
const LINGER: Duration = Duration::from_millis(700);

/// The body of a message: its number, then letters up to some length that differs.
pub fn body(number: usize) -> String {
    let mut body = format!("{number}:");
    while body.len() < 16 + number % 500 {
        body.push(char::from(b'a' + (body.len() % 26) as u8));
    }
    body
}

fn number_of(bytes: &[u8]) -> Option<usize> {
    str::from_utf8(bytes).ok()?.split(':').next()?.parse().ok()
}

/// Outcomes of sends, by number.
#[derive(Debug, Default)]
pub struct Sent {
    pub acknowledged: BTreeSet<usize>,
    pub failed: BTreeSet<usize>,
    pub indeterminate: BTreeSet<usize>,
}

impl Sent {
    /// Sends the messages with these numbers, each with a tag and a key.
    pub fn send(io: &dyn Io, group: &str, topic: &Topic, numbers: std::ops::Range<usize>) -> Self {
        let mut sent = Self::default();
        let first = numbers.start;
        let mut numbers = numbers.into_iter();
        let mut next = || numbers.next().map(|number| message(topic, number));
        io.send(group, PATIENT, &mut next, &mut |index, outcome| sent.note(first + index, &outcome));
        sent
    }

    pub fn note(&mut self, number: usize, outcome: &Outcome) {
        let set = match outcome {
            Ok(_) => &mut self.acknowledged,
            Err(SendError::Rejected(_) | SendError::Failed(_)) => &mut self.failed,
            Err(_) => &mut self.indeterminate,
        };
        assert!(set.insert(number), "send {number} ended twice");
    }

    /// An error unless every one was acknowledged.
    pub fn all(self) -> Result<BTreeSet<usize>> {
        if self.failed.is_empty() && self.indeterminate.is_empty() {
            Ok(self.acknowledged)
        } else {
            Err(Trouble(format!("failed {:?}, indeterminate {:?}", self.failed, self.indeterminate)))
        }
    }
}

pub fn message(topic: &Topic, number: usize) -> Message {
    let tag = ["red", "green", "blue"][number % 3];
    Message::builder(topic, body(number)).tag(tag).key(&format!("key-{number}")).build().expect("good text")
}

/// What came, by number: how often.
#[derive(Debug, Default)]
pub struct Came {
    pub times: BTreeMap<usize, usize>,
}

impl Came {
    /// Takes and acknowledges deliveries until all of `wanted` have come, and a little longer for what comes twice.
    pub fn wait(&mut self, consumer: &dyn Receiver, wanted: &BTreeSet<usize>) -> Result<()> {
        let mut last = Instant::now();
        while !self.has(wanted) {
            if let Some(delivery) = consumer.recv(Duration::from_millis(100)) {
                self.take(delivery)?;
                last = Instant::now();
            } else if last.elapsed() > PATIENCE {
                return Err(Trouble(format!("missing: {:?}", self.missing(wanted))));
            }
        }
        self.drain(consumer, LINGER)
    }

    /// Takes and acknowledges what comes within `time`.
    pub fn drain(&mut self, consumer: &dyn Receiver, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if let Some(delivery) = consumer.recv(left) {
                self.take(delivery)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, delivery: Delivery) -> Result<()> {
        for message in delivery.iter() {
            let text = message.body();
            let number = number_of(text).filter(|&number| body(number).as_bytes() == text);
            let number = number.ok_or_else(|| Trouble(format!("a strange body: {:?}", message.body())))?;
            let key = format!("key-{number}");
            if message.keys().next() != Some(&key) {
                return Err(Trouble(format!(
                    "message {number} has keys {:?}",
                    message.keys().collect::<Vec<_>>()
                )));
            }
            *self.times.entry(number).or_default() += 1;
        }
        delivery.ack();
        Ok(())
    }

    fn has(&self, wanted: &BTreeSet<usize>) -> bool {
        self.times.len() >= wanted.len() && wanted.iter().all(|number| self.times.contains_key(number))
    }

    fn missing(&self, wanted: &BTreeSet<usize>) -> Vec<usize> {
        wanted.iter().copied().filter(|number| !self.times.contains_key(number)).collect()
    }

    /// An error unless each of `wanted` came once, and nothing else.
    pub fn exactly(&self, wanted: &BTreeSet<usize>) -> Result<()> {
        let twice: Vec<_> = self.times.iter().filter(|(_, times)| **times > 1).collect();
        let strange: Vec<_> = self.times.keys().filter(|number| !wanted.contains(number)).collect();
        let missing = self.missing(wanted);
        if twice.is_empty() && strange.is_empty() && missing.is_empty() {
            Ok(())
        } else {
            Err(Trouble(format!("missing {missing:?}, more than once {twice:?}, not expected {strange:?}")))
        }
    }
}
