//! Hostile inputs: what a peer, a tenant or an application can do, and the test that shows what becomes of it.
//!
//! [`TABLE`] names for each the tests, wherever they stand, or the feature it waits for; those of the layers above
//! the codec that belong to no single room are here.

use std::path::Path;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{
    ClientConfig, ConsumeFrom, ConsumerNotice, Event, Message, Notice, ProducerConfig, ProducerId,
    PushConsumerConfig, RejectReason, SendOptions, SendOutcome, TagFilter, Topic,
};

#[path = "../client/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{Asked, World};

/// Number, attack, and `file::test` for each test of it.
const TABLE: &[(&str, &str, &[&str])] = &[
    (
        "H1",
        "frame length negative, zero or over the limit",
        &[
            "tests/wire/hostile.rs::h1_impossible_frame_lengths_close_and_fail_what_waits",
            "src/wire/frame.rs::every_limit_is_reached_on_the_first_eight_bytes",
            "src/connection/tests/read_buffer.rs::limits_are_kept_to_the_byte",
            "src/connection/tests/stream.rs::nothing_comes_out_of_what_is_behind_a_break",
        ],
    ),
    (
        "H2",
        "head longer than the frame or running into the body",
        &["tests/wire/hostile.rs::h2_a_head_ends_where_it_says", "fuzz/src/heads.rs::decode"],
    ),
    (
        "H3",
        "announced lengths of 2 GiB",
        &[
            "tests/wire/hostile.rs::h3_announced_lengths_have_to_fit",
            "src/connection/tests/read_buffer.rs::an_announced_length_costs_what_arrives",
        ],
    ),
    (
        "H4",
        "negative key lengths",
        &["tests/wire/hostile.rs::h4_negative_key_lengths_are_refused", "fuzz/src/heads.rs::header_binary"],
    ),
    (
        "H5",
        "unknown serialize types, languages, versions, flags",
        &["tests/wire/hostile.rs::h5_unknown_types_close_unknown_peers_do_not", "fuzz/src/heads.rs::decode"],
    ),
    (
        "H6",
        "JSON heads: deep, wide, doubled, odd",
        &["tests/wire/hostile.rs::h6_json_heads_are_bounded_and_strict", "fuzz/src/heads.rs::header_json"],
    ),
    (
        "H7",
        "a field twice",
        &["tests/wire/hostile.rs::h7_a_field_twice_is_refused_in_both_forms", "fuzz/src/heads.rs::header"],
    ),
    (
        "H8",
        "JSON bodies: counts, depths, sizes",
        &[
            "tests/wire/hostile.rs::h8_counts_of_bodies_are_bounded",
            "tests/wire/hostile.rs::h8_json_bodies_are_bounded",
            "tests/wire/hostile.rs::h8_references_cost_what_they_name",
            "src/wire/body/route.rs::both_dialects_and_the_limits",
            "fuzz/src/bodies.rs::json_body",
        ],
    ),
    (
        "H9",
        "stored messages whose lengths lie",
        &["tests/wire/message/hostile.rs::h9_a_bad_length_costs_one_message"],
    ),
    (
        "H10",
        "sizes that do not advance",
        &["tests/wire/message/hostile.rs::h10_batch_entries_advance_or_end"],
    ),
    (
        "H11",
        "wrong body checksum",
        &["tests/wire/message/hostile.rs::h11_a_wrong_checksum_is_poison_unless_checks_are_off"],
    ),
    (
        "H12",
        "decompression bombs",
        &["tests/wire/message/hostile.rs::h12_bombs_end_at_the_cap", "fuzz/src/messages.rs::inflate"],
    ),
    (
        "H12b",
        "unknown magic, second layout",
        &["tests/wire/message/hostile.rs::h12b_unknown_magic_is_poison_and_both_layouts_are_read"],
    ),
    (
        "H13",
        "unknown compression types",
        &["tests/wire/message/hostile.rs::h13_unknown_compression_types_are_named"],
    ),
    (
        "H14",
        "property injection",
        &["tests/wire/message/hostile.rs::h14_separators_are_refused_in_names_and_values"],
    ),
    (
        "H15",
        "names that belong to the broker",
        &["tests/wire/message/hostile.rs::h15_facts_of_the_broker_are_not_read_from_senders_text"],
    ),
    (
        "H16",
        "properties over 32,767 bytes",
        &["tests/wire/message/hostile.rs::h16_properties_are_measured_before_they_are_written"],
    ),
    (
        "H17",
        "names with separators, controls, 128 characters and more",
        &[
            "tests/wire/message/hostile.rs::h17_names_like_java",
            "src/client/tests.rs::a_topic_is_taken_exactly_if_the_rules_for_names_take_it",
            "tests/hostile/main.rs::h17_a_brokers_name_with_control_characters_is_not_used",
        ],
    ),
    (
        "H18",
        "unsolicited, doubled, forged answers",
        &[
            "tests/hostile/main.rs::h18_an_answer_counts_on_its_own_connection_and_once",
            "src/connection/tests/stream.rs::answers_find_their_requests_once",
        ],
    ),
    (
        "H19",
        "a server that never answers",
        &["tests/hostile/main.rs::h19_a_server_that_never_answers_costs_what_the_limits_say"],
    ),
    (
        "H20",
        "requests of a server",
        &[
            "tests/hostile/main.rs::h20_requests_of_a_broker_have_no_effect_beyond_an_answer",
            "tests/hostile/main.rs::h20_a_flood_of_requests_costs_what_the_limits_say",
            "tests/hostile/main.rs::h20_notifications_ask_for_members_once_a_second",
        ],
    ),
    ("H21", "a route to somebody else's broker", &[]),
    ("H22", "TLS downgrade and impersonation", &[]),
    ("H23", "signature confusion", &[]),
    ("H24", "secrets in what is printed", &[]),
    (
        "H25",
        "control characters in a server's words",
        &["src/client/consumer/tests/faults.rs::words_of_a_broker_are_cut_and_cannot_forge_log_lines"],
    ),
    (
        "H26",
        "slow loris",
        &[
            "tests/hostile/main.rs::h26_a_frame_that_trickles_in_costs_its_connection",
            "src/connection/tests/stream.rs::a_frame_that_trickles_in_closes_the_connection",
        ],
    ),
    (
        "H27",
        "offset arithmetic",
        &[
            "src/client/consumer/tests/lies.rs::whatever_a_broker_says_offsets_rise_or_the_change_is_told",
            "tests/hostile/main.rs::h27_receipts_with_any_offset_are_taken",
        ],
    ),
    (
        "H28",
        "member lists",
        &[
            "src/client/consumer/tests/lies.rs::any_member_list_leaves_a_queue_to_one_member",
            "tests/hostile/main.rs::h28_a_list_of_too_many_members_changes_nothing",
        ],
    ),
    (
        "H29",
        "receipt handles and bit sets",
        &["tests/wire/message/hostile.rs::h29_handles_and_bit_sets_are_bounded"],
    ),
    ("H30", "a tampered file of broadcast offsets", &[]),
    ("H31", "flags copied on when forwarding", &[]),
    ("H32", "the client dropped by a callback or another thread", &[]),
];

/// What has no test yet waits for a feature.
const WAITS: &[(&str, &str)] = &[
    ("H21", "an allow-list of brokers"),
    ("H22", "TLS"),
    ("H23", "signed requests of the client"),
    ("H24", "signed requests of the client"),
    ("H30", "broadcasting"),
    ("H31", "forwarding"),
    ("H32", "adapters/src/handle: its own tests, with a scheduler"),
];

#[test]
fn every_attack_has_its_test_or_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (number, _, tests) in TABLE {
        let waits = WAITS.iter().any(|(waiting, _)| waiting == number);
        assert!(waits == tests.is_empty(), "{number} has tests or waits for something");
        for test in *tests {
            let (file, name) = test.split_once("::").expect("file::test");
            let text =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("fn {name}(")), "{number}: no {name} in {file}");
        }
    }
    let numbered = |n: usize| TABLE.iter().any(|(number, ..)| *number == format!("H{n}"));
    assert!((1..=32).all(numbered));
}

fn producing(config: ClientConfig, brokers: &[(&str, u32)]) -> (World, ProducerId, Topic) {
    let mut w = World::with(config);
    w.route("T", brokers);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    (w, producer, topic)
}

fn config() -> ClientConfig {
    ClientConfig::new("ns:1").expect("valid")
}

fn send(w: &mut World, producer: ProducerId, topic: &Topic) -> Result<(), RejectReason> {
    let message = Message::new(topic, "body");
    w.client
        .send(producer, message, SendOptions::default(), w.now)
        .map(drop)
        .map_err(|rejected| rejected.reason)
}

fn outcomes(w: &mut World) -> Vec<SendOutcome> {
    w.turn();
    let sent = |event| match event {
        Event::Sent { outcome, .. } => Some(outcome),
        _ => None,
    };
    std::mem::take(&mut w.events).into_iter().filter_map(sent).collect()
}

/// A consumer of `T` at broker `a` whose first pull waits for its answer.
fn consuming(config: ClientConfig) -> (World, Asked) {
    let mut w = World::with(config);
    w.route("T", &[("a", 1)]);
    let group = PushConsumerConfig::new("G").consume_from(ConsumeFrom::First);
    let consumer = w.client.create_push_consumer(group, w.now).expect("new");
    let topic = w.topic("T");
    w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    w.advance(Duration::ZERO);
    let members = w.expect(Q::GET_CONSUMER_LIST_BY_GROUP);
    let own = w.client.client_id().to_owned();
    w.answer(&members, A::SUCCESS, &[], format!("{{\"consumerIdList\":[{own:?}]}}").as_bytes());
    let query = w.expect(Q::QUERY_CONSUMER_OFFSET);
    w.answer(&query, A::SUCCESS, &[("offset", "0")], b"");
    let pull = w.expect(Q::PULL_MESSAGE);
    (w, pull)
}

#[test]
fn h17_a_brokers_name_with_control_characters_is_not_used() {
    let (mut w, producer, topic) = producing(config(), &[("a\nERROR forged", 1), ("\u{1b}[2Jb", 1)]);
    send(&mut w, producer, &topic).expect("accepted");
    w.advance(Duration::from_secs(4));
    assert!(w.find(Q::SEND_MESSAGE_V2).is_none());
    let [SendOutcome::Failed(failure)] = &outcomes(&mut w)[..] else { panic!("not failed") };
    assert!(!failure.to_string().contains(char::is_control), "{failure}");
}

#[test]
fn h18_an_answer_counts_on_its_own_connection_and_once() {
    let (mut w, producer, topic) = producing(config(), &[("a", 1), ("b", 1)]);
    send(&mut w, producer, &topic).expect("accepted");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    let other = if asked.to == "a:1" { "b:1" } else { "a:1" };
    let mut forged = asked.clone();
    forged.conn = w.conns(other)[0];
    w.store(&forged);
    assert!(outcomes(&mut w).is_empty());
    assert_eq!(w.client.stats().unmatched_answers, 1);
    w.store(&asked);
    assert!(matches!(outcomes(&mut w)[..], [SendOutcome::Acknowledged(_)]));
    w.store(&asked);
    assert!(outcomes(&mut w).is_empty());
    assert_eq!(w.client.stats().unmatched_answers, 2);
}

#[test]
fn h19_a_server_that_never_answers_costs_what_the_limits_say() {
    let mut config = config();
    config.max_pending_sends = 100;
    let (mut w, producer, topic) = producing(config, &[("a", 1)]);
    let mut accepted = 0;
    for _ in 0..20 {
        let refused = std::iter::repeat_with(|| send(&mut w, producer, &topic)).find_map(|sent| match sent {
            Ok(()) => {
                accepted += 1;
                None
            }
            Err(reason) => Some(reason),
        });
        assert!(matches!(refused, Some(RejectReason::TooMany { limit: 100, .. })), "{refused:?}");
        w.advance(Duration::from_millis(3001));
    }
    w.advance(Duration::from_secs(4));
    let endings = outcomes(&mut w);
    assert_eq!((accepted, endings.len()), (2000, 2000), "each ends by its deadline");
    assert!(endings.iter().all(|outcome| !matches!(outcome, SendOutcome::Acknowledged(_))));
    assert!(w.client.held_bytes() < 1 << 20, "{} bytes are held", w.client.held_bytes());
}

#[test]
fn h20_requests_of_a_broker_have_no_effect_beyond_an_answer() {
    let (mut w, pull) = consuming(config());
    let codes = [
        Q::CHECK_TRANSACTION_STATE,
        Q::RESET_CONSUMER_CLIENT_OFFSET,
        Q::GET_CONSUMER_STATUS_FROM_CLIENT,
        Q::GET_CONSUMER_RUNNING_INFO,
        Q::CONSUME_MESSAGE_DIRECTLY,
        Q::PUSH_REPLY_MESSAGE_TO_CLIENT,
        Q::SEND_MESSAGE_V2,
        Q(-7),
    ];
    w.notices.clear();
    for code in codes {
        w.ask_client(
            pull.conn,
            code,
            &[
                ("group", "G"),
                ("consumerGroup", "G"),
                ("topic", "T"),
                ("timestamp", "0"),
                ("isForce", "true"),
            ],
        );
        w.turn();
    }
    let told: Vec<Q> = w
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::NotSupported { code } => Some(*code),
            _ => None,
        })
        .collect();
    assert_eq!(told, codes);
    assert!(
        w.events.is_empty()
            || !w.events.iter().any(|event| matches!(event, Event::Delivered(_) | Event::Revoked { .. }))
    );
    assert!(w.find(Q::UPDATE_CONSUMER_OFFSET).is_none());
    assert_eq!(w.conns(&pull.to), [pull.conn], "the connection stays");
}

#[test]
fn h20_a_flood_of_requests_costs_what_the_limits_say() {
    let mut config = config();
    config.connection.max_queued_bytes = 64 << 10;
    let (mut w, pull) = consuming(config);
    // The broker asks and never reads the answers.
    w.stalled.insert(pull.to.clone());
    for _ in 0..50_000 {
        w.ask_client(pull.conn, Q::GET_CONSUMER_RUNNING_INFO, &[]);
    }
    w.turn();
    assert!(w.client.held_bytes() < 1 << 20, "{} bytes are held", w.client.held_bytes());
    assert!(w.notices.len() <= w.client.config().max_notices + 100, "{} notices", w.notices.len());
}

#[test]
fn h20_notifications_ask_for_members_once_a_second() {
    let (mut w, pull) = consuming(config());
    let mut asked = 0;
    for _ in 0..5 {
        for _ in 0..2_000 {
            w.ask_client(pull.conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "G")]);
        }
        w.advance(Duration::from_secs(1));
        while let Some(members) = w.find(Q::GET_CONSUMER_LIST_BY_GROUP) {
            asked += 1;
            w.answer(&members, A::SYSTEM_ERROR, &[], b"");
        }
    }
    assert!((1..=6 * 2).contains(&asked), "asked {asked} times in 5 s, for the topic and its retry topic");
    // A group this client is not in.
    w.ask_client(pull.conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "other")]);
    w.turn();
}

#[test]
fn h26_a_frame_that_trickles_in_costs_its_connection() {
    let (mut w, producer, topic) = producing(config(), &[("a", 1)]);
    send(&mut w, producer, &topic).expect("accepted");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    let frame = harness::frame(0, 1, rocketmq_engine::wire::header::Flag::RESPONSE, &[], &[7; 5000]);
    let mut bytes = frame.iter();
    let mut waited = Duration::ZERO;
    while w.conns("a:1").contains(&asked.conn) {
        let byte = bytes.next().expect("closed long before the frame is whole");
        w.bytes(asked.conn, std::slice::from_ref(byte));
        w.advance(Duration::from_secs(9));
        waited += Duration::from_secs(9);
    }
    assert!(waited <= config().connection.frame_timeout + Duration::from_secs(9), "{waited:?}");
    assert_eq!(outcomes(&mut w).len(), 1, "the send ended by its own deadline");
    w.advance(Duration::from_secs(30));
    assert_eq!(w.conns("a:1").len(), 1, "the broker is dialled again");
}

#[test]
fn h27_receipts_with_any_offset_are_taken() {
    let (mut w, producer, topic) = producing(config(), &[("a", 1)]);
    for (offset, queue) in [(i64::MAX, "-1"), (i64::MIN, "2147483647"), (-1, "-2147483648"), (0, "0")] {
        send(&mut w, producer, &topic).expect("accepted");
        let asked = w.expect(Q::SEND_MESSAGE_V2);
        let offset = offset.to_string();
        w.answer(&asked, A::SUCCESS, &[("msgId", "?"), ("queueId", queue), ("queueOffset", &offset)], b"");
        let [SendOutcome::Acknowledged(receipt)] = &outcomes(&mut w)[..] else { panic!("not acknowledged") };
        assert_eq!((receipt.queue_offset.to_string(), receipt.offset_message_id), (offset, None));
    }
    // Said to be stored, and nothing more that can be read: no second attempt, which would make a duplicate.
    send(&mut w, producer, &topic).expect("accepted");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.answer(&asked, A::SUCCESS, &[("msgId", "?"), ("queueOffset", "9223372036854775808")], b"");
    assert!(matches!(outcomes(&mut w)[..], [SendOutcome::Indeterminate(_)]));
    assert!(w.find(Q::SEND_MESSAGE_V2).is_none());
}

#[test]
fn h28_a_list_of_too_many_members_changes_nothing() {
    let (mut w, pull) = consuming(config());
    let held = w.client.held_bytes();
    w.ask_client(pull.conn, Q::NOTIFY_CONSUMER_IDS_CHANGED, &[("consumerGroup", "G")]);
    w.advance(Duration::from_secs(2));
    let ids: Vec<String> = (0..100_000).map(|n| format!("\"member-{}\"", n / 2)).collect();
    let body = format!("{{\"consumerIdList\":[{}]}}", ids.join(","));
    w.notices.clear();
    while let Some(members) = w.find(Q::GET_CONSUMER_LIST_BY_GROUP) {
        w.answer(&members, A::SUCCESS, &[], body.as_bytes());
        w.turn();
    }
    let refused = |notice: &Notice| {
        matches!(notice, Notice::Consumer { notice: ConsumerNotice::MembersUnknown { .. }, .. })
    };
    assert!(w.notices.iter().any(refused), "{:?}", w.notices);
    assert!(!w.events.iter().any(|event| matches!(event, Event::Revoked { .. })), "its queues are kept");
    assert!(w.client.held_bytes() <= held + (1 << 20), "the list is not kept");
}
