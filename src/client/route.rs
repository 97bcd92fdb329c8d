//! Topic routes: which name server to ask, the last good route of each topic, and when to ask again
//! (Java `MQClientInstance.updateTopicRouteInfoFromNameServer`, client-side part of `TopicPublishInfo`).
//!
//! All name servers are tried within one round; "no such topic" of one is not final while others have not been
//! asked, since they need not know the same. A topic that nobody knows and somebody wants to send to gets the route
//! of the default topic `TBW102`, if brokers create topics by themselves.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use core::time::Duration;

use super::backoff::{Backoff, Rng};
use super::call::{Answer, Purpose, Target};
use super::names::{BrokerName, Names, Queue, Topic};
use super::net::Net;
use super::stats::ClientStats;
use crate::config::ClientConfig;
use crate::time::Instant;
use crate::wire::body::route::{QueueData, TopicRouteData};
use crate::wire::codes::ResponseCode;
use crate::wire::fields::GetRouteInfoRequest;
use crate::wire::message::names::DEFAULT_TOPIC;

#[cfg(test)]
mod tests;

const PERM_WRITE: u32 = 2;
const PERM_READ: u32 = 4;
/// Queues of one topic that are kept, at all brokers together.
const MAX_QUEUES: usize = 1 << 18;

/// Where a topic's queues are.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Route {
    /// What it was made of, encoded: an answer that says the same changes nothing.
    text: Box<[u8]>,
    brokers: Box<[BrokerName]>,
    /// The same as `write` mostly, and then shared.
    read: Arc<[Queue]>,
    write: Arc<[Queue]>,
}

impl Route {
    /// Queues to read from, sorted by broker and number.
    pub(crate) fn readable_queues(&self) -> &[Queue] {
        &self.read
    }

    /// Queues to write to, sorted by broker and number, of brokers that have a master.
    pub(crate) fn writable_queues(&self) -> &[Queue] {
        &self.write
    }

    /// Bytes of memory held.
    fn held(&self) -> usize {
        let brokers = self.text.len() + self.brokers.len() * size_of::<BrokerName>();
        let write = if Arc::ptr_eq(&self.read, &self.write) { 0 } else { self.write.len() };
        (self.read.len() + write) * size_of::<Queue>() + brokers
    }

    /// Its brokers.
    pub(crate) fn brokers(&self) -> &[BrokerName] {
        &self.brokers
    }
}

/// What somebody wants a topic's route for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Where the topic has to be made by its first send, it gets at most so many queues at a broker.
    Publish(u32),
    Subscribe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Round {
    Idle,
    /// Name servers are asked one after the other.
    Asking {
        tried: usize,
        unknown: usize,
        default_topic: bool,
    },
}

#[derive(Clone, Debug, Hash)]
struct Entry {
    topic: Topic,
    route: Option<Route>,
    publish: bool,
    /// The fewest queues somebody makes the topic with (Java `defaultTopicQueueNums`).
    default_queues: u32,
    subscribe: bool,
    round: Round,
    ask_at: Instant,
    backoff: Backoff,
    /// Doubts since the route last changed: each is met later than the one before.
    doubts: Backoff,
}

/// How a round ended.
#[derive(Clone, Debug, Hash)]
pub(crate) enum News {
    /// The route is new or differs from the last.
    Changed(Topic),
    /// The route is what it was.
    Same(Topic),
    /// No name server knows the topic, nor a default one.
    NoSuchTopic(Topic),
    /// Name servers could not be reached or answered nonsense.
    Failed(Topic, String),
}

/// All topics in use.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Routes {
    entries: Vec<Option<Entry>>,
    due: BTreeSet<(Instant, u32)>,
    /// The name server that answered last: asked first.
    preferred: usize,
    news: VecDeque<News>,
    /// What the last name server that failed said, for people.
    reason: String,
    /// Bytes of memory held by the routes themselves.
    queues_held: usize,
}

/// What asking needs.
pub(crate) struct Asking<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) rng: &'a mut Rng,
    pub(crate) names: &'a mut Names,
    pub(crate) stats: &'a mut ClientStats,
    pub(crate) config: &'a ClientConfig,
    pub(crate) now: Instant,
}

impl Routes {
    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.entries.capacity() * size_of::<Option<Entry>>() + self.queues_held
    }

    pub(crate) fn get(&self, topic: &Topic) -> Option<&Route> {
        self.entry(topic)?.route.as_ref()
    }

    fn entry(&self, topic: &Topic) -> Option<&Entry> {
        self.entries.get(topic.index())?.as_ref()
    }

    fn entry_mut(&mut self, topic: &Topic) -> Option<&mut Entry> {
        self.entries.get_mut(topic.index())?.as_mut()
    }

    /// Keeps a topic's route known from now on; asks for it if it is not.
    pub(crate) fn want(&mut self, topic: &Topic, usage: Use, ask: &mut Asking<'_>) {
        if self.entries.len() <= topic.index() {
            self.entries.resize_with(topic.index() + 1, || None);
        }
        if let Some(slot @ None) = self.entries.get_mut(topic.index()) {
            *slot = Some(Entry {
                topic: topic.clone(),
                route: None,
                publish: false,
                default_queues: u32::MAX,
                subscribe: false,
                round: Round::Idle,
                ask_at: ask.now,
                backoff: Backoff::default(),
                doubts: Backoff::default(),
            });
            self.due.insert((ask.now, topic.index() as u32));
        }
        let now = ask.now;
        let Some(entry) = self.entry_mut(topic) else { return };
        let missing = match usage {
            Use::Publish(queues) => {
                entry.default_queues = entry.default_queues.min(queues);
                let first = !core::mem::replace(&mut entry.publish, true);
                first && entry.route.as_ref().is_none_or(|route| route.write.is_empty())
            }
            Use::Subscribe => {
                let first = !core::mem::replace(&mut entry.subscribe, true);
                first && entry.route.is_none()
            }
        };
        if missing && entry.round == Round::Idle {
            self.ask_again_at(topic, now);
            self.on_timeout(ask);
        }
    }

    /// Asks soon, because what the route says has turned out to be wrong.
    pub(crate) fn doubt(&mut self, topic: &Topic, ask: &mut Asking<'_>) {
        let Some(entry) = self.entry_mut(topic) else { return };
        if entry.round == Round::Idle {
            let (first, most) = (ask.config.backoff_first, ask.config.backoff_most);
            if entry.doubts.until() > ask.now {
                return;
            }
            let at = entry.doubts.fail(first, most, ask.rng, ask.now).min(entry.ask_at);
            self.ask_again_at(topic, at);
        }
    }

    fn ask_again_at(&mut self, topic: &Topic, at: Instant) {
        let index = topic.index() as u32;
        let Some(entry) = self.entry_mut(topic) else { return };
        let before = core::mem::replace(&mut entry.ask_at, at);
        self.due.remove(&(before, index));
        self.due.insert((at, index));
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Asks for what is due.
    pub(crate) fn on_timeout(&mut self, ask: &mut Asking<'_>) {
        while let Some(&(at, index)) = self.due.first().filter(|(at, _)| *at <= ask.now) {
            self.due.remove(&(at, index));
            let Some(Some(entry)) = self.entries.get_mut(index as usize) else { continue };
            if entry.round == Round::Idle {
                entry.round = Round::Asking { tried: 0, unknown: 0, default_topic: false };
                let topic = entry.topic.clone();
                self.ask_next(&topic, ask);
            }
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// How rounds ended since the last call, in order.
    pub(crate) fn pop_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Asks the next name server of the round; ends the round if none is left.
    fn ask_next(&mut self, topic: &Topic, ask: &mut Asking<'_>) {
        let servers = ask.net.name_server_count();
        let preferred = self.preferred;
        loop {
            let Some(entry) = self.entry_mut(topic) else { return };
            let Round::Asking { tried, default_topic, .. } = &mut entry.round else { return };
            if *tried >= servers {
                return self.end_round(topic, ask);
            }
            let server = (preferred + *tried) % servers;
            *tried += 1;
            let default_topic = *default_topic;
            let name = if default_topic { DEFAULT_TOPIC } else { topic.as_str() };
            let fields = GetRouteInfoRequest { topic: name.into(), ..Default::default() };
            let purpose = Purpose::Route { topic: topic.clone(), server: server as u32, default_topic };
            let timeout = ask.config.name_server_timeout;
            ask.stats.route_requests += 1;
            let to = Target::NameServer(server);
            if ask.net.call(&to, &fields, &Bytes::new(), purpose, timeout, ask.now).is_ok() {
                return;
            }
        }
    }

    /// No name server gave a route in this round.
    fn end_round(&mut self, topic: &Topic, ask: &mut Asking<'_>) {
        let servers = ask.net.name_server_count();
        let Some(entry) = self.entry_mut(topic) else { return };
        let Round::Asking { unknown, default_topic, .. } = entry.round else { return };
        let nobody_knows = unknown >= servers;
        // One that knows nothing is enough to try the default topic: the others need not come back.
        if unknown > 0 && !default_topic && entry.publish && entry.route.is_none() {
            entry.round = Round::Asking { tried: 0, unknown: 0, default_topic: true };
            return self.ask_next(topic, ask);
        }
        entry.round = Round::Idle;
        let (first, most) = (ask.config.backoff_first, ask.config.backoff_most);
        let at = entry.backoff.fail(first, most, ask.rng, ask.now);
        self.ask_again_at(topic, at);
        self.news.push_back(if nobody_knows {
            News::NoSuchTopic(topic.clone())
        } else {
            let reason = core::mem::take(&mut self.reason);
            News::Failed(topic.clone(), reason)
        });
    }

    /// A name server's answer.
    pub(crate) fn on_answer(
        &mut self,
        topic: &Topic,
        server: usize,
        default_topic: bool,
        answer: &Answer<'_>,
        ask: &mut Asking<'_>,
    ) {
        let Some(entry) = self.entry_mut(topic) else { return };
        let Round::Asking { unknown, .. } = &mut entry.round else { return };
        let who = |ask: &Asking<'_>| ask.net.name_server(server).map(ToString::to_string).unwrap_or_default();
        match answer {
            Ok(reply) if reply.head.response_code() == ResponseCode::TOPIC_NOT_EXIST => *unknown += 1,
            Ok(reply) if reply.head.response_code() == ResponseCode::SUCCESS => {
                match TopicRouteData::decode(reply.body.as_slice()) {
                    // Empty is what a name server says that has just started: the last good route stays.
                    Ok(data) if data.queue_datas.is_empty() || data.broker_datas.is_empty() => {
                        self.reason = format!("name server {}: its route is empty", who(ask));
                    }
                    Ok(data) => {
                        self.preferred = server;
                        let news = self.learn(topic, data, default_topic, ask);
                        self.news.push_back(news);
                        return;
                    }
                    Err(error) => self.reason = format!("name server {}: {error}", who(ask)),
                }
            }
            Ok(reply) => {
                let code = reply.head.response_code();
                self.reason = format!("name server {}: {code} {}", who(ask), reply.words());
            }
            Err(failure) => self.reason = format!("name server {}: {}", who(ask), failure.cause),
        }
        self.ask_next(topic, ask);
    }

    fn learn(
        &mut self,
        topic: &Topic,
        mut data: TopicRouteData,
        borrowed: bool,
        ask: &mut Asking<'_>,
    ) -> News {
        if borrowed {
            let most = self.entry_mut(topic).map_or(u32::MAX, |entry| entry.default_queues);
            for queues in &mut data.queue_datas {
                let n = queues.read_queue_nums.min(most);
                (queues.read_queue_nums, queues.write_queue_nums) = (n, n);
            }
        }
        data.queue_datas.sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
        data.broker_datas.sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
        for broker in &data.broker_datas {
            match ask.names.broker(&broker.broker_name) {
                Ok(name) => ask.net.set_broker(&name, &broker.broker_addrs),
                Err(error) => {
                    let reason = format!("a broker is left out: {error}");
                    self.news.push_back(News::Failed(topic.clone(), reason));
                }
            }
        }
        let interval = ask.config.poll_name_server_interval;
        // A borrowed route is soon replaced by the topic's own.
        let wait = if borrowed { interval.min(Duration::from_secs(1)) } else { ask.rng.jitter(interval) };
        let at = ask.now + wait;
        let Some(entry) = self.entry_mut(topic) else { return News::Same(topic.clone()) };
        entry.round = Round::Idle;
        entry.backoff = Backoff::default();
        let text = data.encode().into_boxed_slice();
        let same = entry.route.as_ref().is_some_and(|route| route.text == text);
        if !same {
            entry.doubts = Backoff::default();
            let before = entry.route.as_ref().map_or(0, Route::held);
            let route = build(topic, &data, text, ask.names);
            let after = route.held();
            entry.route = Some(route);
            self.queues_held = self.queues_held + after - before;
        }
        self.ask_again_at(topic, at);
        if same { News::Same(topic.clone()) } else { News::Changed(topic.clone()) }
    }

    /// A route as if a name server had given it.
    #[cfg(test)]
    pub(crate) fn know(&mut self, topic: &Topic, data: TopicRouteData, ask: &mut Asking<'_>) {
        let _ = self.learn(topic, data, false, ask);
    }

    /// Brokers of all routes in use, each once, and whether somebody reads there.
    pub(crate) fn brokers(&self) -> BTreeMap<BrokerName, bool> {
        let mut found = BTreeMap::new();
        for entry in self.entries.iter().flatten() {
            let Some(route) = &entry.route else { continue };
            for name in route.brokers() {
                *found.entry(name.clone()).or_default() |= entry.subscribe;
            }
        }
        found
    }
}

/// The queues a route means (Java `topicRouteData2TopicPublishInfo`, `...2TopicSubscribeInfo`).
fn build(topic: &Topic, data: &TopicRouteData, text: Box<[u8]>, names: &mut Names) -> Route {
    let (mut read, mut write) = (Vec::new(), Vec::new());
    let mut add = |out: &mut Vec<Queue>, broker: &str, count: u32| {
        let Ok(broker) = names.broker(broker) else { return };
        let count = (count as usize).min(MAX_QUEUES - out.len().min(MAX_QUEUES)) as u32;
        out.extend((0..count).map(|id| Queue { topic: topic.clone(), broker: broker.clone(), id }));
    };
    let has_master = |queues: &QueueData| {
        let mut brokers = data.broker_datas.iter();
        brokers.any(|b| b.broker_name == queues.broker_name && b.broker_addrs.contains_key(&0))
    };
    for queues in &data.queue_datas {
        if queues.perm & PERM_READ != 0 {
            add(&mut read, &queues.broker_name, queues.read_queue_nums);
        }
    }
    if let Some(conf) = data.order_topic_conf.as_deref().filter(|conf| !conf.is_empty()) {
        for (broker, count) in conf.split(';').filter_map(|part| part.rsplit_once(':')) {
            add(&mut write, broker, count.trim().parse().unwrap_or(0));
        }
    } else {
        let writable = |queues: &&QueueData| queues.perm & PERM_WRITE != 0 && has_master(queues);
        for queues in data.queue_datas.iter().filter(writable) {
            add(&mut write, &queues.broker_name, queues.write_queue_nums);
        }
    }
    let read: Arc<[Queue]> = read.into();
    let write = if *write == *read { read.clone() } else { write.into() };
    let brokers =
        data.broker_datas.iter().filter_map(|broker| names.broker(&broker.broker_name).ok()).collect();
    Route { text, brokers, read, write }
}
