//! What a sub-machine may touch while it handles one input.

use alloc::format;
use alloc::string::String;

use super::backoff::Rng;
use super::event::{Events, Notices};
use super::names::{Names, Topic};
use super::net::Net;
use super::route::{Asking, Routes, Use};
use super::stats::ClientStats;
use crate::config::ClientConfig;
use crate::time::Instant;
use crate::wire::message::UniqueIdGenerator;

/// Who this client is.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Identity {
    client_id: String,
    engine: u64,
}

impl Identity {
    /// Java `ClientConfig.buildMQClientId`: address, instance name and unit name with `@` between.
    pub(crate) fn new(config: &ClientConfig, rng: &mut Rng) -> Self {
        let (engine, random) = (rng.next(), rng.next());
        let ip = config.client_ip;
        let mut client_id = match &config.instance_name {
            Some(name) => format!("{ip}@{name}"),
            None => format!("{ip}@{}#{random:016x}", config.process_id),
        };
        if let Some(unit) = config.unit_name.as_deref().filter(|unit| !unit.trim().is_empty()) {
            client_id.push('@');
            client_id.push_str(unit);
        }
        Self { client_id, engine }
    }

    #[cfg(test)]
    pub(crate) fn named(client_id: &str, engine: u64) -> Self {
        Self { client_id: client_id.into(), engine }
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Drawn from the seed: handles of another engine are told apart by it.
    pub(crate) fn engine(&self) -> u64 {
        self.engine
    }
}

/// Everything shared, for the time of one input.
pub(crate) struct Ctx<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) routes: &'a mut Routes,
    pub(crate) events: &'a mut Events,
    pub(crate) notices: &'a mut Notices,
    pub(crate) names: &'a mut Names,
    pub(crate) rng: &'a mut Rng,
    pub(crate) unique_ids: &'a mut UniqueIdGenerator,
    pub(crate) stats: &'a mut ClientStats,
    pub(crate) config: &'a ClientConfig,
    pub(crate) ids: &'a Identity,
    pub(crate) now: Instant,
    pub(crate) unix_ms: i64,
}

impl Ctx<'_> {
    /// The routes, and what asking for one needs.
    pub(crate) fn asking(&mut self) -> (&mut Routes, Asking<'_>) {
        let ask = Asking {
            net: self.net,
            rng: self.rng,
            names: self.names,
            stats: self.stats,
            config: self.config,
            now: self.now,
        };
        (self.routes, ask)
    }

    /// Keeps a topic's route known from now on.
    pub(crate) fn want_route(&mut self, topic: &Topic, usage: Use) {
        let (routes, mut ask) = self.asking();
        routes.want(topic, usage, &mut ask);
    }

    /// A topic's route has turned out to be wrong: asks again soon.
    pub(crate) fn doubt_route(&mut self, topic: &Topic) {
        let (routes, mut ask) = self.asking();
        routes.doubt(topic, &mut ask);
    }
}
