//! What scenarios are played on.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rocketmq_apache::{Broker, Cluster, Version};
use rocketmq_testkit::scenario::{Controls, Embedded, Failed, Need, Outcome, exchange, listener};

/// A place for scenarios.
pub(crate) trait Site: Sync {
    /// A cluster for one scenario with these needs; else why it cannot be had.
    fn controls(&self, needs: &[Need]) -> Result<Box<dyn Controls>, String>;

    /// Scenarios share one cluster.
    fn is_shared(&self) -> bool;

    /// How many may be played at the same time.
    fn at_once(&self) -> usize;
}

/// Opens the place with this name.
pub(crate) fn open(cluster: &str) -> Result<Box<dyn Site>, String> {
    match cluster {
        "embedded" => Ok(Box::new(EachItsOwn)),
        "5.5.0" => Ok(Box::new(Real::start(Version::V5_5_0)?)),
        "4.9.7" => Ok(Box::new(Real::start(Version::V4_9_7)?)),
        other => Err(format!("there is no cluster {other:?}: embedded, 5.5.0, 4.9.7")),
    }
}

/// An embedded cluster for each scenario.
struct EachItsOwn;

impl Site for EachItsOwn {
    fn controls(&self, needs: &[Need]) -> Result<Box<dyn Controls>, String> {
        let embedded = Embedded::start(needs).map_err(|error| error.to_string())?;
        needs.iter().try_for_each(|need| embedded.can(*need))?;
        Ok(Box::new(embedded))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn at_once(&self) -> usize {
        usize::MAX
    }
}

/// One real cluster for all scenarios: two brokers, of which most scenarios use the first alone.
struct Real(Arc<Mutex<Cluster>>);

impl Real {
    fn start(version: Version) -> Result<Self, String> {
        // A loaded machine lets requests wait; brokers refuse what has waited for 200 ms unless told otherwise.
        let builder = Cluster::builder(version).brokers(2).property("waitTimeMillsInSendQueue", "10000");
        let cluster = builder.property("osPageCacheBusyTimeOutMills", "10000").start();
        Ok(Self(Arc::new(Mutex::new(cluster.map_err(|trouble| trouble.to_string())?))))
    }
}

impl Site for Real {
    fn controls(&self, needs: &[Need]) -> Result<Box<dyn Controls>, String> {
        let cluster = self.0.clone();
        let (name_server, addresses) = {
            let cluster = lock(&cluster);
            (cluster.name_server(), cluster.brokers().iter().map(Broker::address).collect())
        };
        let real = RealControls { cluster, name_server, addresses, starting: None, silent: Vec::new() };
        needs.iter().try_for_each(|need| real.can(*need))?;
        Ok(Box::new(real))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn at_once(&self) -> usize {
        6
    }
}

fn lock(cluster: &Mutex<Cluster>) -> MutexGuard<'_, Cluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

struct RealControls {
    cluster: Arc<Mutex<Cluster>>,
    name_server: String,
    addresses: Vec<String>,
    /// A start takes seconds: clients are driven meanwhile.
    starting: Option<JoinHandle<Result<(), String>>>,
    silent: Vec<TcpListener>,
}

impl Controls for RealControls {
    fn can(&self, need: Need) -> Result<(), String> {
        match need {
            Need::Faults => Err("a real broker does nothing wrong when it is told to".into()),
            Need::NoAutoCreate => Err("its brokers make topics, for the other scenarios".into()),
            Need::KillNameServer => Err("its name server serves the other scenarios".into()),
            Need::TwoBrokers | Need::KillBroker | Need::AutoCreate => Ok(()),
        }
    }

    fn name_server(&self) -> String {
        self.name_server.clone()
    }

    fn brokers(&self) -> usize {
        self.addresses.len()
    }

    fn exchange(&mut self, broker: Option<usize>, frame: &[u8]) -> Outcome<Vec<u8>> {
        let address = match broker {
            None => Some(&self.name_server),
            Some(broker) => self.addresses.get(broker),
        };
        let address = address.ok_or_else(|| Failed(format!("there is no broker {broker:?}")))?;
        exchange(address, frame).map_err(|error| Failed(error.to_string()))
    }

    fn kill_broker(&mut self, broker: usize) -> Outcome {
        lock(&self.cluster).kill_broker(broker);
        Ok(())
    }

    fn start_broker(&mut self, broker: usize) -> Outcome {
        let cluster = self.cluster.clone();
        let start = move || lock(&cluster).start_broker(broker).map_err(|trouble| trouble.to_string());
        self.starting = Some(thread::spawn(start));
        Ok(())
    }

    fn is_up(&mut self, _: usize) -> Outcome<bool> {
        let Some(starting) = self.starting.take() else { return Ok(true) };
        if !starting.is_finished() {
            self.starting = Some(starting);
            return Ok(false);
        }
        let started = starting.join().map_err(|_| Failed("starting a broker panicked".into()))?;
        started.map(|()| true).map_err(Failed)
    }

    fn refusing_address(&mut self) -> Outcome<String> {
        // Nobody listens there any more.
        listener().map(|(_, address)| address)
    }

    fn silent_address(&mut self) -> Outcome<String> {
        let (listener, address) = listener()?;
        self.silent.push(listener);
        Ok(address)
    }
}
