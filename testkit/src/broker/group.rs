//! Groups: members and subscriptions (Java `ConsumerManager`, `ProducerManager`, `ClientManageProcessor`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::body::{
    CheckClientRequestBody, ConsumerData, GetConsumerListByGroupResponseBody, HeartbeatData, SubscriptionData,
};
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    GetConsumerListByGroupRequest, HeartbeatResponse, NotifyConsumerIdsChangedRequest,
    UnregisterClientRequest,
};
use rocketmq_engine::wire::header::{FieldList, Head, NoFields};
use rocketmq_engine::wire::message::names::retry_topic;
use rocketmq_engine::wire::message::tags::EXPRESSION_TAG;

use super::history::{Effect, Name};
use super::store::TopicConfig;
use super::{Broker, FAQ};
use crate::peer::{PeerId, ReplyTo};

/// A connection whose client has not been heard of for so long is closed (Java `channelExpiredTimeout`).
const EXPIRES_AFTER: Duration = Duration::from_secs(120);

/// What a group wants of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subscription {
    pub(super) expression_type: String,
    pub(super) codes: Vec<i32>,
    text: String,
    version: i64,
}

impl Subscription {
    fn new(data: &SubscriptionData) -> Self {
        Self {
            expression_type: data.expression_type.clone(),
            codes: data.code_set.clone(),
            text: data.sub_string.clone(),
            version: data.sub_version,
        }
    }
}

#[derive(Clone, Debug, Default, Hash)]
struct Group {
    members: BTreeMap<PeerId, Name>,
    subscriptions: BTreeMap<Name, Subscription>,
}

/// All groups of a broker.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Groups {
    /// Consumer groups there ever were (Java `SubscriptionGroupManager`): these outlive the process.
    known: BTreeSet<Name>,
    consumers: BTreeMap<Name, Group>,
    producers: BTreeMap<Name, BTreeMap<PeerId, Name>>,
    /// The last fingerprint a heartbeat of the group had; 0 is heartbeat V1.
    fingerprints: BTreeMap<Name, i32>,
    /// When each connection last had a heartbeat.
    heard: BTreeMap<PeerId, Instant>,
    scan_at: Option<Instant>,
    notified: i32,
}

impl Groups {
    pub(super) fn is_known(&self, group: &str) -> bool {
        self.known.contains(group)
    }

    pub(super) fn learn(&mut self, group: &str) {
        if !self.is_known(group) {
            self.known.insert(group.into());
        }
    }

    pub(super) fn known(&self) -> impl Iterator<Item = &Name> {
        self.known.iter()
    }

    pub(super) fn members(&self, group: &str) -> Vec<String> {
        let members = self.consumers.get(group).into_iter().flat_map(|group| group.members.values());
        let mut ids: Vec<String> = members.map(ToString::to_string).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub(super) fn producers(&self, group: &str) -> Vec<String> {
        let members = self.producers.get(group).into_iter().flat_map(BTreeMap::values);
        let mut ids: Vec<String> = members.map(ToString::to_string).collect();
        ids.sort();
        ids
    }

    /// Everything a process keeps in memory only is gone.
    pub(super) fn forget_all(&mut self) {
        *self = Self { known: std::mem::take(&mut self.known), notified: self.notified, ..Self::default() };
    }

    /// Topics a group subscribes to, each with its expression's text.
    pub(super) fn subscriptions(&self, group: &str) -> Vec<(Name, String)> {
        let found = self.consumers.get(group).into_iter().flat_map(|group| &group.subscriptions);
        found.map(|(topic, subscription)| (topic.clone(), subscription.text.clone())).collect()
    }

    /// What a group wants of a topic, by its heartbeats.
    pub(super) fn subscription(
        &self,
        group: &str,
        topic: &str,
        version: i64,
    ) -> Result<&Subscription, (ResponseCode, String)> {
        let Some(found) = self.consumers.get(group) else {
            let remark = format!("the consumer's group info not exist{FAQ}");
            return Err((ResponseCode::SUBSCRIPTION_NOT_EXIST, remark));
        };
        let Some(subscription) = found.subscriptions.get(topic) else {
            let remark = format!("the consumer's subscription not exist{FAQ}");
            return Err((ResponseCode::SUBSCRIPTION_NOT_EXIST, remark));
        };
        if subscription.version < version {
            let remark = "the consumer's subscription not latest".to_string();
            return Err((ResponseCode::SUBSCRIPTION_NOT_LATEST, remark));
        }
        Ok(subscription)
    }

    /// A client registers with a group; true if that changes something for the others.
    fn register(&mut self, peer: PeerId, client_id: &Name, data: &ConsumerData, without_sub: bool) -> bool {
        let group = self.consumers.entry(data.group_name.as_str().into()).or_default();
        let mut changed = group.members.insert(peer, client_id.clone()).as_ref() != Some(client_id);
        if without_sub {
            return changed;
        }
        for wanted in &data.subscription_data_set {
            match group.subscriptions.get_mut(wanted.topic.as_str()) {
                // Another expression is nothing the other members have to be told.
                Some(known) if known.version < wanted.sub_version => *known = Subscription::new(wanted),
                Some(_) => {}
                None => {
                    changed = true;
                    group.subscriptions.insert(wanted.topic.as_str().into(), Subscription::new(wanted));
                }
            }
        }
        let before = group.subscriptions.len();
        group.subscriptions.retain(|topic, _| data.subscription_data_set.iter().any(|s| s.topic == **topic));
        changed || group.subscriptions.len() != before
    }

    fn leave(&mut self, peer: PeerId, group: &str) -> Option<Name> {
        let found = self.consumers.get_mut(group)?;
        let left = found.members.remove(&peer);
        if found.members.is_empty() {
            self.consumers.remove(group);
        }
        left
    }

    /// A connection is gone: groups it was a member of.
    fn forget(&mut self, peer: PeerId) -> Vec<(Name, Name)> {
        self.heard.remove(&peer);
        self.producers.retain(|_, members| {
            members.remove(&peer);
            !members.is_empty()
        });
        let groups: Vec<Name> = self.consumers.keys().cloned().collect();
        groups.into_iter().filter_map(|group| Some((group.clone(), self.leave(peer, &group)?))).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.scan_at
    }

    /// Connections not heard of for too long.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<PeerId> {
        if self.scan_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let expired = self.heard.iter().filter(|(_, heard)| **heard + EXPIRES_AFTER <= now);
        let expired: Vec<PeerId> = expired.map(|(peer, _)| *peer).collect();
        self.heard.retain(|peer, _| !expired.contains(peer));
        self.scan_at = self.heard.values().min().map(|heard| *heard + EXPIRES_AFTER);
        expired
    }
}

impl Broker {
    pub(super) fn on_heartbeat(&mut self, to: &ReplyTo, body: &[u8]) {
        let data = match HeartbeatData::decode(body) {
            Ok(data) => data,
            Err(error) => return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &error.to_string()),
        };
        let (client_id, now) = (Name::from(data.client_id.as_str()), self.peers.now.instant);
        self.groups.heard.insert(to.peer, now);
        self.groups.scan_at.get_or_insert(now + EXPIRES_AFTER);
        let fingerprint = data.heartbeat_fingerprint;
        let mut sub_change = fingerprint == 0;
        for consumer in &data.consumer_data_set {
            let group = Name::from(consumer.group_name.as_str());
            self.groups.learn(&group);
            let retry = retry_topic(&group);
            if self.store.topic(&retry).is_none() {
                self.set_topic(&retry, TopicConfig::new(1));
            }
            let before = self.groups.fingerprints.insert(group.clone(), fingerprint);
            sub_change |= before.is_some_and(|before| before != fingerprint);
            if self.groups.register(to.peer, &client_id, consumer, data.without_sub) {
                self.note(|_| Effect::Joined { group: group.clone(), client_id: client_id.clone() });
                // Those who broadcast share nothing.
                if consumer.message_model != "BROADCASTING" {
                    self.notify_members(&group);
                }
            }
        }
        for producer in &data.producer_data_set {
            let group = self.groups.producers.entry(producer.group_name.as_str().into()).or_default();
            group.insert(to.peer, client_id.clone());
        }
        let answer =
            HeartbeatResponse { is_sub_change: Some(sub_change), is_support_heart_beat_v2: Some(true) };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &answer, &[]);
    }

    /// Tells every member of a group that its members changed (NOTIFY_CONSUMER_IDS_CHANGED).
    pub(super) fn notify_members(&mut self, name: &str) {
        let Some(group) = self.groups.consumers.get(name) else { return };
        let peers: Vec<PeerId> = group.members.keys().copied().collect();
        for peer in peers {
            self.groups.notified += 1;
            let fields = NotifyConsumerIdsChangedRequest { consumer_group: name.into() };
            self.peers.tell(peer, self.groups.notified, &fields);
        }
    }

    /// A connection is gone, with all the groups it was in.
    pub(super) fn forget_peer(&mut self, peer: PeerId) {
        self.hosts.remove(&peer);
        self.polls.forget(peer);
        for (group, client_id) in self.groups.forget(peer) {
            self.note(|_| Effect::Left { group: group.clone(), client_id });
            self.notify_members(&group);
        }
    }

    pub(super) fn expire_peers(&mut self) {
        for peer in self.groups.take_expired(self.peers.now.instant) {
            self.forget_peer(peer);
            self.peers.cut(peer);
        }
    }

    pub(super) fn on_unregister(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<UnregisterClientRequest<'_>>(to, head) else { return };
        if let Some(group) = &fields.producer_group
            && let Some(members) = self.groups.producers.get_mut(group.as_ref())
        {
            members.remove(&to.peer);
            if members.is_empty() {
                self.groups.producers.remove(group.as_ref());
            }
        }
        if let Some(group) = &fields.consumer_group
            && let Some(client_id) = self.groups.leave(to.peer, group)
        {
            self.note(|_| Effect::Left { group: group.as_ref().into(), client_id });
            self.notify_members(group);
        }
        self.peers.answer(to, ResponseCode::SUCCESS, None, &FieldList(&[]), &[]);
    }

    /// Whether the broker could serve a subscription: SQL92 wants `enablePropertyFilter`, which is off by default.
    pub(super) fn on_check_client(&mut self, to: &ReplyTo, body: &[u8]) {
        let subscription = match CheckClientRequestBody::decode(body) {
            Ok(asked) => asked.subscription_data.unwrap_or_default(),
            Err(error) => return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &error.to_string()),
        };
        let expression_type = subscription.expression_type;
        if expression_type.is_empty() || expression_type == EXPRESSION_TAG {
            return self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]);
        }
        let remark = format!("The broker does not support consumer to filter message by {expression_type}");
        self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
    }

    pub(super) fn on_member_list(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<GetConsumerListByGroupRequest<'_>>(to, head) else { return };
        let consumer_id_list = self.groups.members(&fields.consumer_group);
        if consumer_id_list.is_empty() {
            let remark = format!("no consumer for this group, {}", fields.consumer_group);
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
        }
        let body = GetConsumerListByGroupResponseBody { consumer_id_list }.encode();
        self.peers.answer(to, ResponseCode::SUCCESS, None, &FieldList(&[]), &body);
    }
}
