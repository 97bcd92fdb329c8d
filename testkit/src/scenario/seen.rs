//! What came to a consumer, and whether it is what had to come.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rocketmq_engine::{Delivery, Instant, Queue, Settlement};

use super::stage::{PATIENCE, Stage};
use super::{Failed, Outcome};

/// What a consumer's listener says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum React {
    /// It is settled so, alone.
    Settle(Settlement),
    /// It is kept: [`Consumer::settle_held`](super::Consumer::settle_held) settles it later.
    Hold,
}

impl React {
    /// It is done.
    pub const DONE: Self = Self::Settle(Settlement::Done);
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The queue it was pulled from.
    pub queue: Queue,
    /// The topic it was first sent to.
    pub topic: String,
    /// Its offset.
    pub offset: i64,
    /// Its body, decompressed.
    pub body: Vec<u8>,
    /// Its tag.
    pub tag: Option<String>,
    /// Its keys.
    pub keys: Vec<String>,
    /// All its properties.
    pub properties: BTreeMap<String, String>,
    /// How often it came back.
    pub reconsume_times: i32,
    /// The flag of the application.
    pub flag: i32,
    /// It was stored compressed.
    pub compressed: bool,
    /// The id its sender gave it.
    pub unique_key: Option<String>,
    /// When it came, on the scale of the client that got it.
    pub at: Instant,
}

impl Received {
    pub(super) fn of(delivery: &Delivery, at: Instant) -> Option<Self> {
        let message = delivery.get(0)?;
        let pairs = message.properties().iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Some(Self {
            queue: delivery.queue().clone(),
            topic: delivery.topic(0)?.to_string(),
            offset: message.queue_offset(),
            body: message.body().to_vec(),
            tag: message.tag().map(str::to_string),
            keys: message.keys().map(str::to_string).collect(),
            properties: pairs.collect(),
            reconsume_times: message.reconsume_times(),
            flag: message.flag(),
            compressed: message.sys_flag().is_compressed(),
            unique_key: message.unique_key().map(str::to_string),
            at,
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What came, in the order it came; a clone sees the same, so several consumers can share one.
#[derive(Clone, Debug)]
pub struct Seen {
    stage: Stage,
    all: Rc<RefCell<Vec<Received>>>,
}

impl Seen {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { stage: stage.clone(), all: Rc::default() }
    }

    pub(super) fn add(&self, received: Received) {
        self.all.borrow_mut().push(received);
    }

    /// Everything that came, repetitions included.
    pub fn all(&self) -> Vec<Received> {
        self.all.borrow().clone()
    }

    /// How many came, repetitions included.
    pub fn len(&self) -> usize {
        self.all.borrow().len()
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The different bodies that came.
    pub fn bodies(&self) -> BTreeSet<Vec<u8>> {
        self.all.borrow().iter().map(|received| received.body.clone()).collect()
    }

    /// How often each body came.
    pub fn times(&self) -> BTreeMap<Vec<u8>, usize> {
        let mut times = BTreeMap::new();
        for received in self.all.borrow().iter() {
            *times.entry(received.body.clone()).or_default() += 1;
        }
        times
    }

    /// The first message with this body.
    pub fn find(&self, body: &[u8]) -> Outcome<Received> {
        let all = self.all.borrow();
        let found = all.iter().find(|received| received.body == body).cloned();
        found.ok_or_else(|| Failed(format!("{:?} did not come", String::from_utf8_lossy(body))))
    }

    /// Forgets what came.
    pub fn clear(&self) {
        self.all.borrow_mut().clear();
    }

    /// Waits until so many messages came, repetitions included.
    pub async fn wait_for(&self, count: usize) -> Outcome {
        let wait = self.stage.until("messages", PATIENCE, || self.len() >= count).await;
        wait.map_err(|_| Failed(format!("{} of {count} messages came within {PATIENCE:?}", self.len())))
    }

    /// Waits until every one of these bodies came.
    pub async fn wait_for_all(&self, bodies: &BTreeSet<Vec<u8>>) -> Outcome {
        let missing = || -> Vec<String> {
            let came = self.bodies();
            bodies.difference(&came).map(|body| short(body)).collect()
        };
        let enough = || self.len() >= bodies.len() && missing().is_empty();
        let wait = self.stage.until("messages", PATIENCE, enough).await;
        wait.map_err(|_| Failed(format!("within {PATIENCE:?} did not come: {}", some(&missing()))))
    }

    /// Waits until every one of these bodies came, and a while longer: each came once and nothing else did.
    pub async fn exactly(&self, bodies: &BTreeSet<Vec<u8>>) -> Outcome {
        self.wait_for_all(bodies).await?;
        self.stage.linger().await;
        let times = self.times();
        let twice: Vec<_> =
            times.iter().filter(|(_, times)| **times > 1).map(|(body, _)| short(body)).collect();
        let strange: Vec<_> =
            times.keys().filter(|body| !bodies.contains(*body)).map(|body| short(body)).collect();
        super::check!(twice.is_empty(), "came more than once: {}", some(&twice));
        super::check!(strange.is_empty(), "came and should not have: {}", some(&strange));
        Ok(())
    }

    /// That the messages of each queue came in the order of their offsets, leaving repetitions aside.
    pub fn in_order(&self) -> Outcome {
        let mut last = BTreeMap::new();
        for received in self.all.borrow().iter() {
            let before = last.insert(received.queue.clone(), received.offset);
            super::check!(
                before.is_none_or(|before| before < received.offset),
                "{} came after {before:?} of {}",
                received.offset,
                received.queue
            );
        }
        Ok(())
    }
}

fn short(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..body.len().min(24)).unwrap_or_default()).into_owned()
}

fn some(texts: &[String]) -> String {
    let shown = texts.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{} ({shown}{})", texts.len(), if texts.len() > 10 { " ..." } else { "" })
}
