//! Groups: members, subscriptions, committed offsets (Java `ConsumerManager`, `ConsumerOffsetManager`,
//! `ClientManageProcessor`).

use std::collections::BTreeMap;

use rocketmq_engine::wire::body::{
    ConsumerData, GetConsumerListByGroupResponseBody, HeartbeatData, SubscriptionData,
};
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    GetConsumerListByGroupRequest, HeartbeatResponse, NotifyConsumerIdsChangedRequest, OffsetResponse,
    QueryConsumerOffsetRequest, UnregisterClientRequest, UpdateConsumerOffsetRequest,
};
use rocketmq_engine::wire::header::{Head, NoFields};
use rocketmq_engine::wire::message::names::retry_topic;

use super::Broker;
use crate::peer::{PeerId, ReplyTo};

#[derive(Debug)]
struct Member {
    client_id: String,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<PeerId, Member>,
    subscriptions: BTreeMap<String, SubscriptionData>,
}

/// All groups of a broker.
#[derive(Debug, Default)]
pub(super) struct Groups {
    consumers: BTreeMap<String, Group>,
    producers: BTreeMap<String, BTreeMap<PeerId, String>>,
    offsets: BTreeMap<(String, String, i32), i64>,
    notified: i32,
}

impl Groups {
    pub(super) fn committed(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.offsets.get(&(group.to_string(), topic.to_string(), queue)).copied()
    }

    pub(super) fn commit(&mut self, group: &str, topic: &str, queue: i32, offset: i64) {
        self.offsets.insert((group.to_string(), topic.to_string(), queue), offset);
    }

    pub(super) fn members(&self, group: &str) -> Vec<String> {
        let members = self.consumers.get(group).into_iter().flat_map(|group| group.members.values());
        let mut ids: Vec<String> = members.map(|member| member.client_id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub(super) fn producers(&self, group: &str) -> Vec<String> {
        let mut ids: Vec<String> =
            self.producers.get(group).into_iter().flat_map(|group| group.values().cloned()).collect();
        ids.sort();
        ids
    }

    /// Hash codes of the tags a group wants of a topic.
    pub(super) fn subscription(
        &self,
        group: &str,
        topic: &str,
        version: i64,
    ) -> Result<Vec<i32>, (ResponseCode, String)> {
        let Some(found) = self.consumers.get(group).filter(|group| !group.members.is_empty()) else {
            let remark = "the consumer's group info not exist\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
            return Err((ResponseCode::SUBSCRIPTION_NOT_EXIST, remark.into()));
        };
        let Some(subscription) = found.subscriptions.get(topic) else {
            let remark = "the consumer's subscription not exist\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
            return Err((ResponseCode::SUBSCRIPTION_NOT_EXIST, remark.into()));
        };
        if subscription.sub_version < version {
            let remark = "the consumer's subscription not latest";
            return Err((ResponseCode::SUBSCRIPTION_NOT_LATEST, remark.into()));
        }
        Ok(subscription.code_set.clone())
    }

    /// A client registers with a group; true if that changes something for the others.
    fn register(&mut self, peer: PeerId, client_id: &str, data: &ConsumerData) -> bool {
        let group = self.consumers.entry(data.group_name.clone()).or_default();
        let client_id = client_id.to_string();
        let mut changed = group.members.insert(peer, Member { client_id }).is_none();
        for subscription in &data.subscription_data_set {
            let known = group.subscriptions.get(&subscription.topic);
            if known.is_none_or(|known| known.sub_version < subscription.sub_version) {
                changed |= known.is_none_or(|known| known.sub_string != subscription.sub_string);
                group.subscriptions.insert(subscription.topic.clone(), subscription.clone());
            }
        }
        let wanted: Vec<&String> = data.subscription_data_set.iter().map(|s| &s.topic).collect();
        let before = group.subscriptions.len();
        group.subscriptions.retain(|topic, _| wanted.contains(&topic));
        changed || group.subscriptions.len() != before
    }

    fn leave(&mut self, peer: PeerId, group: &str) -> bool {
        let Some(found) = self.consumers.get_mut(group) else { return false };
        let left = found.members.remove(&peer).is_some();
        if found.members.is_empty() {
            self.consumers.remove(group);
        }
        left
    }

    /// A connection is gone: groups it was a member of.
    pub(super) fn forget(&mut self, peer: PeerId) -> Vec<String> {
        self.producers.values_mut().for_each(|group| drop(group.remove(&peer)));
        let groups: Vec<String> = self.consumers.keys().cloned().collect();
        groups.into_iter().filter(|group| self.leave(peer, group)).collect()
    }
}

impl Broker {
    pub(super) fn on_heartbeat(&mut self, to: &ReplyTo, body: &[u8]) {
        let data = match HeartbeatData::decode(body) {
            Ok(data) => data,
            Err(error) => return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &error.to_string()),
        };
        for producer in &data.producer_data_set {
            let group = self.groups.producers.entry(producer.group_name.clone()).or_default();
            group.insert(to.peer, data.client_id.clone());
        }
        let mut any = false;
        for consumer in &data.consumer_data_set {
            let retry = retry_topic(&consumer.group_name);
            if self.store.queue_count(&retry).is_none() {
                self.store.create_topic(&retry, 1, 6);
                self.registration_changed = true;
            }
            if self.groups.register(to.peer, &data.client_id, consumer) {
                any = true;
                self.notify_members(&consumer.group_name);
            }
        }
        let answer = HeartbeatResponse { is_sub_change: Some(any), is_support_heart_beat_v2: Some(true) };
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

    pub(super) fn on_unregister(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<UnregisterClientRequest<'_>>(to, head) else { return };
        if let Some(group) = &fields.producer_group
            && let Some(group) = self.groups.producers.get_mut(group.as_ref())
        {
            group.remove(&to.peer);
        }
        if let Some(group) = &fields.consumer_group
            && self.groups.leave(to.peer, group)
        {
            self.notify_members(group);
        }
        self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]);
    }

    pub(super) fn on_member_list(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<GetConsumerListByGroupRequest<'_>>(to, head) else { return };
        let consumer_id_list = self.groups.members(&fields.consumer_group);
        if consumer_id_list.is_empty() {
            let remark = format!("no consumer for this group, {}", fields.consumer_group);
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
        }
        let body = GetConsumerListByGroupResponseBody { consumer_id_list }.encode();
        self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &body);
    }

    // ---- offsets -------------------------------------------------------------------------------------------

    pub(super) fn on_query_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<QueryConsumerOffsetRequest<'_>>(to, head) else { return };
        let committed = self.groups.committed(&fields.consumer_group, &fields.topic, fields.queue_id);
        // Nothing is ever removed from this store, so every queue is still whole and in memory.
        let whole = fields.set_zero_if_not_found != Some(false)
            && self.store.queue(&fields.topic, fields.queue_id).is_some();
        match committed.or(whole.then_some(0)) {
            Some(offset) => {
                self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset }, &[]);
            }
            None => {
                let remark = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first";
                self.peers.refuse(to, ResponseCode::QUERY_NOT_FOUND, remark);
            }
        }
    }

    pub(super) fn on_update_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<UpdateConsumerOffsetRequest<'_>>(to, head) else { return };
        if self.store.queue_count(&fields.topic).is_none() {
            let remark = format!("topic[{}] not exist, apply first please!", fields.topic);
            return self.peers.refuse(to, ResponseCode::TOPIC_NOT_EXIST, &remark);
        }
        self.groups.commit(&fields.consumer_group, &fields.topic, fields.queue_id, fields.commit_offset);
        self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]);
    }
}
