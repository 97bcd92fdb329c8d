//! What the recorded broker had before the first request: read out of its answers.

use std::collections::{BTreeMap, BTreeSet};

use rocketmq_engine::wire::body::TopicRouteData;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::message::MessageView;
use rocketmq_testkit::{Cluster, TopicConfig};

use crate::recording::{Record, Recording};

type Queue = (String, i64);

/// A cluster in the state the recording begins with.
pub(crate) fn cluster(recording: &Recording) -> Cluster {
    let mut cluster = Cluster::builder().build(&[address(recording)]);
    let binary = recording.records().any(|record| !record.from_client && record.binary);
    let Some(broker) = cluster.broker(0) else { unreachable!("one broker") };
    for (topic, config) in topics(recording) {
        broker.set_topic(&topic, config);
    }
    let begin = first_offsets(recording);
    load(recording, broker, &begin);
    for ((group, topic, queue), offset) in committed(recording) {
        broker.set_committed_offset(&group, &topic, queue as u32, offset);
    }
    if binary {
        broker.configure(|config| config.serialize = SerializeType::Rocketmq);
        cluster.name_server(0).unwrap().answer_in(SerializeType::Rocketmq);
    }
    if let Some(physical) = first_physical_offset(recording) {
        cluster.broker(0).unwrap().begin_log_at(physical);
    }
    cluster.register_all();
    cluster
}

/// Where the recorded broker told clients it was.
fn address(recording: &Recording) -> std::net::SocketAddr {
    let routes = recording.records().filter(|record| answered(record, 105) && record.code == 0);
    let told = routes.filter_map(|record| TopicRouteData::decode(record.body()).ok());
    let mut told = told;
    let told = told.find_map(|route| route.broker_datas.first()?.broker_addrs.get(&0)?.parse().ok());
    told.unwrap_or_else(|| "127.0.0.2:10911".parse().unwrap())
}

fn answered(record: &Record, code: i64) -> bool {
    record.answers.is_some_and(|(_, asked)| asked == code)
}

/// Topics there were: those a route was told of before it could have been made, and those no route was asked of.
fn topics(recording: &Recording) -> BTreeMap<String, TopicConfig> {
    let rw = |queues| TopicConfig::new(queues);
    let mut found: BTreeMap<String, TopicConfig> = [
        ("VecTopic", rw(2)),
        ("VecOne", rw(1)),
        ("VecOrder", TopicConfig { order: true, ..rw(4) }),
        ("VecDelay", rw(1)),
        ("VecReadOnly", rw(1).perm(TopicConfig::READ)),
        ("VecWriteOnly", rw(1).perm(TopicConfig::WRITE)),
        ("VecAclTopic", rw(2)),
    ]
    .map(|(name, config)| (name.to_owned(), config))
    .into();
    let mut asked = BTreeSet::new();
    for answer in recording.records().filter(|record| answered(record, 105)) {
        let request = recording.request(answer.answers.unwrap().0);
        let Some(topic) = request.ext("topic").filter(|topic| asked.insert(topic.to_string())) else {
            continue;
        };
        match TopicRouteData::decode(answer.body()).ok().filter(|_| answer.code == 0) {
            None => {
                found.remove(topic);
            }
            Some(route) => {
                let queues = &route.queue_datas[0];
                let config = TopicConfig {
                    read_queues: queues.read_queue_nums,
                    write_queues: queues.write_queue_nums,
                    perm: queues.perm,
                    sys_flag: queues.topic_sys_flag,
                    order: false,
                };
                found.insert(topic.to_owned(), config);
            }
        }
    }
    found
}

fn queue_of(request: &Record) -> Option<Queue> {
    let topic = request.ext("topic").or_else(|| request.ext("b"))?;
    Some((topic.to_owned(), request.ext_i64("queueId").or_else(|| request.ext_i64("e"))?))
}

/// How long each queue was, by the first answer that says so.
fn first_offsets(recording: &Recording) -> BTreeMap<Queue, i64> {
    let sends_back = recording.records().any(|record| record.code == 36);
    let mut begin = BTreeMap::new();
    let mut sent: BTreeMap<Queue, i64> = BTreeMap::new();
    for answer in recording.records().filter(|record| record.code == 0) {
        let Some((n, code)) = answer.answers else { continue };
        let request = recording.request(n);
        let Some(mut queue) = queue_of(request) else { continue };
        if sends_back && queue.0.starts_with('%') {
            // What is in these came in the course of the recording.
            continue;
        }
        if let Some(chosen) = answer.ext_i64("queueId") {
            queue.1 = chosen;
        }
        if let Some(level) = delay_level(request) {
            queue = ("SCHEDULE_TOPIC_XXXX".to_owned(), level - 1);
        }
        let told = match code {
            10 | 310 | 320 => answer.ext_i64("queueOffset"),
            11 | 361 => answer.ext_i64("maxOffset"),
            30 => answer.ext_i64("offset"),
            _ => None,
        };
        if let Some(offset) = told {
            begin.entry(queue.clone()).or_insert(offset - sent.get(&queue).copied().unwrap_or_default());
        }
        if matches!(code, 10 | 310) {
            *sent.entry(queue).or_default() += 1;
        }
    }
    begin
}

fn delay_level(request: &Record) -> Option<i64> {
    let properties = request.ext("i").or_else(|| request.ext("properties"))?;
    properties.split('\u{2}').find_map(|piece| piece.strip_prefix("DELAY\u{1}"))?.parse().ok()
}

/// Puts every message the recordings of this broker show into its place, and fills the gaps.
fn load(recording: &Recording, broker: &mut rocketmq_testkit::Broker, begin: &BTreeMap<Queue, i64>) {
    let mut shown: BTreeMap<(String, i64, i64), &[u8]> = BTreeMap::new();
    let own = recording.records().flat_map(|record| &record.messages);
    for id in recording.elsewhere.iter().chain(own) {
        let bytes = &recording.stored[id];
        let view = MessageView::parse(bytes).unwrap();
        shown.insert((view.topic().to_owned(), i64::from(view.queue_id()), view.queue_offset()), bytes);
    }
    for ((topic, queue), length) in begin {
        for offset in 0..*length {
            match shown.get(&(topic.clone(), *queue, offset)) {
                Some(bytes) => assert!(broker.load(bytes), "{topic} {queue} {offset}"),
                None => assert_eq!(broker.seed(topic, *queue as u32, "gap"), offset),
            }
        }
    }
}

/// Offsets groups had committed, by the first query before any commit.
fn committed(recording: &Recording) -> BTreeMap<(String, String, i64), i64> {
    let mut first = BTreeMap::new();
    for record in recording.records() {
        let request = record.answers.map_or(record, |(n, _)| recording.request(n));
        let key = || {
            let (topic, queue) = queue_of(request)?;
            Some((request.ext("consumerGroup")?.to_owned(), topic, queue))
        };
        let Some(key) = key() else { continue };
        if record.from_client && record.code == 15 {
            first.entry(key).or_insert(None);
        } else if answered(record, 14) && record.code == 0 {
            first.entry(key).or_insert(record.ext_i64("offset").filter(|offset| *offset > 0));
        }
    }
    first.into_iter().filter_map(|(key, offset)| Some((key, offset?))).collect()
}

/// The commit-log offset of the first message sent.
fn first_physical_offset(recording: &Recording) -> Option<i64> {
    let mut ids = recording.records().filter_map(|record| record.ext("msgId"));
    let first = ids.next()?.split(',').next()?.to_owned();
    i64::from_str_radix(&first[first.len() - 16..], 16).ok()
}
