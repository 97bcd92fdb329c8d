//! Bodies, tags, keys, properties, what is refused.

use std::collections::BTreeSet;

use rocketmq_engine::wire::message::batch::{BatchEntry, encode_batch};
use rocketmq_engine::wire::message::compress::compress;
use rocketmq_engine::wire::message::properties::append_pair;
use rocketmq_engine::wire::message::{CompressionType, SysFlag};
use rocketmq_engine::{Message, MessageBuilder, ProducerConfig};

use crate::scenario::remote::Foreign;
use crate::scenario::{Failed, Outcome, Stage, check};

/// The largest body clients send unless told otherwise, and brokers take.
const LIMIT: usize = 4 << 20;

fn built(builder: MessageBuilder) -> Outcome<Message> {
    builder.build().map_err(|error| Failed(error.to_string()))
}

/// Bytes that no compression and no text handling leaves alone by chance.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ len as u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Sends and receives these; each has to come as it was sent.
async fn there_and_back(stage: &Stage, messages: Vec<Vec<u8>>) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    for body in &messages {
        producer.send(Message::new(&handle, body.clone())).await?;
    }
    consumer.seen().exactly(&messages.into_iter().collect()).await
}

/// From one byte to the limit, byte for byte.
pub(super) async fn sizes_up_to_the_limit(stage: Stage) -> Outcome {
    let sizes = [1, 2, 100, 4095, 4096, 4097, 65_535, 65_536, 1 << 20, LIMIT - 1, LIMIT];
    there_and_back(&stage, sizes.map(noise).to_vec()).await?;
    stage.finish().await
}

/// One byte over: refused here; with a higher limit here, refused by the broker, and nothing is stored.
pub(super) async fn over_the_brokers_limit(stage: Stage) -> Outcome {
    let topic = stage.topic(1).await?;
    let app = stage.app();
    let handle = app.topic(&topic)?;
    let refused = app.producer().post(Message::new(&handle, noise(LIMIT + 1)));
    check!(refused.is_err_and(|error| error.0.contains("4194304")), "a body over the limit is accepted");
    let mut config = ProducerConfig::new(stage.unique("producers"));
    config.max_message_size = 8 << 20;
    let producer = app.producer_of(config)?;
    let (certain, failure) = producer.send_in_vain(Message::new(&handle, noise(LIMIT + 1))).await?;
    check!(certain, "the broker refused it, so it is not stored: {failure}");
    check!(failure.attempts.len() == 1, "what cannot change is tried again: {failure}");
    check!(stage.stored(&topic, 1)? == 0, "something was stored");
    producer.send(Message::new(&handle, "the connection goes on")).await?;
    stage.finish().await
}

/// Blanks, text of many languages, bytes that are no text.
pub(super) async fn bodies_of_every_kind(stage: Stage) -> Outcome {
    let texts = [" ", "\0", "中文消息", "🚀👩‍👩‍👧‍👦", "a\u{1}b\u{2}c", "\r\n", "ﷺ ä ß ỗ"];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push((0..=255).collect());
    bodies.push(vec![0; 1000]);
    bodies.push(vec![0xff, 0xfe, 0xfd]);
    there_and_back(&stage, bodies).await?;
    stage.finish().await
}

/// Tags and keys come as they were set: long ones, several, of many languages.
pub(super) async fn tags_and_keys(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let long = "t".repeat(16 << 10);
    let cases: [(&str, &[&str]); 7] = [
        ("TagA", &["one"]),
        ("标签", &["键"]),
        ("with blank", &["one", "two", "three"]),
        ("a|b", &["k|1"]),
        (&long, &["short"]),
        ("short", &[&long]),
        ("😀", &["🔑", "🗝"]),
    ];
    for (number, (tag, keys)) in cases.iter().enumerate() {
        let builder = Message::builder(&handle, format!("{number}")).tag(tag);
        let builder = keys.iter().fold(builder, |builder, key| builder.key(key));
        producer.send(built(builder)?).await?;
    }
    consumer.seen().wait_for(cases.len()).await?;
    for (number, (tag, keys)) in cases.iter().enumerate() {
        let came = consumer.seen().find(number.to_string().as_bytes())?;
        check!(came.tag.as_deref() == Some(tag), "message {number} has another tag");
        check!(came.keys == *keys, "message {number} has other keys");
    }
    stage.finish().await
}

/// User properties and the flag come as they were set, and no others beside those of the protocol.
pub(super) async fn user_properties(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let pairs =
        [("colour", "grün"), ("颜色", "绿色"), ("emoji", "🎉🎊"), ("quote", "\"\\'"), ("blank", " x ")];
    let builder = Message::builder(&handle, "with properties").flag(-7);
    let builder = pairs.iter().fold(builder, |builder, (name, value)| builder.property(name, value));
    producer.send(built(builder)?).await?;
    consumer.seen().wait_for(1).await?;
    let came = consumer.seen().find(b"with properties")?;
    for (name, value) in pairs {
        check!(came.properties.get(name).map(String::as_str) == Some(value), "{name} differs: {came:?}");
    }
    check!(came.flag == -7, "the flag is {}", came.flag);
    let own: BTreeSet<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let known = [
        "UNIQ_KEY",
        "WAIT",
        "CLUSTER",
        "MSG_REGION",
        "TRACE_ON",
        "MIN_OFFSET",
        "MAX_OFFSET",
        "CONSUME_START_TIME",
    ];
    let strange: Vec<_> = came
        .properties
        .keys()
        .filter(|name| !own.contains(name.as_str()) && !known.contains(&name.as_str()))
        .collect();
    check!(strange.is_empty(), "properties nobody set: {strange:?}");
    stage.finish().await
}

/// Properties of 31 KiB and 32 KiB, of letters and of Chinese text; beyond what 16 bits can say they are refused.
pub(super) async fn properties_up_to_the_limit(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let values = [("letters", "x".repeat(31 << 10)), ("chinese", "属".repeat((31 << 10) / 3))];
    for (name, value) in &values {
        producer.send(built(Message::builder(&handle, *name).property("p", value))?).await?;
    }
    consumer.seen().wait_for(2).await?;
    for (name, value) in &values {
        let came = consumer.seen().find(name.as_bytes())?;
        check!(came.properties.get("p") == Some(value), "{name}: another value of {} bytes", value.len());
    }
    let over = built(Message::builder(&handle, "over").property("p", &"x".repeat(32 << 10)));
    let refused = over.and_then(|message| producer.post(message));
    check!(refused.is_err(), "properties of 32 KiB are accepted");
    stage.finish().await
}

/// What would be read as something else, or belongs to the protocol, is refused; and nothing leaves.
pub(super) async fn what_is_refused(stage: Stage) -> Outcome {
    let topic = stage.topic(1).await?;
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let with = |name: &str, value: &str| Message::builder(&handle, "x").property(name, value).build();
    check!(with("a\u{1}b", "c").is_err(), "a separator in a name");
    check!(with("a", "b\u{2}KEYS\u{1}c").is_err(), "a separator in a value");
    check!(with("", "c").is_err() && with("a", "").is_err(), "a blank name or value");
    check!(with("UNIQ_KEY", "c").is_err() && with("DELAY", "3").is_err(), "a name of the protocol");
    check!(Message::builder(&handle, "x").tag("a\u{1}b").build().is_err(), "a separator in a tag");
    check!(Message::builder(&handle, "x").key("a\u{2}b").build().is_err(), "a separator in a key");
    check!(producer.post(Message::new(&handle, "")).is_err(), "an empty body");
    stage.linger().await;
    check!(stage.stored(&topic, 1)? == 0, "something left all the same");
    stage.finish().await
}

/// Names of topics and groups that RocketMQ does not allow.
pub(super) async fn names_that_are_refused(stage: Stage) -> Outcome {
    let app = stage.app();
    let long = "t".repeat(128);
    for name in ["", " ", "a b", "a/b", "话题", "a\0b", long.as_str()] {
        check!(app.topic(name).is_err(), "the topic {name:?} is accepted");
        check!(app.producer_of(ProducerConfig::new(name)).is_err(), "the group {name:?} is accepted");
    }
    let long = "g".repeat(256);
    for name in ["", "a b", "组", "DEFAULT_CONSUMER", long.as_str()] {
        check!(app.consumer(name).start().is_err(), "the consumer group {name:?} is accepted");
    }
    for name in ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC"] {
        let handle = app.topic(name)?;
        check!(app.producer().post(Message::new(&handle, "x")).is_err(), "sending to {name} is accepted");
    }
    stage.finish().await
}

/// Bodies another client compressed come inflated, each kind of compression.
pub(super) async fn written_compressed(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let kinds = [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd];
    let mut bodies = BTreeSet::new();
    for kind in kinds {
        let body = format!("{kind:?} ").repeat(2000).into_bytes();
        let packed = compress(kind, &body, 5).map_err(|error| Failed(format!("{kind:?}: {error}")))?;
        check!(packed.len() < body.len(), "{kind:?} did not compress");
        let sys_flag = SysFlag::default().with_compression(kind).0;
        stage.put(&topic, &Foreign { sys_flag, body: &packed, ..Foreign::default() })?;
        bodies.insert(body);
    }
    let consumer = stage.app().consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&bodies).await?;
    check!(consumer.seen().all().iter().all(|received| received.compressed), "one is not marked compressed");
    stage.finish().await
}

/// A batch of another client comes as single messages, each with its own properties.
pub(super) async fn written_as_a_batch(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let texts: Vec<(String, String)> = (0..20)
        .map(|number| {
            let mut properties = String::new();
            append_pair(&mut properties, "TAGS", "batched");
            append_pair(&mut properties, "number", &number.to_string());
            append_pair(&mut properties, "UNIQ_KEY", &format!("7F000001000118B4AAC2{number:012X}"));
            (format!("batched {number}"), properties)
        })
        .collect();
    let entries =
        texts.iter().map(|(body, properties)| BatchEntry { flag: 3, body: body.as_bytes(), properties });
    let body = encode_batch(entries).map_err(|error| Failed(error.to_string()))?;
    stage.put(&topic, &Foreign { batch: true, body: &body, ..Foreign::default() })?;
    let consumer = stage.app().consumer(&group).subscribe(&topic, "batched").start()?;
    consumer.seen().exactly(&texts.iter().map(|(body, _)| body.clone().into_bytes()).collect()).await?;
    for (offset, received) in consumer.seen().all().iter().enumerate() {
        let number = received.properties.get("number");
        check!(received.text() == format!("batched {offset}"), "offset {offset} is {received:?}");
        check!(number == Some(&offset.to_string()) && received.flag == 3, "{received:?}");
    }
    stage.finish().await
}
