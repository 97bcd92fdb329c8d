//! What one pull brought reaches the listener in one piece, or in the pieces it asked for.

use std::time::Duration;

use rocketmq_io::async_io::Runtime;
use rocketmq_io::handle::{self, Launch, parked};
use rocketmq_io::{ConsumeFrom, Message, async_std as on_async_std, blocking, mio, tokio as on_tokio};
use rocketmq_testkit::TcpCluster;

use crate::support::{GRACE, GROUP, TOPIC};

/// What a pull brings at most, unless set otherwise.
const PULL: usize = 32;

/// One queue with as many messages as one pull brings.
fn one_pull() -> TcpCluster {
    let cluster = TcpCluster::builder().topic(TOPIC, 1).start().expect("loopback ports");
    let client = blocking::Client::builder(&cluster.name_server()).build().expect("client");
    let topic = client.topic(TOPIC).expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    for n in 0..PULL {
        producer.send(Message::new(&topic, format!("{n}"))).expect("acknowledged");
    }
    cluster
}

fn waiting<L: Launch>() {
    let cluster = one_pull();
    let client = parked::Client::<L>::builder(&cluster.name_server()).build().expect("client");
    let whole = client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    let whole = whole.build().expect("consumer");
    assert_eq!(whole.recv_timeout(GRACE).map(|delivery| delivery.len()), Some(PULL));
    let pieces = client.push_consumer("pieces").subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    let pieces = pieces.batch(10).build().expect("consumer");
    let lengths: Vec<_> = (0..4).map_while(|_| pieces.recv_timeout(GRACE)).map(|piece| piece.len()).collect();
    assert_eq!(lengths, [10, 10, 10, 2]);
    drop(client.shutdown(Duration::ZERO));
}

async fn awaiting<R: Runtime>() {
    let cluster = one_pull();
    let client = handle::Client::<R>::builder(&cluster.name_server()).build().expect("client");
    let whole = client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    let whole = whole.build().await.expect("consumer");
    assert_eq!(whole.recv().await.map(|delivery| delivery.len()), Some(PULL));
    drop(client.shutdown(Duration::ZERO).await);
}

#[test]
fn in_one_piece_blocking() {
    waiting::<blocking::Blocking>();
}

#[test]
fn in_one_piece_mio() {
    waiting::<mio::Mio>();
}

#[test]
fn in_one_piece_async_std() {
    async_std::task::block_on(awaiting::<on_async_std::AsyncStd>());
}

#[test]
fn in_one_piece_tokio() {
    tokio::runtime::Runtime::new().expect("runtime").block_on(awaiting::<on_tokio::Tokio>());
}
