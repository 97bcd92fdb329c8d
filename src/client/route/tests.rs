//! What a route means, beside a naive reading of it; and when it is asked for.

use alloc::sync::Arc;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::client::backoff::Rng;
use crate::client::call::CallFailure;
use crate::error::{Progress, RequestFailure};
use crate::wire::body::BrokerData;

/// Index of its broker, permissions, read and write queues.
type Queues = Vec<(u8, u32, u32, u32)>;

fn queues() -> impl Strategy<Value = Queues> {
    prop::collection::vec((0..6_u8, 0..8_u32, 0..5_u32, 0..5_u32), 0..6)
}

/// Replica ids of each broker, by the broker's index.
fn brokers() -> impl Strategy<Value = Vec<Vec<i64>>> {
    prop::collection::vec(prop::collection::vec(0..3_i64, 0..3), 6)
}

fn data(queues: &Queues, brokers: &[Vec<i64>], conf: Option<&str>) -> TopicRouteData {
    let mut seen = BTreeSet::new();
    let queue = |&(broker, perm, read, write): &(u8, u32, u32, u32)| QueueData {
        broker_name: format!("b{broker}"),
        perm,
        read_queue_nums: read,
        write_queue_nums: write,
        ..QueueData::default()
    };
    let broker = |(index, ids): (usize, &Vec<i64>)| BrokerData {
        broker_name: format!("b{index}"),
        broker_addrs: ids.iter().map(|id| (*id, format!("h{index}:{}", 1 + id))).collect(),
        ..BrokerData::default()
    };
    TopicRouteData {
        order_topic_conf: conf.map(Into::into),
        // A broker names a topic's queues once.
        queue_datas: queues.iter().filter(|queue| seen.insert(queue.0)).map(queue).collect(),
        broker_datas: brokers.iter().enumerate().map(broker).collect(),
        ..TopicRouteData::default()
    }
}

/// Everything routes need, without a client.
struct Around {
    net: Net,
    rng: Rng,
    names: Names,
    stats: ClientStats,
    config: ClientConfig,
    routes: Routes,
    now: Instant,
}

impl Around {
    fn new() -> Self {
        let config = ClientConfig::new("n:1;m:2").expect("valid");
        let rng = Rng::new(&[3; 32]);
        Self {
            net: Net::new(Arc::new(config.clone()), rng.clone()),
            rng,
            names: Names::new(1, 1 << 20),
            stats: ClientStats::default(),
            config,
            routes: Routes::default(),
            now: Instant::ZERO,
        }
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Routes, &mut Asking<'_>) -> R) -> R {
        let mut ask = Asking {
            net: &mut self.net,
            rng: &mut self.rng,
            names: &mut self.names,
            stats: &mut self.stats,
            config: &self.config,
            now: self.now,
        };
        act(&mut self.routes, &mut ask)
    }

    fn known(&mut self, name: &str, data: TopicRouteData) -> Topic {
        let topic = self.names.topic(name).expect("valid");
        self.with(|routes, ask| {
            routes.want(&topic, Use::Publish(4), ask);
            routes.know(&topic, data, ask);
        });
        topic
    }

    fn texts(&self, topic: &Topic) -> (Vec<String>, Vec<String>) {
        let route = self.routes.get(topic).expect("known");
        let text = |queue: &Queue| format!("{}:{}", queue.broker, queue.id);
        (
            route.readable_queues().iter().map(text).collect(),
            route.writable_queues().iter().map(text).collect(),
        )
    }
}

fn expected(data: &TopicRouteData, write: bool) -> Vec<String> {
    let mut out = Vec::new();
    for queues in &data.queue_datas {
        let master = data
            .broker_datas
            .iter()
            .any(|b| b.broker_name == queues.broker_name && b.broker_addrs.contains_key(&0));
        let (bit, count) = if write { (2, queues.write_queue_nums) } else { (4, queues.read_queue_nums) };
        if queues.perm & bit != 0 && (master || !write) {
            out.extend((0..count).map(|id| (queues.broker_name.clone(), id)));
        }
    }
    out.sort();
    out.into_iter().map(|(broker, id)| format!("{broker}:{id}")).collect()
}

proptest! {
    #[test]
    fn queues_are_those_permitted_and_written_to_only_at_masters(queues in queues(), brokers in brokers()) {
        let (mut around, data) = (Around::new(), data(&queues, &brokers, None));
        let topic = around.known("t", data.clone());
        prop_assert_eq!(around.texts(&topic), (expected(&data, false), expected(&data, true)));
    }

    #[test]
    fn the_order_a_name_server_lists_things_in_does_not_matter(queues in queues(), brokers in brokers(), turn in 0..6_usize) {
        let mut around = Around::new();
        let data = data(&queues, &brokers, None);
        let topic = around.known("t", data.clone());
        let before = around.texts(&topic);
        let mut other = data;
        other.broker_datas.rotate_left(turn);
        other.queue_datas.reverse();
        around.known("t", other);
        prop_assert_eq!(around.texts(&topic), before);
    }

    #[test]
    fn an_ordered_topics_configuration_says_where_it_is_written_to(conf in prop::collection::vec((0..4_u8, 0..9_u32), 1..4), brokers in brokers()) {
        let text: Vec<String> = conf.iter().map(|(broker, count)| format!("b{broker}:{count}")).collect();
        let mut around = Around::new();
        let topic = around.known("t", data(&vec![(0, 6, 2, 2)], &brokers, Some(&text.join(";"))));
        let wanted: Vec<String> = conf.iter().flat_map(|(broker, count)| (0..*count).map(move |id| format!("b{broker}:{id}"))).collect();
        prop_assert_eq!(around.texts(&topic), (vec!["b0:0".to_string(), "b0:1".to_string()], wanted));
    }

    #[test]
    fn any_configuration_text_is_read_or_passed_over(conf in "[b0-9:; -]{0,40}|\\PC{0,20}") {
        let mut around = Around::new();
        let topic = around.known("t", data(&vec![(0, 6, 1, 1)], &vec![vec![0]; 6], Some(&conf)));
        prop_assert!(around.texts(&topic).1.len() <= MAX_QUEUES);
    }

    /// The last good route stays whatever else name servers say, and each topic is asked for at one time.
    #[test]
    fn a_good_route_is_kept_through_failures(queues in queues(), brokers in brokers(), failures in 1..20_usize, other in 0..3_usize) {
        let mut around = Around::new();
        let topic = around.known("t", data(&queues, &brokers, None));
        for n in 0..other {
            around.known(&format!("o{n}"), TopicRouteData::default());
        }
        let before = around.texts(&topic);
        for _ in 0..failures {
            prop_assert_eq!(around.routes.due.len(), 1 + other, "one time for each topic");
            around.now = around.routes.next_deadline().expect("routes are asked for for ever").max(around.now);
            around.with(Routes::on_timeout);
            for server in [0, 1] {
                let names: Vec<Topic> = (0..other).map(|n| format!("o{n}")).chain(["t".into()]).map(|n: String| around.names.topic(&n).expect("valid")).collect();
                for topic in names {
                    let failure = CallFailure { progress: Progress::NotWritten, cause: RequestFailure::DeadlineExceeded };
                    around.with(|routes, ask| routes.on_answer(&topic, server, false, &Err(failure), ask));
                }
            }
            while around.routes.pop_news().is_some() {}
            prop_assert_eq!(around.texts(&topic), before.clone());
            prop_assert!(around.routes.next_deadline() > Some(around.now), "time goes on");
        }
    }
}

#[test]
fn a_route_of_too_many_queues_is_cut() {
    let mut around = Around::new();
    let mut data = data(&Vec::new(), &[], None);
    for n in 0..6 {
        data.queue_datas.push(QueueData {
            broker_name: format!("b{n}"),
            perm: 6,
            read_queue_nums: 65_536,
            write_queue_nums: 65_536,
            ..QueueData::default()
        });
        let mut broker = BrokerData { broker_name: format!("b{n}"), ..BrokerData::default() };
        broker.broker_addrs.insert(0, "h:1".into());
        data.broker_datas.push(broker);
    }
    let topic = around.known("t", data);
    let route = around.routes.get(&topic).expect("known");
    assert_eq!((route.readable_queues().len(), route.writable_queues().len()), (MAX_QUEUES, MAX_QUEUES));
}
