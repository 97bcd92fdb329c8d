//! The same calls again, and whether they have the same results.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;

use bytes::Bytes;
use thiserror::Error;

use super::entry::QueueRef;
use super::{Entry, MAGIC, MessageRef, NameRef, OptionsRef, Piece, PieceRef, told};
use crate::client::Client;
use crate::client::consumer::{
    AllocateStrategy, Average, AverageByCircle, Delivery, PushConsumerConfig, TagFilter,
};
use crate::client::digest::digest_of;
use crate::client::event::Event;
use crate::client::ids::ConnId;
use crate::client::names::{BrokerName, InternError, Names, Queue, Topic};
use crate::client::producer::{Message, SendOptions};
use crate::config::ConfigError;
use crate::time::Instant;

/// Why a log is not replayed, or not to its end.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// It does not begin as logs do.
    #[error("this is no recording of a client: it does not begin with RMQREC and version 1")]
    NotALog,
    /// Another version of this crate wrote it.
    #[error("version {wrote} recorded this and {here} is here: replay it with {wrote}")]
    OtherVersion {
        /// Which.
        wrote: String,
        /// This one.
        here: &'static str,
    },
    /// An entry cannot be read, or cannot be there.
    #[error("the recording is damaged at byte {at}, step {step}: {what}")]
    Damaged {
        /// Byte offset of the entry.
        at: usize,
        /// Entries before it.
        step: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The client says something else than it did.
    #[error("step {step}, byte {at}: {what} differs from what was recorded ({recorded:016x}); it is {found}")]
    Differs {
        /// Byte offset of the entry.
        at: usize,
        /// Entries before it.
        step: u64,
        /// Which output.
        what: &'static str,
        /// The number it had.
        recorded: u64,
        /// What it is now, in words.
        found: String,
    },
    /// A strategy that carries settings of its own is to be given again.
    #[error("a consumer divided queues by {name}: give that strategy to `Replay::strategy`")]
    Strategy {
        /// Its name.
        name: String,
    },
    /// The configuration was changed on the way.
    #[error("the recorded configuration is refused: {0}")]
    Config(#[from] ConfigError),
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind a whole entry.
    Whole,
    /// Within an entry, of which so many bytes are there: the host was stopped while it wrote.
    Cut(usize),
    /// More waited to be fetched than was allowed, so recording had ended.
    Full,
}

/// A log that was replayed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// Entries.
    pub steps: u64,
    /// How it ends.
    pub ending: Ending,
}

/// A recorded client that runs again. [`run`](Self::run) goes to the end; [`step`](Self::step) one entry at a time, so
/// that a debugger or [`client`](Self::client) shows what it is like in between.
///
/// It keeps every delivery until it is dropped: a delivery may be settled at any later time.
#[derive(Debug)]
pub struct Replay {
    log: Bytes,
    at: usize,
    steps: u64,
    client: Client,
    strategies: Vec<Arc<dyn AllocateStrategy>>,
    deliveries: BTreeMap<Piece, Delivery>,
    /// Names that another client made, so that they are foreign again.
    foreign: Names,
    /// What the last command gave back.
    reply: Option<u64>,
    full: bool,
}

/// What an entry was found to be.
#[expect(clippy::large_enum_variant, reason = "one at a time")]
enum Found<'a> {
    Entry(Entry<'a>, usize),
    End(Ending),
}

impl Replay {
    /// A client as it was when its recording began. `log` is all that
    /// [`poll_record`](crate::Client::poll_record) gave, in order.
    pub fn new(log: impl Into<Bytes>) -> Result<Self, ReplayError> {
        let log: Bytes = log.into();
        let body = log.strip_prefix(&MAGIC).ok_or(ReplayError::NotALog)?;
        let damaged = |what: &str| ReplayError::Damaged { at: MAGIC.len(), step: 0, what: what.to_owned() };
        let (engine, _) = postcard::take_from_bytes::<(u32, &str)>(body)
            .map(|((_, engine), rest)| (engine, rest))
            .map_err(|error| damaged(&error.to_string()))?;
        let here = env!("CARGO_PKG_VERSION");
        if engine != here {
            return Err(ReplayError::OtherVersion { wrote: engine.to_owned(), here });
        }
        let (first, rest) =
            postcard::take_from_bytes::<Entry<'_>>(body).map_err(|error| damaged(&error.to_string()))?;
        let Entry::Begin { seed, config, now, unix_now, .. } = first else {
            return Err(damaged("it does not begin with a configuration"));
        };
        let client = Client::new(config.into_owned(), seed, now, unix_now)?;
        let at = log.len() - rest.len();
        Ok(Self {
            log,
            at,
            steps: 0,
            client,
            strategies: Vec::new(),
            deliveries: BTreeMap::new(),
            foreign: Names::new(u64::MAX, usize::MAX),
            reply: None,
            full: false,
        })
    }

    /// A strategy some recorded consumer used, to be used again wherever its name was recorded. `AVG` and
    /// `AVG_BY_CIRCLE` need not be given.
    #[must_use]
    pub fn strategy(mut self, strategy: Arc<dyn AllocateStrategy>) -> Self {
        self.strategies.push(strategy);
        self
    }

    /// The client as it is now.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Entries done so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Replays everything that is left.
    pub fn run(mut self) -> Result<Replayed, ReplayError> {
        loop {
            if let Some(ending) = self.step()? {
                return Ok(Replayed { steps: self.steps, ending });
            }
        }
    }

    /// Replays one entry; `Some` at the end. What a read's buffer was asked for and what was put into it are one step.
    pub fn step(&mut self) -> Result<Option<Ending>, ReplayError> {
        let log = self.log.clone();
        match self.entry_at(&log, self.at)? {
            Found::End(ending) => Ok(Some(ending)),
            Found::Entry(entry, next) => {
                let next = self.carry_out(entry, next, &log)?;
                self.at = next;
                self.steps += 1;
                Ok(None)
            }
        }
    }

    fn entry_at<'l>(&self, log: &'l [u8], at: usize) -> Result<Found<'l>, ReplayError> {
        let rest = log.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(Found::End(if self.full { Ending::Full } else { Ending::Whole }));
        }
        match postcard::take_from_bytes::<Entry<'_>>(rest) {
            Ok((entry, left)) => Ok(Found::Entry(entry, log.len() - left.len())),
            Err(postcard::Error::DeserializeUnexpectedEnd) => Ok(Found::End(Ending::Cut(rest.len()))),
            Err(error) => Err(self.damaged(&error.to_string())),
        }
    }

    #[cold]
    fn damaged(&self, what: &str) -> ReplayError {
        ReplayError::Damaged { at: self.at, step: self.steps, what: what.to_owned() }
    }

    fn check(
        &self,
        what: &'static str,
        recorded: u64,
        found: &(impl Hash + Debug),
    ) -> Result<(), ReplayError> {
        self.compare(what, recorded, digest_of(found), || format!("{found:?}"))
    }

    fn compare(
        &self,
        what: &'static str,
        recorded: u64,
        number: u64,
        words: impl FnOnce() -> String,
    ) -> Result<(), ReplayError> {
        if number == recorded {
            return Ok(());
        }
        Err(ReplayError::Differs { at: self.at, step: self.steps, what, recorded, found: words() })
    }

    /// Carries an entry out; where the next one begins.
    fn carry_out(&mut self, entry: Entry<'_>, next: usize, log: &[u8]) -> Result<usize, ReplayError> {
        match entry {
            Entry::ReadBuf(conn) => return self.read(conn, next, log),
            Entry::PolledAction(recorded) => {
                let action = self.client.poll_action();
                self.check("an action", recorded, &action)?;
            }
            Entry::PolledEvent(recorded) => {
                let event = self.client.poll_event();
                self.check("an event", recorded, &event)?;
                if let Some(Event::Delivered(delivery)) = event {
                    self.deliveries.insert(delivery.piece().of, delivery.whole());
                }
            }
            Entry::PolledNotice(recorded) => {
                let notice = self.client.poll_notice();
                self.check("a notice", recorded, &notice)?;
            }
            Entry::Reply(recorded) => {
                let Some(reply) = self.reply.take() else {
                    return Err(self.damaged("an answer to no command"));
                };
                self.compare("the answer to a command", recorded, reply, || format!("{reply:016x}"))?;
            }
            Entry::Full => self.full = true,
            Entry::Begin { .. } => return Err(self.damaged("a second beginning")),
            Entry::Read(..) => return Err(self.damaged("bytes for which no buffer was asked")),
            Entry::Connected(..)
            | Entry::ConnectFailed(..)
            | Entry::Slice(..)
            | Entry::Chunk(..)
            | Entry::Eof(..)
            | Entry::TransportFailed(..)
            | Entry::Written(..)
            | Entry::Timeout(..)
            | Entry::UnixTime(..) => self.input(&entry)?,
            command => self.command(command)?,
        }
        Ok(next)
    }

    /// A read's buffer, and what was put into it if anything was.
    fn read(&mut self, conn: ConnId, next: usize, log: &[u8]) -> Result<usize, ReplayError> {
        let put = match self.entry_at(log, next)? {
            Found::Entry(Entry::Read(other, bytes, now), behind) if other == conn => {
                Some((bytes, now, behind))
            }
            _ => None,
        };
        let room = self.client.read_buf(conn);
        let Some((bytes, now, behind)) = put else { return Ok(next) };
        let Some(room) = room.and_then(|room| room.get_mut(..bytes.len())) else {
            return Err(self.damaged("more bytes than there was room for"));
        };
        room.copy_from_slice(bytes);
        self.client.handle_read(conn, bytes.len(), now);
        Ok(behind)
    }

    fn input(&mut self, entry: &Entry<'_>) -> Result<(), ReplayError> {
        let client = &mut self.client;
        match *entry {
            Entry::Connected(conn, now) => client.handle_connected(conn, now),
            Entry::ConnectFailed(conn, error, now) => client.handle_connect_failed(conn, error, now),
            Entry::Slice(conn, bytes, now) => client.handle_slice(conn, bytes, now),
            Entry::Chunk(conn, bytes, now) => client.handle_bytes(conn, Bytes::copy_from_slice(bytes), now),
            Entry::Eof(conn, now) => client.handle_eof(conn, now),
            Entry::TransportFailed(conn, error, now) => client.handle_transport_error(conn, error, now),
            Entry::Written(conn, n, recorded, now) => {
                let found = client.digest_of_pending(conn, n);
                self.compare("what is written", recorded, found, || format!("{found:016x}"))?;
                self.client.handle_written(conn, n, now);
            }
            Entry::Timeout(now) => client.handle_timeout(now),
            Entry::UnixTime(unix_now, now) => client.handle_unix_time(unix_now, now),
            _ => {}
        }
        Ok(())
    }

    fn command(&mut self, entry: Entry<'_>) -> Result<(), ReplayError> {
        self.reply = match entry {
            Entry::Topic(name) => Some(told(&self.client.topic(name), digest_of)),
            Entry::WritableQueues(topic, now) => {
                let topic = self.topic(topic)?;
                Some(digest_of(&self.client.writable_queues(&topic, now)))
            }
            Entry::CreateProducer(config, now) => {
                Some(told(&self.client.create_producer(config.into_owned(), now), |id| (*id).into()))
            }
            Entry::Send(producer, message, options, oneway, now) => {
                let (message, options) = (self.message(&message)?, self.options(&options)?);
                let sent = if oneway {
                    self.client.send_oneway(producer, message, options, now)
                } else {
                    self.client.send(producer, message, options, now)
                };
                Some(told(&sent, |id| (*id).into()))
            }
            Entry::Cancel(id, now) => Some(u64::from(self.client.cancel(id, now))),
            Entry::CreatePushConsumer(config, now) => {
                let config = self.resolved(config.into_owned())?;
                Some(told(&self.client.create_push_consumer(config, now), |id| (*id).into()))
            }
            Entry::Subscribe(consumer, topic, filter, now) => {
                let topic = self.topic(topic)?;
                let filter = TagFilter::parse(filter).map_err(|error| self.damaged(&error.to_string()))?;
                Some(told(&self.client.subscribe(consumer, &topic, filter, now), |()| 0))
            }
            Entry::Settle(piece, settlement, now) => Some(self.settle(piece, settlement, now)?),
            other => self.without_answer(&other)?,
        };
        Ok(())
    }

    fn without_answer(&mut self, entry: &Entry<'_>) -> Result<Option<u64>, ReplayError> {
        match *entry {
            Entry::CloseProducer(id, now) => self.client.close_producer(id, now),
            Entry::Unsubscribe(consumer, topic, now) => {
                let topic = self.topic(topic)?;
                self.client.unsubscribe(consumer, &topic, now);
            }
            Entry::CloseConsumer(id, now) => self.client.close_consumer(id, now),
            Entry::Shutdown(grace, now) => self.client.shutdown(grace, now),
            _ => {}
        }
        Ok(None)
    }

    fn settle(
        &mut self,
        piece: Option<PieceRef>,
        settlement: crate::client::consumer::Settlement,
        now: Instant,
    ) -> Result<u64, ReplayError> {
        let Some(PieceRef { of, start, len }) = piece else {
            return Ok(self.client.refuse_foreign(now));
        };
        let delivery = self.deliveries.get(&of).map(|whole| whole.cut(start, len));
        let Some(delivery) = delivery else { return Err(self.damaged("messages that were never delivered")) };
        Ok(told(&self.client.settle(delivery, settlement, now), |()| 0))
    }

    // ---- names, and what is made of them -------------------------------------------------------------------

    fn topic(&mut self, NameRef { name, ours }: NameRef<'_>) -> Result<Topic, ReplayError> {
        let names = if ours { self.client.names() } else { &mut self.foreign };
        let made = names.topic(name);
        self.named(made)
    }

    fn broker(&mut self, NameRef { name, ours }: NameRef<'_>) -> Result<BrokerName, ReplayError> {
        let names = if ours { self.client.names() } else { &mut self.foreign };
        let made = names.broker(name);
        self.named(made)
    }

    fn named<T>(&self, made: Result<T, InternError>) -> Result<T, ReplayError> {
        made.map_err(|error| self.damaged(&error.to_string()))
    }

    fn message(&mut self, of: &MessageRef<'_>) -> Result<Message, ReplayError> {
        let topic = self.topic(of.topic)?;
        let (body, properties) = (Bytes::copy_from_slice(of.body), of.properties.into());
        Ok(Message { topic, body, properties, flag: of.flag })
    }

    fn options(&mut self, of: &OptionsRef<'_>) -> Result<SendOptions, ReplayError> {
        let queue = match of.queue {
            None => None,
            Some(QueueRef { topic, broker, id }) => {
                Some(Queue { topic: self.topic(topic)?, broker: self.broker(broker)?, id })
            }
        };
        Ok(SendOptions { queue, timeout: of.timeout, max_attempts: of.max_attempts })
    }

    /// The configuration with the strategy itself instead of its name.
    fn resolved(&self, mut config: PushConsumerConfig) -> Result<PushConsumerConfig, ReplayError> {
        let name = config.allocate_strategy.name().to_owned();
        let given = self.strategies.iter().rev().find(|strategy| strategy.name() == name);
        config.allocate_strategy = match (given, name.as_str()) {
            (Some(given), _) => given.clone(),
            (None, "AVG") => Arc::new(Average),
            (None, "AVG_BY_CIRCLE") => Arc::new(AverageByCircle),
            (None, _) => return Err(ReplayError::Strategy { name }),
        };
        Ok(config)
    }
}

/// How strategies are written: by their names.
pub(crate) mod strategy {
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::AllocateStrategy;
    use crate::client::consumer::QueueName;

    /// Stands for a strategy whose name was read.
    #[derive(Debug)]
    struct Unresolved(String);

    impl AllocateStrategy for Unresolved {
        fn name(&self) -> &str {
            &self.0
        }

        fn allocate(&self, _own: &str, _queues: &[QueueName<'_>], _members: &[&str]) -> Vec<usize> {
            Vec::new()
        }
    }

    pub(crate) fn serialize<S: Serializer>(
        strategy: &Arc<dyn AllocateStrategy>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(strategy.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<dyn AllocateStrategy>, D::Error> {
        Ok(Arc::new(Unresolved(String::deserialize(from)?)))
    }
}
