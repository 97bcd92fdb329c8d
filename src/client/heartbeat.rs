//! Brokers are told who is there: every broker in use, each alone, so that a dead one delays no other
//! (Java `MQClientInstance.sendHeartbeatToAllBroker`).

use alloc::vec::Vec;

use bytes::Bytes;

use super::call::{Answer, Purpose, Replica, Target};
use super::consumer::Consumers;
use super::ctx::Ctx;
use super::event::Notice;
use super::ids::ConnId;
use super::names::Topic;
use super::producer::Producers;
use crate::time::Instant;
use crate::wire::body::heartbeat::{ConsumerData, HeartbeatData, ProducerData};
use crate::wire::codes::ResponseCode;
use crate::wire::fields::UnregisterClientRequest;

/// When the next round is due, and what it says.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Heartbeat {
    at: Instant,
}

impl Heartbeat {
    pub(crate) fn new(now: Instant) -> Self {
        Self { at: now }
    }

    pub(crate) fn next_deadline(&self, net_has_greeting: bool) -> Option<Instant> {
        net_has_greeting.then_some(self.at)
    }

    /// Producers, consumers or subscriptions changed: all brokers in use are told now, new ones when they are
    /// first spoken to.
    pub(crate) fn renew(&mut self, producers: &Producers, consumers: &Consumers, ctx: &mut Ctx<'_>) {
        let consumer_data_set: Vec<ConsumerData> = consumers.heartbeat_data().collect();
        let producer_data_set: Vec<ProducerData> = producers.heartbeat_data().collect();
        if consumer_data_set.is_empty() && producer_data_set.is_empty() {
            ctx.net.set_greeting(Bytes::new());
            return;
        }
        let data = HeartbeatData {
            client_id: ctx.ids.client_id().into(),
            consumer_data_set,
            producer_data_set,
            heartbeat_fingerprint: 0,
            without_sub: false,
        };
        ctx.net.set_greeting(Bytes::from(data.encode()));
        self.beat(ctx);
    }

    /// Tells every broker in use if it is time; connections that are left behind because no route has named their
    /// brokers since the heartbeat before are to be processed.
    pub(crate) fn on_timeout(&mut self, ctx: &mut Ctx<'_>) -> Vec<ConnId> {
        if self.at > ctx.now {
            return Vec::new();
        }
        self.beat(ctx);
        ctx.net.leave_unnamed(&ctx.routes.brokers(), ctx.config.heartbeat_broker_interval, ctx.now)
    }

    /// Tells every broker in use; slaves only where something is consumed.
    pub(crate) fn beat(&mut self, ctx: &mut Ctx<'_>) {
        self.at = ctx.now + ctx.config.heartbeat_broker_interval;
        for (name, reads) in ctx.routes.brokers() {
            let ids: Vec<i64> = ctx.net.replica_ids(&name).filter(|id| reads || *id == 0).collect();
            for id in ids {
                let replica = if id == 0 { Replica::Master } else { Replica::Prefer(id) };
                ctx.net.greet(&Target::Broker { name: name.clone(), replica }, ctx.now);
            }
        }
    }

    /// A route brought brokers this client has not spoken to: they are told now.
    pub(crate) fn on_route_changed(topic: &Topic, ctx: &mut Ctx<'_>) {
        let Some(route) = ctx.routes.get(topic) else { return };
        for name in route.brokers() {
            ctx.net.greet_new(&Target::Broker { name: name.clone(), replica: Replica::Master }, ctx.now);
        }
    }

    /// A broker's answer: true if it confirmed a registration that was new to it.
    pub(crate) fn on_answer(conn: ConnId, registration: u64, answer: &Answer<'_>, ctx: &mut Ctx<'_>) -> bool {
        let (code, remark) = match answer {
            Ok(reply) if reply.head.response_code() == ResponseCode::SUCCESS => {
                ctx.stats.heartbeats += 1;
                return ctx.net.confirm(conn, registration);
            }
            Ok(reply) => (Some(reply.head.response_code()), reply.words()),
            Err(failure) => (None, alloc::format!("{}", failure.cause)),
        };
        let endpoint = ctx.net.endpoint(conn).cloned();
        ctx.notices.push(Notice::HeartbeatFailed { endpoint, code, remark });
        false
    }
}

/// Tells every broker there is a connection to that a group of this client is gone. Returns how many were told.
pub(crate) fn unregister(producer: Option<&str>, consumer: Option<&str>, ctx: &mut Ctx<'_>) -> usize {
    let fields = UnregisterClientRequest {
        client_id: ctx.ids.client_id().into(),
        producer_group: producer.map(Into::into),
        consumer_group: consumer.map(Into::into),
    };
    let timeout = ctx.config.request_timeout;
    let mut told = 0;
    for conn in ctx.net.open_broker_connections() {
        let to = Target::Conn(conn);
        told += usize::from(
            ctx.net.call(&to, &fields, &Bytes::new(), Purpose::Unregister, timeout, ctx.now).is_ok(),
        );
    }
    told
}
