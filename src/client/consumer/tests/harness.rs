//! A consumer room without a client around it: its requests are taken off real connections and answered by hand,
//! time is moved by hand.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::super::*;
use crate::client::action::Action;
use crate::client::backoff::Rng;
use crate::client::call::{Answer, CallFailure, Purpose, Reply};
use crate::client::ctx::{Ctx, Identity};
use crate::client::event::{Event, Events, Notice, Notices};
use crate::client::ids::{ConnId, ConsumerId};
use crate::client::names::{Names, Queue};
use crate::client::net::Net;
use crate::client::route::{Routes, Use};
use crate::client::stats::ClientStats;
use crate::config::ClientConfig;
use crate::connection::Verdict;
use crate::error::{Progress, Rejected, RequestFailure};
use crate::time::Instant;
use crate::wire::body::{BrokerData, ConsumerData, QueueData, TopicRouteData};
use crate::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use crate::wire::frame::{FrameLimits, Prefix, SerializeType};
use crate::wire::header::{FieldList, Flag, Head, HeadSpec, encode_head};
use crate::wire::message::{StoredFields, SysFlag, UniqueIdGenerator, encode_stored};

/// One request of the consumer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    conn: ConnId,
    host: String,
    code: RequestCode,
    opaque: i32,
    ext: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.ext.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn field(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("no field {key} in {:?}", self.ext))
    }

    /// Name of the broker asked.
    pub(super) fn broker(&self) -> &str {
        self.host.split('.').next().unwrap_or_default()
    }

    /// Id of the replica asked.
    pub(super) fn replica(&self) -> i64 {
        self.host.split('.').nth(1).and_then(|id| id.parse().ok()).unwrap_or_default()
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }
}

pub(super) struct Harness {
    pub(super) notices: Vec<ConsumerNotice>,
    consumers: Consumers,
    consumer: Option<ConsumerId>,
    net: Net,
    routes: Routes,
    events: Events,
    raw_notices: Notices,
    names: Names,
    rng: Rng,
    unique_ids: UniqueIdGenerator,
    pub(super) client_stats: ClientStats,
    config: Arc<ClientConfig>,
    ids: Identity,
    now: Instant,
    asked: VecDeque<Asked>,
    deliveries: VecDeque<Delivery>,
    assigned: Vec<String>,
    revoked: Vec<String>,
    closed: Option<Vec<Uncommitted>>,
    last_stats: ConsumerStats,
    /// What the wall clock says.
    pub(super) unix_ms: i64,
}

// Requests are handed over when they are answered.
#[allow(clippy::needless_pass_by_value)]
impl Harness {
    pub(super) fn new() -> Self {
        let mut config = ClientConfig::new("ns:1").expect("valid");
        config.connection.max_in_flight = 1 << 16;
        let config = Arc::new(config);
        let rng = Rng::new(&[7; 32]);
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            notices: Vec::new(),
            consumers: Consumers::default(),
            consumer: None,
            net: Net::new(config.clone(), rng.clone()),
            routes: Routes::default(),
            events: Events::default(),
            raw_notices: Notices::new(10_000),
            names: Names::new(7, 1 << 20),
            rng,
            unique_ids: UniqueIdGenerator::new(ip, 1, [1; 4], 0),
            client_stats: ClientStats::default(),
            config,
            ids: Identity::named("me", 7),
            now: Instant::from_nanos(1_000_000_000),
            asked: VecDeque::new(),
            deliveries: VecDeque::new(),
            assigned: Vec::new(),
            revoked: Vec::new(),
            closed: None,
            last_stats: ConsumerStats::default(),
            unix_ms: 1_700_000_000_000,
        }
    }

    /// The room with everything it may touch; what it did is taken in afterwards.
    fn with<R>(&mut self, act: impl FnOnce(&mut Consumers, &mut Ctx<'_>) -> R) -> R {
        let mut ctx = Ctx {
            net: &mut self.net,
            routes: &mut self.routes,
            events: &mut self.events,
            notices: &mut self.raw_notices,
            names: &mut self.names,
            rng: &mut self.rng,
            unique_ids: &mut self.unique_ids,
            stats: &mut self.client_stats,
            config: &self.config,
            ids: &self.ids,
            now: self.now,
            unix_ms: self.unix_ms,
        };
        let result = act(&mut self.consumers, &mut ctx);
        self.take_in();
        result
    }

    fn take_in(&mut self) {
        while let Some(action) = self.net.actions.pop_front() {
            if let Action::Connect { conn, .. } = action {
                self.net.handle_connected(conn, self.now);
            }
        }
        let conns: Vec<ConnId> = self.net.connections().map(|(conn, _)| conn).collect();
        for conn in conns {
            self.take_frames(conn);
        }
        while let Some(event) = self.events.pop() {
            let text = |queues: &[Queue]| queues.iter().map(ToString::to_string).collect::<Vec<_>>();
            match event {
                Event::Delivered(delivery) => self.deliveries.push_back(delivery),
                Event::Assigned { queues, .. } => self.assigned.extend(text(&queues)),
                Event::Revoked { queues, .. } => self.revoked.extend(text(&queues)),
                Event::ConsumerClosed { uncommitted, .. } => self.closed = Some(uncommitted.into_vec()),
                other => panic!("not of a consumer: {other:?}"),
            }
        }
        while let Some(Notice::Consumer { notice, .. }) = self.raw_notices.pop() {
            self.notices.push(notice);
        }
        if let Some(stats) = self.consumer.and_then(|id| self.consumers.stats(id)) {
            self.last_stats = *stats;
        }
    }

    fn take_frames(&mut self, conn: ConnId) {
        let mut bytes = Vec::new();
        while self.net.has_pending_write(conn) {
            let mut slices: [&[u8]; 8] = [&[]; 8];
            let count = self.net.write_slices(conn, &mut slices);
            let before = bytes.len();
            slices[..count].iter().for_each(|slice| bytes.extend_from_slice(slice));
            let n = bytes.len() - before;
            self.net.handle_written(conn, n, self.now);
        }
        let host = self.net.endpoint(conn).map(|endpoint| endpoint.host().to_string()).unwrap_or_default();
        let mut rest = &bytes[..];
        while let Some(prefix) = Prefix::parse(rest, &FrameLimits::default()).expect("our own frame") {
            let head = Head::parse(prefix.serialize, &rest[prefix.head_range()]).expect("our own head");
            let text = |t: crate::wire::header::Text<'_>| t.as_str().into_owned();
            self.asked.push_back(Asked {
                conn,
                host: host.clone(),
                code: head.request_code(),
                opaque: head.opaque,
                ext: head.ext.iter().map(|(key, value)| (text(key), text(value))).collect(),
                body: rest[prefix.body_range()].to_vec(),
            });
            rest = &rest[prefix.frame_len..];
        }
    }

    // ---- commands ------------------------------------------------------------------------------------------

    /// Queues as `broker:id`; each broker has a master and a slave.
    pub(super) fn route(&mut self, topic: &str, queues: &[&str]) {
        let mut brokers: BTreeMap<&str, u32> = BTreeMap::new();
        for (broker, id) in queues.iter().filter_map(|queue| queue.split_once(':')) {
            let count = brokers.entry(broker).or_default();
            *count = (*count).max(id.parse::<u32>().expect("a number") + 1);
        }
        let broker = |name: &str| BrokerData {
            broker_name: name.into(),
            cluster: "c".into(),
            broker_addrs: [(0, format!("{name}.0:1")), (1, format!("{name}.1:1"))].into(),
            ..Default::default()
        };
        let data = TopicRouteData {
            broker_datas: brokers.keys().map(|name| broker(name)).collect(),
            queue_datas: brokers
                .iter()
                .map(|(name, count)| QueueData {
                    broker_name: (*name).into(),
                    perm: 6,
                    read_queue_nums: *count,
                    topic_sys_flag: 0,
                    write_queue_nums: *count,
                })
                .collect(),
            ..Default::default()
        };
        let topic = self.names.topic(topic).expect("valid");
        self.with(|consumers, ctx| {
            let (routes, mut ask) = ctx.asking();
            routes.want(&topic, Use::Subscribe, &mut ask);
            routes.know(&topic, data, &mut ask);
            consumers.on_route_changed(&topic, ctx);
        });
        self.asked.retain(|asked| asked.code != RequestCode::GET_ROUTEINFO_BY_TOPIC);
    }

    pub(super) fn create(&mut self, config: PushConsumerConfig) {
        self.consumer = Some(self.with(|consumers, ctx| consumers.create(config, ctx)).expect("valid"));
    }

    fn id(&self) -> ConsumerId {
        self.consumer.expect("created")
    }

    pub(super) fn subscribe(&mut self, topic: &str, filter: &str) {
        let topic = self.names.topic(topic).expect("valid");
        let (id, filter) = (self.id(), TagFilter::parse(filter).expect("valid"));
        self.with(|consumers, ctx| consumers.subscribe(id, &topic, filter, ctx)).expect("running");
        self.advance(Duration::ZERO);
    }

    pub(super) fn unsubscribe(&mut self, topic: &str) {
        let topic = self.names.topic(topic).expect("valid");
        let id = self.id();
        self.with(|consumers, ctx| consumers.unsubscribe(id, &topic, ctx));
    }

    /// Routes name no master of the broker any more.
    pub(super) fn lose_master(&mut self, broker: &str) {
        let name = self.names.broker(broker).expect("valid");
        self.net.set_broker(&name, &[(1, format!("{broker}.1:1"))].into());
    }

    pub(super) fn try_settle(
        &mut self,
        delivery: Delivery,
        settlement: Settlement,
    ) -> Result<(), Rejected<Delivery>> {
        self.with(|consumers, ctx| consumers.settle(delivery, settlement, ctx))
    }

    pub(super) fn settle(&mut self, delivery: Delivery, settlement: Settlement) {
        self.try_settle(delivery, settlement).expect("our own delivery");
    }

    pub(super) fn close(&mut self) {
        let id = self.id();
        self.with(|consumers, ctx| consumers.close(id, ctx));
    }

    pub(super) fn members_changed(&mut self) {
        assert!(self.with(|consumers, ctx| consumers.on_members_changed("G", ctx)), "the group is known");
    }

    pub(super) fn change_engine(&mut self) {
        self.ids = Identity::named("me", 8);
    }

    // ---- time ----------------------------------------------------------------------------------------------

    pub(super) fn work_left(&mut self) -> bool {
        self.consumers.next_deadline().is_some_and(|(at, _)| at <= self.now)
    }

    pub(super) fn step(&mut self) {
        self.with(Consumers::on_timeout);
    }

    /// Lets time pass, from deadline to deadline.
    pub(super) fn advance(&mut self, by: Duration) {
        let target = self.now + by;
        let mut steps = 0;
        while let Some((at, reason)) = self.consumers.next_deadline().filter(|(at, _)| *at <= target) {
            self.now = self.now.max(at);
            self.step();
            steps += 1;
            assert!(steps < 100_000, "the deadline for {reason:?} does not advance");
        }
        self.now = target;
    }

    // ---- the broker ----------------------------------------------------------------------------------------

    pub(super) fn asked(&self) -> &VecDeque<Asked> {
        &self.asked
    }

    /// The first request of a kind, if there is one.
    pub(super) fn of(&mut self, code: RequestCode) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| asked.code == code)?;
        self.asked.remove(at)
    }

    pub(super) fn take(&mut self, code: RequestCode) -> Asked {
        self.of(code).unwrap_or_else(|| panic!("no {code} among {:?}", self.asked))
    }

    pub(super) fn answer(&mut self, asked: Asked, code: ResponseCode, ext: &[(&str, &str)], body: &[u8]) {
        self.respond(&asked, code, None, ext, body, true);
    }

    /// An answer with words.
    pub(super) fn answer_with(&mut self, asked: Asked, code: ResponseCode, remark: &str) {
        self.respond(&asked, code, Some(remark), &[], b"", true);
    }

    /// The request ends without an answer.
    pub(super) fn fail(&mut self, asked: Asked) {
        self.respond(&asked, ResponseCode::SUCCESS, None, &[], b"", false);
    }

    fn respond(
        &mut self,
        asked: &Asked,
        code: ResponseCode,
        remark: Option<&str>,
        ext: &[(&str, &str)],
        body: &[u8],
        arrives: bool,
    ) {
        let spec = HeadSpec {
            code: code.0,
            language: LanguageCode::JAVA,
            version: Version::V5_5_0,
            opaque: asked.opaque,
            flag: Flag::RESPONSE,
            remark,
        };
        let mut sorted = ext.to_vec();
        sorted.sort_unstable();
        let mut frame = Vec::new();
        encode_head(&mut frame, SerializeType::Json, &spec, &FieldList(&sorted), body.len()).expect("fits");
        frame.extend_from_slice(body);
        let mut rest = &frame[..];
        let mut reader = self.net.take_any_reader(asked.conn);
        while !rest.is_empty() {
            let taken = reader.push_slice(rest, &FrameLimits::default());
            rest = &rest[taken..];
        }
        let core = self.net.core_mut(asked.conn).expect("open");
        let slot = core.next_frame(&mut reader).expect("a whole frame");
        let view = reader.view(&slot);
        let head = core.parse_head(&view).expect("our own head");
        // A second answer to the same request fits nothing and changes nothing.
        if let Verdict::Response { context: Purpose::Consumer(id, call), .. } = core.classify(&head) {
            let failure =
                CallFailure { progress: Progress::MayBeDelivered, cause: RequestFailure::DeadlineExceeded };
            let answer: Answer<'_> =
                if arrives { Ok(Reply { head: &head, body: view.body() }) } else { Err(failure) };
            self.with(|consumers, ctx| consumers.on_answer(id, call, &answer, ctx));
        }
        self.net.restore_reader(asked.conn, Some(reader));
    }

    pub(super) fn answer_members(&mut self, members: &[&str]) {
        let asked = self.take(RequestCode::GET_CONSUMER_LIST_BY_GROUP);
        let ids: Vec<String> = members.iter().map(|id| format!("{id:?}")).collect();
        let body = format!("{{\"consumerIdList\":[{}]}}", ids.join(","));
        self.answer(asked, ResponseCode::SUCCESS, &[], body.as_bytes());
    }

    pub(super) fn answer_pull(
        &mut self,
        asked: Asked,
        code: ResponseCode,
        ext: &[(&str, String)],
        body: &[u8],
    ) {
        let ext: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.answer(asked, code, &ext, body);
    }

    // ---- what came of it -----------------------------------------------------------------------------------

    pub(super) fn try_delivered(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    pub(super) fn delivered(&mut self) -> Delivery {
        self.try_delivered().expect("a delivery")
    }

    pub(super) fn assigned(&mut self) -> Vec<String> {
        core::mem::take(&mut self.assigned)
    }

    pub(super) fn revoked(&mut self) -> Vec<String> {
        core::mem::take(&mut self.revoked)
    }

    pub(super) fn closed(&mut self) -> Option<Vec<Uncommitted>> {
        self.closed.take()
    }

    pub(super) fn left(&mut self) -> Vec<String> {
        self.consumers.take_left()
    }

    pub(super) fn registration_changed(&mut self) -> bool {
        self.consumers.take_registration_changed()
    }

    pub(super) fn heartbeat(&mut self) -> ConsumerData {
        self.consumers.heartbeat_data().next().expect("a consumer")
    }

    pub(super) fn settlements_can_wait(&self) -> bool {
        self.consumers.settlements_can_wait()
    }

    pub(super) fn stats(&self) -> ConsumerStats {
        self.last_stats
    }
}

/// Appends a stored message with a body of `body`, a unique key of its offset, and these properties.
pub(super) fn stored(out: &mut Vec<u8>, offset: i64, topic: &str, properties: &str) {
    let host = SocketAddr::from(([127, 0, 0, 1], 10911));
    let fields = StoredFields {
        queue_id: 0,
        flag: 0,
        queue_offset: offset,
        physical_offset: 1000 + offset,
        sys_flag: SysFlag(0),
        born_timestamp: 1,
        born_host: host,
        store_timestamp: 2,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: b"body",
        topic,
        properties: &format!("UNIQ_KEY\u{1}KEY{offset}\u{2}{properties}"),
    };
    encode_stored(out, &fields).expect("fits");
}
