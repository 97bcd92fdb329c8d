//! The embedded cluster as scenarios see it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::{Controls, Failed, Need, Outcome, exchange};
use crate::{Fault, TcpCluster};

/// Between two delay levels; real life's are minutes and hours.
const LEVEL: Duration = Duration::from_millis(100);

/// Short delay levels.
pub(super) fn delay_levels() -> Vec<Duration> {
    (1..=18).map(|level| LEVEL * level).collect()
}

/// Two brokers only for a scenario that wants two.
pub(super) fn brokers(needs: &[Need]) -> usize {
    if needs.contains(&Need::TwoBrokers) { 2 } else { 1 }
}

/// A [`TcpCluster`] of one scenario.
#[derive(Debug)]
pub struct Embedded {
    cluster: TcpCluster,
    silent: Vec<TcpListener>,
}

impl Embedded {
    /// Starts a cluster that can do what the scenario needs.
    pub fn start(needs: &[Need]) -> io::Result<Self> {
        let cluster = TcpCluster::builder()
            .brokers(brokers(needs))
            .auto_create(!needs.contains(&Need::NoAutoCreate))
            .delay_levels(delay_levels())
            .start()?;
        Ok(Self { cluster, silent: Vec::new() })
    }
}

/// A loopback port and its address: dropped, nobody listens there; kept, connections stand and nobody answers.
pub fn listener() -> Outcome<(TcpListener, String)> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let found = bound.and_then(|listener| Ok((listener.local_addr()?.to_string(), listener)));
    found.map(|(address, listener)| (listener, address)).map_err(|error| Failed(error.to_string()))
}

impl Controls for Embedded {
    fn can(&self, need: Need) -> Result<(), String> {
        match need {
            Need::KillNameServer => Err("its name server cannot be switched off".into()),
            _ => Ok(()),
        }
    }

    fn name_server(&self) -> String {
        self.cluster.name_server()
    }

    fn brokers(&self) -> usize {
        self.cluster.with(|cluster| cluster.brokers().count())
    }

    fn exchange(&mut self, broker: Option<usize>, frame: &[u8]) -> Outcome<Vec<u8>> {
        let address = match broker {
            None => self.cluster.name_server(),
            Some(broker) => self
                .cluster
                .with(|cluster| cluster.broker(broker).map(|broker| broker.address().to_string()))
                .ok_or_else(|| Failed(format!("there is no broker {broker}")))?,
        };
        exchange(&address, frame).map_err(|error| Failed(error.to_string()))
    }

    fn kill_broker(&mut self, broker: usize) -> Outcome {
        self.cluster.with(|cluster| cluster.kill_broker(broker));
        Ok(())
    }

    fn start_broker(&mut self, broker: usize) -> Outcome {
        self.cluster.with(|cluster| cluster.start_broker(broker));
        Ok(())
    }

    fn is_up(&mut self, broker: usize) -> Outcome<bool> {
        Ok(self.cluster.with(|cluster| cluster.is_up(broker)))
    }

    fn inject(&mut self, broker: usize, fault: Fault) -> Outcome {
        let injected = self.cluster.with(|cluster| cluster.broker(broker).map(|broker| broker.inject(fault)));
        injected.ok_or_else(|| Failed(format!("there is no broker {broker}")))
    }

    fn refusing_address(&mut self) -> Outcome<String> {
        // Nobody listens there any more.
        listener().map(|(_, address)| address)
    }

    fn silent_address(&mut self) -> Outcome<String> {
        let (listener, address) = listener()?;
        // The system completes the handshake; nobody ever accepts.
        self.silent.push(listener);
        Ok(address)
    }
}
