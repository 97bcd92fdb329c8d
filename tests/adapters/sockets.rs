//! What each adapter does with its sockets: IPv6, time-outs, TCP_NODELAY, sleeping, many threads.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rocketmq_engine::{Notice, TransportError};
use rocketmq_io::handle::Launch;
use rocketmq_io::handle::parked::Client;
use rocketmq_io::{ClientConfig, Message, SendOptions};

use crate::support::{GRACE, TOPIC, cluster};

/// A client of these name servers that was asked to send, so that it connects; and what it would have logged.
fn connecting<L: Launch>(
    name_server: &str,
    configure: impl FnOnce(&mut ClientConfig),
) -> (Client<L>, Receiver<Notice>) {
    let (tell, told) = channel();
    let builder = Client::<L>::builder(name_server).configure(configure).grace(Duration::ZERO);
    let client = builder.on_notice(move |notice| drop(tell.send(notice))).build().expect("client");
    let topic = client.topic(TOPIC).expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    let _unobserved = producer.submit(Message::new(&topic, "x"));
    (client, told)
}

fn an_ipv6_address_is_dialled<L: Launch>() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        println!("this machine has no IPv6 loopback: nothing to dial");
        return;
    };
    let address = listener.local_addr().expect("bound");
    let (_client, told) = connecting::<L>(&address.to_string(), |_| {});
    let (_socket, from) = listener.accept().expect("a connection");
    assert!(from.is_ipv6());
    let connected = told.recv_timeout(GRACE).expect("a notice");
    assert!(
        matches!(&connected, Notice::Connected { endpoint } if endpoint.to_string() == address.to_string()),
        "{connected:?}"
    );
}

/// A listener that takes no more connections: the system drops what knocks.
fn full() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("bound");
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 10_000, "this listener is never full");
    }
    (listener, address, waiting)
}

fn a_dial_without_answer_times_out<L: Launch>() {
    let (_listener, address, _waiting) = full();
    let begun = Instant::now();
    let limit = Duration::from_millis(400);
    let (_client, told) = connecting::<L>(&address.to_string(), |config| config.connect_timeout = limit);
    let failed = told.recv_timeout(GRACE).expect("a notice");
    let took = begun.elapsed();
    assert!(
        matches!(failed, Notice::ConnectFailed { error: TransportError::TimedOut, .. }),
        "{failed:?} after {took:?}"
    );
    assert!(took >= limit && took < limit + Duration::from_secs(3), "it took {took:?}");
}

/// Looks at this program's own sockets: the one that goes to the listener must not wait to fill its segments.
#[cfg(target_os = "linux")]
fn small_segments_leave_at_once<L: Launch>() {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("bound");
    let (_client, told) = connecting::<L>(&address.to_string(), |_| {});
    let (_socket, from) = listener.accept().expect("a connection");
    let connected = told.recv_timeout(GRACE).expect("a notice");
    assert!(matches!(connected, Notice::Connected { .. }), "{connected:?}");
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else {
        println!("this kernel does not show a program its own descriptors");
        return;
    };
    let numbers = std::fs::read_dir("/proc/self/fd").expect("descriptors");
    let numbers = numbers.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let mut shown = 0;
    for number in numbers {
        let Ok(copy) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else { continue };
        let socket = TcpStream::from(copy);
        if socket.local_addr().is_ok_and(|its| its == from) && socket.peer_addr().is_ok() {
            assert!(socket.nodelay().expect("an option"), "TCP_NODELAY is not set");
            shown += 1;
        }
    }
    if shown == 0 {
        println!("this kernel does not copy descriptors");
    }
}

fn handles_are_used_from_many_threads<L: Launch>() {
    const THREADS: usize = 8;
    const EACH: usize = 50;
    let cluster = cluster();
    let client = Client::<L>::builder(&cluster.name_server()).build().expect("client");
    let topic = client.topic(TOPIC).expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (client, producer, topic) = (client.clone(), producer.clone(), topic.clone());
            scope.spawn(move || {
                for message in 0..EACH {
                    let again = client.topic(TOPIC).expect("the same topic");
                    assert_eq!(again, topic);
                    producer.send(Message::new(&topic, format!("{number}-{message}"))).expect("acknowledged");
                }
            });
        }
    });
    let stats = client.stats().expect("counters");
    assert_eq!((stats.sends, stats.acknowledged), (400, 400));
    assert_eq!(cluster.with(|cluster| cluster.message_count(TOPIC)), THREADS * EACH);
    let report = client.shutdown(GRACE).expect("report");
    assert!(report.in_time, "{report:?}");
}

/// What the report says of sends that were under way: all of them, each by its ending.
fn a_shutdown_reports_what_became_of_sends<L: Launch>() {
    use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
    use rocketmq_testkit::{Fault, FaultKind};

    let cluster = cluster();
    let client = Client::<L>::builder(&cluster.name_server()).build().expect("client");
    let topic = client.topic(TOPIC).expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    producer.send(Message::new(&topic, "the connection stands")).expect("acknowledged");
    let send = RequestCode::SEND_MESSAGE_V2;
    let refused = FaultKind::Answer(ResponseCode::MESSAGE_ILLEGAL, "the message is illegal".into());
    for (times, kind) in [(3, FaultKind::Ignore), (2, refused)] {
        cluster.with(|cluster| cluster.inject(&Fault::new(send, kind).times(times)));
    }
    let once = SendOptions { max_attempts: Some(1), ..SendOptions::default() };
    let post = |n| producer.submit_with(Message::new(&topic, format!("{n}")), once.clone());
    let pending: Vec<_> = (0..9).map(post).collect();
    // The driver has taken them before the shutdown, since commands keep their order.
    let report = client.shutdown(Duration::from_millis(800)).expect("report");
    assert_eq!((report.acknowledged, report.failed, report.indeterminate), (4, 2, 3), "{report:?}");
    assert!(!report.in_time, "three sends were never answered: {report:?}");
    let acknowledged = pending.into_iter().map(|pending| usize::from(pending.wait().is_ok())).sum::<usize>();
    assert_eq!(acknowledged, 4);
}

macro_rules! tests {
    (@each $marker:ty, $around:path: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            $around(super::$name::<$marker>);
        }
    )*};
    ($($adapter:ident: $marker:ty, $around:path;)*) => {$(
        mod $adapter {
            tests!(@each $marker, $around:
                an_ipv6_address_is_dialled
                a_dial_without_answer_times_out
                handles_are_used_from_many_threads
                a_shutdown_reports_what_became_of_sends
            );
            #[cfg(target_os = "linux")]
            tests!(@each $marker, $around: small_segments_leave_at_once);
        }
    )*};
}

fn plainly(test: fn()) {
    test();
}

fn within_tokio(test: fn()) {
    let runtime = ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("runtime");
    let _within = runtime.enter();
    test();
}

tests! {
    blocking: rocketmq_io::blocking::Blocking, super::plainly;
    mio: rocketmq_io::mio::Mio, super::plainly;
    async_std: rocketmq_io::async_std::AsyncStd, super::plainly;
    tokio: rocketmq_io::tokio::Tokio, super::within_tokio;
}
