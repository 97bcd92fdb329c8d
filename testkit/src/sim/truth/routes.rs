//! Judge of routes: I27. What a client knows of routes are the name servers' answers it has read: it sends to queues
//! that are writable there, keeps no connection to a broker that none of them names, says that there is no route only
//! while it knows none, and asks again within one refresh.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rocketmq_engine::wire::body::TopicRouteData;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::header::Head;
use rocketmq_engine::{Instant, SendError};

use super::{Bug, LinkId2, Truth};

/// The topic whose route is borrowed for topics that nobody knows yet.
const DEFAULT_TOPIC: &str = "TBW102";
/// Between the choice of a queue and the last byte of the send.
const UNDER_WAY: Duration = Duration::from_secs(10);
/// An answer that came later may have been too late for the engine (`name_server_timeout`: 1 s).
const IN_TIME: Duration = Duration::from_millis(950);
/// `poll_name_server_interval`, two name servers that do not answer, and the longest back-off.
const REFRESH: Duration = Duration::from_secs(30 + 2 + 10);
/// A refresh, and two heartbeats: what is gone at both is left.
const GONE: Duration = Duration::from_secs(95);
/// Permission to write.
const WRITE: u32 = 2;

/// A route as a client has read it.
#[derive(Clone, Debug)]
struct Learned {
    at: Instant,
    /// The engine cannot have passed it over.
    sure: bool,
    /// Queues that can be written to, by broker.
    writable: BTreeMap<String, u32>,
    brokers: BTreeSet<String>,
}

impl Learned {
    fn new(at: Instant, sure: bool, data: TopicRouteData) -> Self {
        let brokers = data.broker_datas.iter();
        let masters: BTreeSet<&str> = brokers
            .filter(|broker| broker.broker_addrs.contains_key(&0))
            .map(|broker| broker.broker_name.as_str())
            .collect();
        let queues = data.queue_datas.iter();
        let writable = queues
            .filter(|queues| queues.perm & WRITE != 0 && masters.contains(queues.broker_name.as_str()))
            .map(|queues| (queues.broker_name.clone(), queues.write_queue_nums))
            .filter(|(_, count)| *count > 0)
            .collect();
        let brokers = data.broker_datas.into_iter().map(|broker| broker.broker_name).collect();
        Self { at, sure, writable, brokers }
    }
}

/// What clients have asked of name servers and read.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Broker names by host; name servers have none.
    hosts: Vec<Option<String>>,
    asked: HashMap<(LinkId2, i32), (usize, String, Instant)>,
    learned: BTreeMap<(usize, String), Vec<Learned>>,
    /// Queues an application chose itself.
    chosen: BTreeSet<(usize, String, u32)>,
    /// Since when no route of a client names a broker.
    gone: BTreeMap<(usize, String), Instant>,
    /// A process went on that had not run: it could neither read nor ask.
    resumed: Instant,
}

impl Routes {
    pub(super) fn new(hosts: Vec<Option<String>>) -> Self {
        Self { hosts, ..Self::default() }
    }

    fn broker(&self, host: usize) -> Option<&str> {
        self.hosts.get(host)?.as_deref()
    }

    pub(super) fn on_asked(&mut self, link: LinkId2, client: usize, head: &Head<'_>, now: Instant) {
        if let Some(topic) = head.ext.get("topic") {
            self.asked.insert((link, head.opaque), (client, topic.to_string(), now));
        }
    }

    /// What had been asked on a connection will not be answered.
    pub(super) fn on_link_end(&mut self, link: LinkId2) {
        self.asked.retain(|(asked, _), _| *asked != link);
    }

    pub(super) fn on_killed(&mut self, client: usize) {
        self.learned.retain(|(owner, _), _| *owner != client);
        self.chosen.retain(|(owner, ..)| *owner != client);
        self.gone.retain(|(owner, _), _| *owner != client);
    }

    pub(super) fn on_pause(&mut self, now: Instant) {
        self.resumed = now;
    }

    /// An answer a client has read: whose, about what, if it is a route.
    pub(super) fn on_answer(
        &mut self,
        link: LinkId2,
        head: &Head<'_>,
        body: &[u8],
        now: Instant,
        bug: Option<Bug>,
    ) {
        let Some((client, topic, asked_at)) = self.asked.remove(&(link, head.opaque)) else { return };
        if head.response_code() != ResponseCode::SUCCESS {
            return;
        }
        let Ok(data) = TopicRouteData::decode(body) else { return };
        let known = self.learned.entry((client, topic)).or_default();
        if bug == Some(Bug::RouteNotRefreshed) && !known.is_empty() {
            return;
        }
        // The last good route is kept.
        if data.queue_datas.is_empty() || data.broker_datas.is_empty() {
            return;
        }
        let mut learned = Learned::new(now, now - asked_at < IN_TIME, data);
        if bug == Some(Bug::BrokerKept) {
            learned.brokers.pop_first();
        }
        // The newest sure one that is old enough, and all behind it, are what the engine may have sent by.
        let old = known.iter().rposition(|route| route.sure && now - route.at > UNDER_WAY);
        known.drain(..old.unwrap_or_default());
        known.push(learned);
    }

    /// Routes of a topic that a send written now may have followed.
    fn valid(&self, client: usize, topic: &str, now: Instant) -> &[Learned] {
        let Some(known) = self.learned.get(&(client, topic.to_string())) else { return &[] };
        let first = known.iter().rposition(|route| route.sure && now - route.at > UNDER_WAY);
        known.get(first.unwrap_or_default()..).unwrap_or_default()
    }

    /// A send is written: what is wrong with where it goes.
    pub(super) fn on_send(
        &self,
        client: usize,
        host: usize,
        head: &Head<'_>,
        now: Instant,
        moved: u32,
    ) -> Option<String> {
        let topic = head.ext.get("b")?.to_string();
        let queue = head.ext.get("e")?.to_string().parse::<u32>().ok()?.saturating_add(moved);
        let broker = self.broker(host)?;
        if now - self.resumed < UNDER_WAY
            || self.chosen.contains(&(client, broker.to_string(), queue)) && moved == 0
        {
            return None;
        }
        let valid = self.valid(client, &topic, now);
        let first = self.learned.get(&(client, topic.clone())).and_then(|known| known.first());
        let borrowed = self.learned.contains_key(&(client, DEFAULT_TOPIC.to_string()))
            && first.is_none_or(|first| now - first.at < UNDER_WAY);
        let permitted = borrowed
            || valid.iter().any(|route| route.writable.get(broker).is_some_and(|count| queue < *count));
        (!permitted)
            .then(|| format!("client {client} sends {topic} to {broker}:{queue}, which no route permits"))
    }

    /// A client says that it has no route for a topic: whether it had one it could send by all the time.
    fn knows(&self, client: usize, topic: &str, since: Duration, now: Instant) -> bool {
        let valid = self.valid(client, topic, now);
        valid.first().is_some_and(|first| first.sure && now - first.at > since)
            && valid.iter().all(|route| !route.writable.is_empty())
    }

    /// Whether any route a client goes by may name the broker; true if it knows none.
    fn names(&self, client: usize, broker: &str) -> bool {
        let mut any = false;
        for known in self.learned.iter().filter(|((owner, _), _)| *owner == client).map(|(_, known)| known) {
            any = true;
            let last = known.iter().rposition(|route| route.sure).unwrap_or_default();
            if known.iter().skip(last).any(|route| route.brokers.contains(broker)) {
                return true;
            }
        }
        !any
    }

    /// Notes which brokers clients have connections to though no route names them; those that are there too long.
    pub(super) fn look(&mut self, links: BTreeSet<(usize, usize)>, now: Instant) -> Vec<String> {
        let mut gone = BTreeMap::new();
        for (client, host) in links {
            let Some(broker) = self.broker(host).filter(|broker| !self.names(client, broker)) else {
                continue;
            };
            let key = (client, broker.to_string());
            let since = self.gone.get(&key).copied().unwrap_or(now);
            gone.insert(key, since);
        }
        self.gone = gone;
        let late = self.gone.iter().filter(|(_, since)| now - (**since).max(self.resumed) > GONE);
        late.map(|((client, broker), since)| {
            format!(
                "client {client} is connected to {broker}, which no route has named for {:?}",
                now - *since
            )
        })
        .collect()
    }
}

impl Truth {
    /// An application chooses a queue itself, whatever routes say.
    pub(in super::super) fn on_chosen(&mut self, client: usize, broker: &str, queue: u32) {
        self.routes.chosen.insert((client, broker.to_string(), queue));
    }

    /// A send ended without a route.
    pub(super) fn on_no_route(&mut self, client: usize, error: &SendError, took: Duration) {
        let planted = self.bug == Some(Bug::RouteGivenUp) && !self.planted;
        let topic = match error {
            SendError::NoSuchTopic(topic) | SendError::NoRoute { topic, .. } => topic.as_str().to_string(),
            _ if planted => super::super::swarm::TOPIC.to_string(),
            _ => return,
        };
        let since = self.now - self.routes.resumed;
        if since > UNDER_WAY && self.routes.knows(client, &topic, took, self.now) {
            self.planted |= planted;
            self.blame("I27", format!("client {client} has given up the route of {topic}: {error}"));
        }
    }

    /// All has been well for longer than a refresh: every route was learned within one.
    pub(in super::super) fn judge_routes(&mut self) {
        let now = self.now;
        let stale: Vec<String> = self
            .routes
            .learned
            .iter()
            .filter(|((_, topic), _)| topic != DEFAULT_TOPIC)
            .filter_map(|((client, topic), known)| {
                let age = now - known.last()?.at;
                (age > REFRESH)
                    .then(|| format!("client {client} has had the same route of {topic} for {age:?}"))
            })
            .collect();
        for what in stale {
            self.blame("I27", what);
        }
    }
}
