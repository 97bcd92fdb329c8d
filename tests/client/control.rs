//! I33: a server's own requests change nothing but what they may.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{ConnId, PushConsumerConfig, TagFilter};

use crate::harness::World;

/// A consumer of group `G` that has been given its queue, and its connection to the broker.
fn consuming() -> (World, ConnId) {
    let mut w = World::new();
    w.route("T", &[("a", 1)]);
    w.route("%RETRY%G", &[("a", 1)]);
    let consumer = w.client.create_push_consumer(PushConsumerConfig::new("G"), w.now).expect("new");
    let topic = w.topic("T");
    w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    w.silent.insert("a:1".into());
    w.advance(Duration::ZERO);
    let conn = w.conns("a:1")[0];
    (w, conn)
}

/// Answers questions for a while; how often the members of `G` were asked for.
fn members_asked(w: &mut World, millis: u64) -> usize {
    let ids = format!("{{\"consumerIdList\":[{:?}]}}", w.client.client_id());
    let mut questions = 0;
    for _ in 0..millis / 10 {
        w.advance(Duration::from_millis(10));
        while let Some(asked) = w.asked.pop_front() {
            match asked.code {
                Q::HEART_BEAT => w.answer(&asked, A::SUCCESS, &[], b""),
                Q::GET_CONSUMER_LIST_BY_GROUP => {
                    questions += 1;
                    w.answer(&asked, A::SUCCESS, &[], ids.as_bytes());
                }
                Q::QUERY_CONSUMER_OFFSET => w.answer(&asked, A::SUCCESS, &[("offset", "0")], b""),
                // Long polls wait.
                _ => {}
            }
        }
    }
    questions
}

/// Lets a broker ask for `code`, or for what is `planted` in its place: what the client does but to answer that it
/// does not do such things.
fn obeyed(w: &mut World, conn: ConnId, code: Q, planted: Option<Q>) -> Vec<String> {
    let ext = [("consumerGroup", "G"), ("topic", "T"), ("group", "G"), ("clientId", w.client.client_id())];
    let ext = ext.map(|(key, value)| (key, value.to_owned()));
    let ext = ext.each_ref().map(|(key, value)| (*key, value.as_str()));
    w.events.clear();
    w.ask_client(conn, planted.unwrap_or(code), &ext);
    w.turn();
    let mut wrong = Vec::new();
    let refused = (A::REQUEST_CODE_NOT_SUPPORTED, 77, format!("request type {} not supported", code.0));
    let answer = w.replies.pop();
    if answer.as_ref() != Some(&refused) {
        wrong.push(format!("{code:?} is answered {answer:?}"));
    }
    // What follows from it may take a moment.
    let questions = members_asked(w, 2000);
    if questions > 0 || !w.replies.is_empty() || !w.events.is_empty() {
        wrong.push(format!("{code:?} made it do something: {questions} questions, {:?}", w.events));
    }
    wrong
}

/// What brokers ask of other clients.
const NOT_DONE: [Q; 7] = [
    Q::CHECK_TRANSACTION_STATE,
    Q::RESET_CONSUMER_CLIENT_OFFSET,
    Q::GET_CONSUMER_STATUS_FROM_CLIENT,
    Q::GET_CONSUMER_RUNNING_INFO,
    Q::CONSUME_MESSAGE_DIRECTLY,
    Q::PUSH_REPLY_MESSAGE_TO_CLIENT,
    Q(9999),
];

#[test]
fn what_this_client_does_not_do_is_answered_so_and_does_nothing() {
    let (mut w, conn) = consuming();
    members_asked(&mut w, 2000);
    for code in NOT_DONE {
        assert_eq!(obeyed(&mut w, conn, code, None), Vec::<String>::new());
    }
}

/// The planted bug: the client takes every request for one that it carries out.
#[test]
fn a_request_that_is_obeyed_is_noticed() {
    let (mut w, conn) = consuming();
    members_asked(&mut w, 2000);
    for code in NOT_DONE {
        let wrong = obeyed(&mut w, conn, code, Some(Q::NOTIFY_CONSUMER_IDS_CHANGED));
        assert!(wrong.iter().any(|what| what.contains("made it do something")), "{code:?}: {wrong:?}");
    }
}

#[test]
fn changed_members_of_a_group_of_others_are_nobodys_business() {
    let (mut w, conn) = consuming();
    members_asked(&mut w, 2000);
    w.ask_client(conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "another")]);
    w.ask_client(conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[]);
    assert_eq!(members_asked(&mut w, 2000), 0);
}

#[test]
fn a_storm_of_changed_members_is_not_answered_with_a_storm_of_questions() {
    let (mut w, conn) = consuming();
    members_asked(&mut w, 2000);
    let mut questions = 0;
    for _ in 0..20 {
        for _ in 0..100 {
            w.ask_client(conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "G")]);
        }
        questions += members_asked(&mut w, 50);
    }
    questions += members_asked(&mut w, 3000);
    assert!((1..=10).contains(&questions), "{questions} questions after 2,000 notifications in a second");
}
