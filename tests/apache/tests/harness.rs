//! The harness itself, before anything of ours is judged by it: Java sends, Java receives.

use std::collections::BTreeSet;

use rocketmq_apache::{Cluster, Result};

fn java_sends_and_receives(cluster: &mut Cluster) -> Result<()> {
    let topic = cluster.topic("harness", 4)?;
    let group = cluster.group("harness")?;
    let consumer = cluster.java().consume(&topic, &group, &[])?;
    let sent = cluster.java().produce(
        &topic,
        1000,
        &[("tags", "A,B"), ("keys", "k"), ("property.colour", "red")],
    )?;
    assert_eq!(sent.len(), 1000);
    assert!(sent.iter().all(|sent| sent.status == "SEND_OK"));

    let received = consumer.wait_for(1000)?;
    let ids = |ids: Vec<&String>| ids.into_iter().cloned().collect::<BTreeSet<_>>();
    let expected = ids(sent.iter().map(|sent| &sent.msg_id).collect());
    assert_eq!(ids(received.iter().map(|received| &received.msg_id).collect()), expected);
    assert!(
        received.iter().all(|received| received.properties["colour"] == "red" && received.keys.is_some())
    );
    assert_eq!(received.iter().filter(|received| received.tags.as_deref() == Some("A")).count(), 500);
    assert_eq!(cluster.members(&group)?, [consumer.client_id().to_owned()]);
    Ok(())
}

fn a_killed_broker_comes_back_with_its_messages(cluster: &mut Cluster) -> Result<()> {
    let topic = cluster.topic("restart", 2)?;
    let group = cluster.group("restart")?;
    let sent = cluster.java().produce(&topic, 40, &[("compress", "ZLIB"), ("size", "400")])?;
    cluster.kill_broker(1);
    cluster.start_broker(1)?;
    let mut consumer = cluster.java().consume(&topic, &group, &[])?;
    let received = consumer.wait_for(40)?;
    assert_eq!(received.len(), sent.len());
    // Java clears the flag after inflating and leaves the type (3: zlib) in bits 8 to 10.
    assert!(received.iter().all(|received| received.sys_flag >> 8 == 3 && received.size == 400));
    assert_eq!(consumer.queues()?, ["broker-a:0", "broker-a:1", "broker-b:0", "broker-b:1"]);
    assert_eq!(consumer.stop()?.len(), 40);
    assert_eq!(cluster.members(&group)?, Vec::<String>::new());
    let one = &sent[0];
    let shown = cluster.java().query_message(&topic, &one.offset_msg_id)?;
    assert!(shown.contains(&topic), "{shown}");
    Ok(())
}

macro_rules! harness {
    ($($version:ident = $Version:ident: $($test:ident),*;)*) => { $(
        mod $version {
            $(
                #[test]
                #[ignore = "needs Java: tests/apache/run"]
                fn $test() {
                    let version = rocketmq_apache::Version::$Version;
                    let cluster = rocketmq_apache::Cluster::builder(version).brokers(2).start();
                    let mut cluster = cluster.unwrap_or_else(|trouble| panic!("{trouble}"));
                    super::$test(&mut cluster).unwrap_or_else(|trouble| panic!("{trouble}"));
                }
            )*
        }
    )* };
}

harness! {
    v5_5_0 = V5_5_0: java_sends_and_receives, a_killed_broker_comes_back_with_its_messages;
    v4_9_7 = V4_9_7: java_sends_and_receives, a_killed_broker_comes_back_with_its_messages;
}
