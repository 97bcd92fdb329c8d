//! Messages, a cluster, and what it holds.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rocketmq_io::{Delivery, PushConsumerConfig};
use rocketmq_testkit::TcpCluster;

pub(crate) const TOPIC: &str = "orders";
pub(crate) const GROUP: &str = "billing";
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// One broker, delay levels of 30 ms.
pub(crate) fn cluster() -> TcpCluster {
    let levels = vec![Duration::from_millis(30); 18];
    TcpCluster::builder().topic(TOPIC, 4).delay_levels(levels).start().expect("loopback ports")
}

/// Short pauses, so that a test need not wait for real life's.
pub(crate) fn hasty(config: &mut PushConsumerConfig) {
    config.redelivery_delay = Duration::from_millis(20);
    config.rebalance_min_interval = Duration::from_millis(100);
}

/// How often each body came.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<String, usize>>);

impl Seen {
    pub(crate) fn add(&self, delivery: &Delivery) {
        let mut seen = self.0.lock().expect("no panic while it is held");
        for message in delivery.iter() {
            *seen.entry(String::from_utf8_lossy(message.body()).into_owned()).or_default() += 1;
        }
    }

    pub(crate) fn different(&self) -> usize {
        self.0.lock().expect("no panic while it is held").len()
    }

    pub(crate) fn all(&self) -> usize {
        self.0.lock().expect("no panic while it is held").values().sum()
    }
}

/// Whether it becomes true within ten seconds.
pub(crate) fn soon(mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    condition()
}

pub(crate) fn committed(cluster: &TcpCluster) -> i64 {
    cluster.with(|cluster| cluster.committed_total(GROUP, TOPIC))
}
