//! Ending, starting again, replicas, strangers at an address, name servers that differ.

use std::time::Duration;

use rocketmq_engine::wire::body::TopicRouteData;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode as R};
use rocketmq_testkit::{BrokerConfig, Cluster, Keep, Lag, Node, Restart, TopicConfig};

use crate::hand::{BROKER, Hand, code};

const SLAVE: Node = Node::Broker(1);

fn route(hand: &mut Hand, name_server: usize, topic: &str) -> Option<TopicRouteData> {
    let node = Node::NameServer(name_server);
    let at = (node, hand.connect(node));
    let answer = hand.call(at, RequestCode::GET_ROUTEINFO_BY_TOPIC, &[("topic", topic)], b"");
    TopicRouteData::decode(&answer.body).ok().filter(|_| answer.code == code(R::SUCCESS))
}

#[test]
fn a_killed_broker_says_no_more_and_has_everything_when_it_comes_back() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.heartbeat(at, "c", "G");
    hand.ask(at, RequestCode::SEND_MESSAGE_V2, &crate::hand::send_fields("T", "0", ""), b"x");
    hand.cluster.kill_broker(0);
    assert_eq!(hand.came(at).len(), 0, "the answer had not left");
    assert_eq!(hand.cluster.poll_close(BROKER), Some(at.1));
    assert_eq!(hand.cluster.handle_open(BROKER, "10.9.9.9:1".parse().unwrap()), None);
    assert_eq!(route(&mut hand, 0, "T"), None);
    hand.cluster.start_broker(0);
    assert!(route(&mut hand, 0, "T").is_some());
    assert_eq!((hand.cluster.message_count("T"), hand.cluster.members("G").len()), (1, 0));
}

#[test]
fn a_stopped_broker_finishes_its_sentence() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.ask(at, RequestCode::SEND_MESSAGE_V2, &crate::hand::send_fields("T", "0", ""), b"x");
    hand.cluster.stop_broker(0);
    assert_eq!(hand.cluster.poll_close(BROKER), None);
    assert_eq!(hand.came(at).len(), 1);
    assert_eq!(hand.cluster.poll_close(BROKER), Some(at.1));
}

#[test]
fn the_tail_of_a_log_is_lost_with_what_was_parked_there_and_its_offsets_are_given_again() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    for body in [b"a", b"b", b"c"] {
        hand.send(at, "T", "0", body);
    }
    let delayed = crate::hand::send_fields("T", "0", "DELAY\u{1}3\u{2}");
    hand.call(at, RequestCode::SEND_MESSAGE_V2, &delayed, b"later");
    hand.cluster.restart_broker(0, Restart::whole().losing_tail(2));
    let bodies: Vec<_> = hand.cluster.log("T").iter().map(|message| message.body().to_vec()).collect();
    assert_eq!(bodies, [b"a", b"b"]);
    hand.pass(Duration::from_secs(60));
    assert_eq!(hand.cluster.message_count("T"), 2, "what was parked is lost");
    let again = (BROKER, hand.connect(BROKER));
    assert_eq!(hand.send(again, "T", "0", b"d").number("queueOffset"), 2);
}

#[test]
fn an_older_offset_table_forgets_later_commits() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.heartbeat(at, "c", "G");
    hand.commit(at, "1");
    hand.pass(Duration::from_secs(5));
    let then = hand.now.instant;
    hand.pass(Duration::from_secs(1));
    hand.commit(at, "4");
    let broker = hand.cluster.broker(0).unwrap();
    let history: Vec<i64> = broker.offset_history("G", "T", 0).iter().map(|(_, offset)| *offset).collect();
    assert_eq!(history, [1, 4]);
    hand.cluster.restart_broker(0, Restart::whole().offsets_as_of(then));
    assert_eq!(hand.cluster.broker(0).unwrap().committed_offset("G", "T", 0), Some(1));
    hand.cluster.restart_broker(0, Restart::empty());
    let broker = hand.cluster.broker(0).unwrap();
    assert_eq!((broker.committed_offset("G", "T", 0), broker.topic("T")), (None, None));
}

#[test]
fn a_slave_is_late_by_so_many_messages_serves_reads_and_corrects_nothing() {
    let mut hand = Hand::new(&Cluster::builder().slaves(1).topic("T", 1).keep(Keep::Events));
    let (master, slave) = ((BROKER, hand.connect(BROKER)), (SLAVE, hand.connect(SLAVE)));
    hand.cluster.set_lag(1, Lag::Messages(1));
    for body in [b"a", b"b", b"c"] {
        hand.send(master, "T", "0", body);
    }
    assert_eq!(hand.pull(slave, "0", "0").number("nextBeginOffset"), 2);
    // Where a master would send the reader back to its end.
    let beyond = hand.pull(slave, "0", "3");
    assert_eq!((beyond.code, beyond.number("nextBeginOffset")), (code(R::PULL_RETRY_IMMEDIATELY), 3));
    assert_eq!(hand.pull(master, "0", "9").code, code(R::PULL_OFFSET_MOVED));
    let addresses = route(&mut hand, 0, "T").unwrap().broker_datas[0].broker_addrs.clone();
    assert_eq!(addresses.keys().copied().collect::<Vec<_>>(), [0, 1]);

    hand.cluster.set_lag(1, Lag::None);
    assert_eq!(hand.pull(slave, "0", "0").number("nextBeginOffset"), 3);
    hand.cluster.kill_broker(0);
    let addresses = route(&mut hand, 0, "T").unwrap().broker_datas[0].broker_addrs.clone();
    assert_eq!(addresses.keys().copied().collect::<Vec<_>>(), [1], "the slave stays in the route");
}

#[test]
fn a_slave_knows_offsets_as_they_were_at_the_last_tenth_second() {
    let mut hand = Hand::new(&Cluster::builder().slaves(1).topic("T", 1));
    let (master, slave) = ((BROKER, hand.connect(BROKER)), (SLAVE, hand.connect(SLAVE)));
    hand.heartbeat(master, "c", "G");
    hand.pass(Duration::from_secs(9));
    hand.commit(master, "5");
    hand.pass(Duration::from_secs(2));
    hand.commit(master, "6");
    let query = [("consumerGroup", "G"), ("queueId", "0"), ("topic", "T")];
    let known = hand.call(slave, RequestCode::QUERY_CONSUMER_OFFSET, &query, b"");
    assert_eq!(known.number("offset"), 5);
    hand.pass(Duration::from_secs(10));
    assert_eq!(hand.call(slave, RequestCode::QUERY_CONSUMER_OFFSET, &query, b"").number("offset"), 6);
}

#[test]
fn after_a_switch_the_old_master_has_only_what_the_new_one_has() {
    let mut hand = Hand::new(&Cluster::builder().slaves(1).topic("T", 1));
    let master = (BROKER, hand.connect(BROKER));
    hand.cluster.set_lag(1, Lag::Messages(2));
    for body in [b"a", b"b", b"c"] {
        hand.send(master, "T", "0", body);
    }
    hand.cluster.switch(1);
    hand.cluster.set_lag(1, Lag::None);
    assert_eq!(hand.cluster.log("T").len(), 1);
    let slave = (SLAVE, hand.connect(SLAVE));
    assert_eq!(hand.send(slave, "T", "0", b"d").number("queueOffset"), 1);
    let followers: Vec<usize> = hand.cluster.brokers().map(|broker| broker.message_count("T")).collect();
    assert_eq!(followers, [2, 2]);
    hand.cluster.switch(0);
    assert!(hand.cluster.broker(0).unwrap().is_master());
}

#[test]
fn another_cluster_at_the_same_address_knows_nothing() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.send(at, "T", "0", b"x");
    let stranger = BrokerConfig { cluster_name: "Elsewhere".into(), ..BrokerConfig::new("stranger") };
    let before = hand.cluster.replace_broker(0, stranger, false).unwrap();
    assert_eq!(hand.cluster.poll_close(BROKER), Some(at.1));
    let there = (BROKER, hand.connect(BROKER));
    assert!(there.1 > at.1, "numbers of connections never come back");
    assert_eq!(hand.pull(there, "0", "0").code, code(R::TOPIC_NOT_EXIST));
    assert_eq!(hand.send(there, "Auto", "0", b"x").code, code(R::SUCCESS));
    hand.cluster.put_back(0, before);
    let back = (BROKER, hand.connect(BROKER));
    assert_eq!(hand.pull(back, "0", "0").number("maxOffset"), 1);
}

#[test]
fn topics_lose_queues_permissions_messages_and_come_back_new() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.heartbeat(at, "c", "G");
    hand.send(at, "T", "1", b"x");
    hand.commit(at, "0");
    let broker = hand.cluster.broker(0).unwrap();
    broker.set_topic("T", TopicConfig { read_queues: 1, ..TopicConfig::new(2) });
    assert_eq!(hand.pull(at, "1", "0").code, code(R::INVALID_PARAMETER));
    hand.cluster.broker(0).unwrap().set_topic("T", TopicConfig::new(2));
    assert_eq!(hand.pull(at, "1", "0").code, code(R::SUCCESS), "its messages were kept");
    hand.cluster.broker(0).unwrap().set_topic("T", TopicConfig::new(2).perm(TopicConfig::WRITE));
    assert_eq!(hand.pull(at, "1", "0").code, code(R::NO_PERMISSION));
    hand.cluster.create_topic("T", 2);

    hand.cluster.broker(0).unwrap().delete_topic("T");
    assert_eq!(hand.pull(at, "1", "0").code, code(R::TOPIC_NOT_EXIST));
    assert_eq!(hand.cluster.broker(0).unwrap().committed_offset("G", "T", 0), None);
    hand.cluster.create_topic("T", 2);
    assert_eq!(hand.send(at, "T", "1", b"y").number("queueOffset"), 0);
}

#[test]
fn expired_messages_move_the_minimum_and_cannot_be_found_any_more() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    let first = hand.send(at, "T", "0", b"a");
    hand.send(at, "T", "0", b"b");
    hand.cluster.broker(0).unwrap().expire("T", 0, 1);
    let small = hand.pull(at, "0", "0");
    assert_eq!((small.code, small.remark.as_str()), (code(R::PULL_OFFSET_MOVED), "OFFSET_TOO_SMALL"));
    assert_eq!((small.number("nextBeginOffset"), small.number("minOffset")), (1, 1));
    let physical = i64::from_str_radix(&first.ext["msgId"][16..], 16).unwrap().to_string();
    let view = hand.call(at, RequestCode::VIEW_MESSAGE_BY_ID, &[("offset", &*physical)], b"");
    assert_eq!(view.code, code(R::SYSTEM_ERROR));
    // The first message is gone: a new group is not told to begin with it.
    let query = [("consumerGroup", "New"), ("queueId", "0"), ("topic", "T")];
    assert_eq!(hand.call(at, RequestCode::QUERY_CONSUMER_OFFSET, &query, b"").code, code(R::QUERY_NOT_FOUND));
}

#[test]
fn name_servers_know_different_things() {
    let mut hand = Hand::new(&Cluster::builder().name_servers(3).topic("T", 1));
    hand.cluster.name_server(0).unwrap().freeze(true);
    hand.cluster.name_server(1).unwrap().hide("T", true);
    hand.cluster.create_topic("New", 1);
    assert!(route(&mut hand, 0, "New").is_none(), "frozen");
    assert!(route(&mut hand, 1, "New").is_some());
    assert!(route(&mut hand, 1, "T").is_none(), "hidden");
    hand.cluster.kill_broker(0);
    assert!(route(&mut hand, 0, "T").is_some(), "stale");
    assert!(route(&mut hand, 2, "T").is_none());
    hand.cluster.start_broker(0);
    hand.cluster.name_server(2).unwrap().forget_all();
    assert!(route(&mut hand, 2, "T").is_none(), "until brokers register again");
    hand.cluster.register_all();
    assert!(route(&mut hand, 2, "T").is_some());
}

#[test]
fn a_client_not_heard_of_for_two_minutes_has_left() {
    let mut hand = Hand::one();
    let (quiet, lively) = ((BROKER, hand.connect(BROKER)), (BROKER, hand.connect(BROKER)));
    hand.heartbeat(quiet, "quiet", "G");
    for _ in 0..4 {
        hand.heartbeat(lively, "lively", "G");
        hand.pass(Duration::from_secs(30));
    }
    assert_eq!(hand.cluster.members("G"), ["lively"]);
    assert_eq!(hand.cluster.poll_close(BROKER), Some(quiet.1));
    let told = hand.came(lively);
    assert!(told.last().is_some_and(|push| push.code == 40 && !push.response), "{told:?}");
}
