//! What an application goes through, each on a topic and group of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use rocketmq_apache::{Cluster, Produced, Received, Result, Trouble, wait_for};
use rocketmq_io::{Message, Topic};

use crate::adapter::{Connect, HASTY, Io, PATIENT, Receiver};
use crate::ledger::{Came, Sent, body};

const PATIENCE: Duration = Duration::from_secs(60);

/// 10,000 messages there and back: none is lost, none comes twice.
pub fn everything_arrives_once(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    let (topic, group) = (cluster.topic("once", 8)?, cluster.group("once")?);
    let io = connect(&cluster.name_server());
    let consumer = io.consumer(&group, &topic, "*");
    let sent = Sent::send(&*io, "once", &io.topic(&topic), 0..10_000).all()?;
    let mut came = Came::default();
    came.wait(&*consumer, &sent)?;
    came.exactly(&sent)?;
    stop(&*io)
}

/// A filter by tags gives what has these tags and nothing else.
pub fn tags_are_filtered(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    let (topic, group) = (cluster.topic("tags", 4)?, cluster.group("tags")?);
    let io = connect(&cluster.name_server());
    let consumer = io.consumer(&group, &topic, "red || blue");
    let sent = Sent::send(&*io, "tags", &io.topic(&topic), 0..600).all()?;
    let wanted: BTreeSet<_> = sent.into_iter().filter(|number| number % 3 != 1).collect();
    let mut came = Came::default();
    came.wait(&*consumer, &wanted)?;
    came.exactly(&wanted)?;
    stop(&*io)
}

/// Java's consumer and Java's tools read what we wrote.
pub fn java_reads_ours(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    let (topic, group) = (cluster.topic("ours", 4)?, cluster.group("ours")?);
    let io = connect(&cluster.name_server());
    let handle = io.topic(&topic);
    let messages = [
        Message::new(&handle, "plain"),
        Message::builder(&handle, "tagged").tag("TagA").build().map_err(words)?,
        Message::builder(&handle, "has keys").key("k1").key("k2").build().map_err(words)?,
        Message::builder(&handle, "propertied")
            .property("colour", "grün \"quoted\" \\ 颜色")
            .flag(7)
            .build()
            .map_err(words)?,
        Message::new(&handle, vec![0xa5; 100_000]),
    ];
    let mut receipts = BTreeMap::new();
    for message in messages {
        let (mut once, mut failure) = (Some(message), None);
        io.send("ours", PATIENT, &mut || once.take(), &mut |_, outcome| match outcome {
            Ok(receipt) => drop(receipts.insert(receipt.message_id.to_string(), receipt)),
            Err(error) => failure = Some(Trouble(error.to_string())),
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
    }

    let java = cluster.java().consume(&topic, &group, &[])?;
    let received = java.wait_for(receipts.len())?;
    for received in &received {
        let receipt = receipts.get(&received.msg_id).ok_or_else(|| Trouble(format!("{received:?}")))?;
        assert_eq!((received.queue, received.offset), (receipt.queue.id, receipt.queue_offset));
    }
    let find = |size: usize| received.iter().find(|received| received.size == size).cloned();
    let of = |size| find(size).ok_or_else(|| Trouble(format!("no body of {size} bytes in {received:?}")));
    assert_eq!(of("tagged".len())?.tags.as_deref(), Some("TagA"));
    assert_eq!(of("has keys".len())?.keys.as_deref(), Some("k1 k2"));
    assert_eq!(of("propertied".len())?.properties["colour"], "grün \"quoted\" \\ 颜色");
    assert_eq!(of(100_000)?.crc, crc32fast::hash(&vec![0xa5; 100_000]));

    let tagged = of("tagged".len())?;
    let receipt = &receipts[&tagged.msg_id];
    let id = receipt.offset_message_id.ok_or_else(|| Trouble("no offset id".into()))?.to_string();
    let shown = cluster.java().query_message(&topic, &id)?;
    assert!(shown.contains(&tagged.msg_id) && shown.contains("TagA"), "{shown}");
    stop(&*io)
}

/// We read what Java's producer wrote: plain, with everything on it, compressed in each way, in a batch.
pub fn ours_reads_java(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    let (topic, group) = (cluster.topic("java", 4)?, cluster.group("java")?);
    let java = cluster.java();
    let mut sent: BTreeMap<String, (Produced, &str)> = BTreeMap::new();
    let ways: [(&str, &[(&str, &str)]); 6] = [
        ("plain", &[]),
        ("full", &[("tags", "TagA"), ("keys", "key-"), ("property.colour", "rot"), ("size", "2000")]),
        ("compressed", &[("compress", "ZLIB"), ("size", "20000")]),
        ("compressed", &[("compress", "LZ4"), ("size", "20000")]),
        ("compressed", &[("compress", "ZSTD"), ("size", "20000")]),
        ("batch", &[("batch", "10"), ("tags", "TagB")]),
    ];
    for (way, options) in ways {
        for produced in java.produce(&topic, 20, options)? {
            for id in produced.msg_id.split(',') {
                sent.insert(id.to_owned(), (produced.clone(), way));
            }
        }
    }
    assert_eq!(sent.len(), 120, "six ways, 20 messages each");

    let io = connect(&cluster.name_server());
    let consumer = io.consumer(&group, &topic, "*");
    wait_for("what Java sent", PATIENCE, || {
        while let Some(delivery) = consumer.recv(Duration::from_millis(20)) {
            for message in delivery.iter() {
                let id = message.unique_key().unwrap_or_default();
                let Some((produced, way)) = sent.remove(id) else { panic!("{id} is not wanted (again)") };
                assert_eq!(message.queue_id() as u32, produced.queue);
                if way != "batch" {
                    assert_eq!(crc32fast::hash(message.body()), produced.crc, "{way}");
                }
                assert_eq!(message.sys_flag().is_compressed(), way == "compressed");
                match way {
                    "full" => {
                        assert_eq!(
                            (message.tag(), message.properties().get("colour")),
                            (Some("TagA"), Some("rot"))
                        );
                        assert!(message.keys().all(|key| key.starts_with("key-")));
                    }
                    "batch" => assert_eq!((message.tag(), message.body().len()), (Some("TagB"), 100)),
                    _ => assert_eq!(message.tag(), None),
                }
            }
            delivery.ack();
        }
        sent.is_empty().then_some(())
    })?;
    stop(&*io)
}

/// Our consumer and Java's share the queues evenly; when either leaves the other takes over, and nothing is skipped.
pub fn a_group_shared_with_java(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    const QUEUES: usize = 8;
    let (topic, group) = (cluster.topic("shared", QUEUES as u32)?, cluster.group("shared")?);
    let io = connect(&cluster.name_server());
    let handle = io.topic(&topic);
    let mut came = Came::default();

    let consumer = io.consumer(&group, &topic, "*");
    let mut java = cluster.java().consume(&topic, &group, &[])?;
    wait_for("an even share", PATIENCE, || {
        let ours = held(&*consumer, &topic);
        let theirs: BTreeSet<_> = java.queues().ok()?.into_iter().collect();
        (ours.len() == QUEUES / 2 && theirs.len() == QUEUES / 2 && ours.is_disjoint(&theirs)).then_some(())
    })?;
    let mut all = Sent::send(&*io, "shared", &handle, 0..2000).all()?;
    let read_by_java =
        |received: &[Received]| received.iter().filter_map(number_of_key).collect::<BTreeSet<_>>();
    wait_for("2,000 messages at both together", PATIENCE, || {
        came.drain(&*consumer, Duration::from_millis(100)).ok()?;
        (came.times.len() + read_by_java(&java.received()).len() >= 2000).then_some(())
    })?;
    let theirs = read_by_java(&java.received());
    assert!(!theirs.is_empty() && !came.times.is_empty(), "both had queues, so both got messages");

    // Java leaves: we take over.
    java.stop()?;
    wait_for("all queues with us", PATIENCE, || (held(&*consumer, &topic).len() == QUEUES).then_some(()))?;
    all.extend(Sent::send(&*io, "shared", &handle, 2000..2500).all()?);
    let ours: BTreeSet<_> = all.difference(&theirs).copied().collect();
    came.wait(&*consumer, &ours)?;

    // Java comes back, we leave: Java takes over. It divides the queues the moment it starts, perhaps before we know of
    // it, and reads on from what is committed by then: what it must not read again has to be committed first.
    wait_for("our offsets at the broker", PATIENCE, || {
        (cluster.committed(&group, &topic, QUEUES as u32).ok()? == 2500).then_some(())
    })?;
    let mut java = cluster.java().consume(&topic, &group, &[])?;
    wait_for("an even share again", PATIENCE, || {
        let theirs = java.queues().ok()?.len();
        came.drain(&*consumer, Duration::from_millis(100)).ok()?;
        (theirs == QUEUES / 2 && held(&*consumer, &topic).len() == QUEUES / 2).then_some(())
    })?;
    assert_eq!(consumer.close(), 0, "every offset is committed");
    wait_for("all queues with Java", PATIENCE, || (java.queues().ok()?.len() == QUEUES).then_some(()))?;
    Sent::send(&*io, "shared", &handle, 2500..3000).all()?;
    wait_for("the last 500 at Java", PATIENCE, || {
        let theirs = read_by_java(&java.received());
        (2500..3000).all(|number| theirs.contains(&number)).then_some(())
    })?;
    // What changed hands was committed by the one and not read again by the other.
    let again = read_by_java(&java.received()).into_iter().filter(|number| *number < 2500).count();
    assert_eq!(again, 0, "messages read again by Java after we had committed them");
    came.exactly(&ours)?;
    stop(&*io)
}

/// A consumer that comes back goes on where it committed.
pub fn a_consumer_goes_on_where_it_committed(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    let (topic, group) = (cluster.topic("resume", 4)?, cluster.group("resume")?);
    let first = connect(&cluster.name_server());
    let sent = Sent::send(&*first, "resume", &first.topic(&topic), 0..500).all()?;
    let consumer = first.consumer(&group, &topic, "*");
    let mut came = Came::default();
    came.wait(&*consumer, &sent)?;
    came.exactly(&sent)?;
    stop(&*first)?;
    drop((consumer, first));

    let second = connect(&cluster.name_server());
    let sent = Sent::send(&*second, "resume", &second.topic(&topic), 500..800).all()?;
    let consumer = second.consumer(&group, &topic, "*");
    let mut came = Came::default();
    came.wait(&*consumer, &sent)?;
    came.exactly(&sent)?;
    stop(&*second)
}

/// The broker is killed and started again in the middle of sending and consuming: what was acknowledged comes, what
/// failed does not, and what is unknown may.
pub fn the_broker_restarts_in_the_middle(cluster: &mut Cluster, connect: Connect) -> Result<()> {
    const BEFORE: usize = 400;
    const AFTER: usize = 400;
    let (topic, group) = (cluster.topic("crash", 4)?, cluster.group("crash")?);
    let name_server = cluster.name_server();
    let (tell, told) = std::sync::mpsc::channel();
    let (restarted, again) = std::sync::mpsc::channel();
    let sending = {
        let (topic, name_server) = (topic.clone(), name_server.clone());
        thread::spawn(move || {
            let io = connect(&name_server);
            let handle = io.topic(&topic);
            let (sent, total) = send_through_a_restart(&*io, &handle, BEFORE, AFTER, &tell, &again);
            (sent, total, io.shutdown())
        })
    };
    let io = connect(&name_server);
    let consumer = io.consumer(&group, &topic, "*");
    let mut came = Came::default();
    while told.try_recv().is_err() {
        came.drain(&*consumer, Duration::from_millis(20))?;
    }
    cluster.kill_broker(0);
    cluster.start_broker(0)?;
    let _ = restarted.send(());
    let (sent, total, report) = sending.join().map_err(|_| Trouble("the sending thread panicked".into()))?;
    println!(
        "{total} sends: {} acknowledged, {} failed, {} indeterminate",
        sent.acknowledged.len(),
        sent.failed.len(),
        sent.indeterminate.len()
    );
    assert_eq!(sent.acknowledged.len() + sent.failed.len() + sent.indeterminate.len(), total);
    assert!(report.in_time, "{report:?}");
    assert!(
        !sent.failed.is_empty() || !sent.indeterminate.is_empty(),
        "the broker was away, and nothing failed"
    );

    came.wait(&*consumer, &sent.acknowledged)?;
    for number in came.times.keys() {
        assert!(!sent.failed.contains(number), "send {number} was said to have failed, and was stored");
    }
    assert!(io.shutdown().uncommitted.is_empty());
    drop((consumer, io));

    // What was committed does not come again.
    let io = connect(&name_server);
    let consumer = io.consumer(&group, &topic, "*");
    let number = total;
    let one = Sent::send(&*io, "crash", &io.topic(&topic), number..number + 1).all()?;
    let mut came = Came::default();
    came.wait(&*consumer, &one)?;
    came.exactly(&one)?;
    stop(&*io)
}

/// Sends without a pause until `after` messages were acknowledged after the restart.
fn send_through_a_restart(
    io: &dyn Io,
    topic: &Topic,
    before: usize,
    after: usize,
    tell: &std::sync::mpsc::Sender<()>,
    again: &std::sync::mpsc::Receiver<()>,
) -> (Sent, usize) {
    let sent = std::cell::RefCell::new(Sent::default());
    let (mut total, mut restarted, mut left) = (0, false, after);
    let mut next = || {
        if total == before {
            let _ = tell.send(());
        }
        restarted = restarted || again.try_recv().is_ok();
        if restarted {
            left = left.checked_sub(1)?;
        }
        if total >= before {
            // Without a broker sends fail at once: not more of them than are needed.
            thread::sleep(Duration::from_millis(2));
        }
        total += 1;
        Some(crate::ledger::message(topic, total - 1))
    };
    io.send("crash", HASTY, &mut next, &mut |number, outcome| sent.borrow_mut().note(number, &outcome));
    (sent.into_inner(), total)
}

/// Queues of the topic, without those of the group's retry topic.
fn held(consumer: &dyn Receiver, topic: &str) -> BTreeSet<String> {
    let queues = consumer.queues();
    queues
        .iter()
        .filter(|queue| queue.topic.as_str() == topic)
        .map(|queue| format!("{}:{}", queue.broker.as_str(), queue.id))
        .collect()
}

fn number_of_key(received: &Received) -> Option<usize> {
    let number = received.keys.as_ref()?.strip_prefix("key-")?.parse().ok()?;
    assert_eq!(received.crc, crc32fast::hash(body(number).as_bytes()));
    Some(number)
}

fn stop(io: &dyn Io) -> Result<()> {
    let report = io.shutdown();
    if report.in_time && report.uncommitted.is_empty() { Ok(()) } else { Err(Trouble(format!("{report:?}"))) }
}

fn words(error: impl std::fmt::Display) -> Trouble {
    Trouble(error.to_string())
}
