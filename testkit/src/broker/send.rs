//! Sending, alone and in batches (Java `SendMessageProcessor`).

use std::borrow::Cow;

use bytes::Bytes;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{SendMessageRequest, SendMessageResponse, SendMessageV2Request};
use rocketmq_engine::wire::header::{EncodeFields, FieldSink, Head};
use rocketmq_engine::wire::message::batch::entries;
use rocketmq_engine::wire::message::names::{
    RETRY_PREFIX, check_stored_topic, dlq_topic, is_not_for_sending,
};
use rocketmq_engine::wire::message::properties::{append_pair, names};
use rocketmq_engine::wire::message::{NameError, Properties};

use super::back::DEFAULT_MAX_RECONSUME;
use super::fault::Lie;
use super::history::Name;
use super::store::{Incoming, Stored, TopicConfig};
use super::{Broker, FAQ};
use crate::peer::{Now, ReplyTo};

const REGION: &str = "DefaultRegion";

/// The answer to a send: also a refused one says where the broker is and that it traces.
struct Answer<'a>(Option<SendMessageResponse<'a>>);

impl EncodeFields for Answer<'_> {
    fn encode<S: FieldSink>(&self, sink: &mut S) {
        sink.text(names::MSG_REGION, REGION);
        sink.text(names::TRACE_ON, "true");
        if let Some(fields) = &self.0 {
            fields.encode(sink);
        }
    }
}

pub(super) type Refused = (ResponseCode, Cow<'static, str>);

impl Broker {
    pub(super) fn on_send(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        let Some(fields) = self.fields::<SendMessageRequest<'_>>(to, head) else { return };
        let fields = SendMessageV2Request {
            producer_group: fields.producer_group,
            topic: fields.topic,
            default_topic: fields.default_topic,
            default_topic_queue_nums: fields.default_topic_queue_nums,
            queue_id: fields.queue_id,
            sys_flag: fields.sys_flag,
            born_timestamp: fields.born_timestamp,
            flag: fields.flag,
            properties: fields.properties,
            reconsume_times: fields.reconsume_times,
            unit_mode: fields.unit_mode,
            max_reconsume_times: fields.max_reconsume_times,
            batch: fields.batch,
            broker_name: None,
        };
        self.send(to, &fields, body, now);
    }

    pub(super) fn on_send_v2(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        if let Some(fields) = self.fields::<SendMessageV2Request<'_>>(to, head) {
            self.send(to, &fields, body, now);
        }
    }

    fn send(&mut self, to: &ReplyTo, fields: &SendMessageV2Request<'_>, body: &[u8], now: Now) {
        if body.is_empty() {
            // Netty hands over no body at all then, and the processor takes its length.
            let remark = "java.lang.NullPointerException: Cannot read the array length because the return value of \"org.apache.rocketmq.remoting.protocol.RemotingCommand.getBody()\" is null";
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, remark);
        }
        match self.take(to, fields, body, now) {
            Ok((topic, queue_id)) => self.wake_long_polls(&topic, queue_id, now),
            Err((code, remark)) => self.peers.answer(to, code, Some(&remark), &Answer(None), &[]),
        }
    }

    /// Stores what is sent and answers; the queue it went to.
    fn take(
        &mut self,
        to: &ReplyTo,
        fields: &SendMessageV2Request<'_>,
        body: &[u8],
        now: Now,
    ) -> Result<(Name, i32), Refused> {
        let config = self.check_send(to, fields)?;
        let mut topic = self.store.name(&fields.topic);
        let batch = fields.batch == Some(true);
        if batch {
            check_batch(&topic)?;
        }
        let reconsume_times = fields.reconsume_times.unwrap_or_default();
        let mut queue_id = if fields.queue_id >= 0 {
            fields.queue_id
        } else {
            // Java draws one; here the clock does.
            (now.unix_ms.unsigned_abs() % u64::from(config.write_queues.max(1))) as i32
        };
        let mut dead = false;
        if let Some(group) = fields.topic.strip_prefix(RETRY_PREFIX) {
            if !self.admit_group(group) {
                let remark = format!("subscription group not exist, {group} {FAQ}");
                return Err((ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark.into()));
            }
            dead = reconsume_times > fields.max_reconsume_times.unwrap_or(DEFAULT_MAX_RECONSUME);
            if dead {
                topic = self.retry_or_dead(&dlq_topic(group));
                queue_id = 0;
            }
        }
        let sent = fields.properties.as_ref().map(|parts| parts.to_text()).unwrap_or_default();
        let message = Incoming {
            topic,
            queue_id,
            flag: fields.flag,
            sys_flag: fields.sys_flag,
            born_timestamp: fields.born_timestamp,
            born_host: self.host_of(to.peer),
            reconsume_times,
            body: Bytes::new(),
            properties: String::new(),
        };
        let unique = Properties::new(&sent).get(names::UNIQ_KEY).map_or_else(
            || if batch { None } else { Some(Cow::Owned(self.unique_key(now))) },
            |key| Some(Cow::Borrowed(key)),
        );
        let stored = if batch {
            self.store_batch(&message, body, now)
        } else if body.len() > self.config.max_message_size
            || Properties::new(&sent).get_bytes(names::INNER_NUM).is_some()
        {
            None
        } else {
            let set = [
                (names::CLUSTER, self.config.cluster_name.as_str()),
                (names::MSG_REGION, REGION),
                (names::TRACE_ON, "true"),
                (names::UNIQ_KEY, unique.as_deref().unwrap_or_default()),
                (names::DELAY, "0"),
            ];
            // Only a dead letter has its delay taken away.
            let set = if dead { &set[..] } else { &set[..4] };
            let properties = rewrite(&sent, set);
            let message = Incoming { body: Bytes::copy_from_slice(body), properties, ..message.clone() };
            self.store_or_delay(message, now).map(|stored| (stored, stored.id.to_string()))
        };
        let Some((stored, msg_id)) = stored else {
            let remark = format!(
                "the message is illegal, maybe msg body or properties length not matched. msg body length limit {}B, msg properties length limit 32KB.",
                self.config.max_message_size
            );
            return Err((ResponseCode::MESSAGE_ILLEGAL, remark.into()));
        };
        let answer = SendMessageResponse {
            msg_id: msg_id.into(),
            queue_id,
            queue_offset: if let Some(Lie::Offset(lie)) = to.lie() { lie } else { stored.queue_offset },
            transaction_id: unique,
            ..Default::default()
        };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &Answer(Some(answer)), &[]);
        Ok((message.topic, queue_id))
    }

    /// The topic's configuration, if a message may be sent to it; unknown topics are made.
    fn check_send(
        &mut self,
        to: &ReplyTo,
        fields: &SendMessageV2Request<'_>,
    ) -> Result<TopicConfig, Refused> {
        let topic = &*fields.topic;
        // A topic that is known has been looked at before.
        let known = self.store.topic(topic);
        if known.is_none() {
            check_name(topic)?;
        }
        if is_not_for_sending(topic) {
            let remark = format!("Sending message to topic[{topic}] is forbidden.");
            return Err((ResponseCode::NO_PERMISSION, remark.into()));
        }
        let Some(config) = known.or_else(|| self.topic_by_template(fields)) else {
            let remark = format!("topic[{topic}] not exist, apply first please!{FAQ}");
            return Err((ResponseCode::TOPIC_NOT_EXIST, remark.into()));
        };
        let queue = fields.queue_id;
        if queue >= config.read_queues.max(config.write_queues) as i32 {
            let (described, from) = (describe(topic, &config), self.host_of(to.peer));
            let remark = format!("request queueId[{queue}] is illegal, {described} Producer: {from}");
            return Err((ResponseCode::INVALID_PARAMETER, remark.into()));
        }
        Ok(config)
    }

    /// Makes a topic after the template the sender names, if that is allowed.
    fn topic_by_template(&mut self, fields: &SendMessageV2Request<'_>) -> Option<TopicConfig> {
        let template = self.store.topic(&fields.default_topic);
        let config = match template.filter(|config| config.may(TopicConfig::INHERIT)) {
            Some(template) => {
                let most = fields.default_topic_queue_nums.max(0) as u32;
                TopicConfig::new(most.min(template.write_queues)).perm(template.perm & !TopicConfig::INHERIT)
            }
            None if fields.topic.starts_with(RETRY_PREFIX) => TopicConfig::new(1),
            None => return None,
        };
        self.set_topic(&fields.topic, config);
        Some(config)
    }

    /// Each message of a batch is stored alone; ids are joined with commas, the offset is the first one's.
    fn store_batch(&mut self, batch: &Incoming, body: &[u8], now: Now) -> Option<(Stored, String)> {
        if body.len() > self.config.max_message_size {
            return None;
        }
        let parsed: Vec<_> = entries(body).collect::<Result<_, _>>().ok()?;
        let mut all = Vec::new();
        for entry in parsed {
            let message = Incoming {
                flag: entry.flag,
                body: Bytes::copy_from_slice(entry.body),
                properties: entry.properties.to_string(),
                ..batch.clone()
            };
            all.push(self.append(&message, now)?);
        }
        let ids: Vec<String> = all.iter().map(|stored| stored.id.to_string()).collect();
        Some((*all.first()?, ids.join(",")))
    }

    /// A key for a message whose producer gave it none: as long as Java's, the log's end makes it unique.
    pub(super) fn unique_key(&self, now: Now) -> String {
        format!("{:016X}{:016X}", now.unix_ms, self.store.end())
    }
}

fn check_batch(topic: &str) -> Result<(), Refused> {
    let remark = if topic.len() > i8::MAX as usize {
        format!("message topic length too long {}", topic.len())
    } else if topic.starts_with(RETRY_PREFIX) {
        format!("batch request does not support retry group {topic}")
    } else {
        return Ok(());
    };
    Err((ResponseCode::MESSAGE_ILLEGAL, remark.into()))
}

/// Java `TopicValidator.validateTopic`.
pub(super) fn check_name(topic: &str) -> Result<(), Refused> {
    let remark = match check_stored_topic(topic) {
        Ok(()) => return Ok(()),
        Err(NameError::Blank { .. }) => "The specified topic is blank.".into(),
        Err(NameError::TooLong { max, .. }) => {
            format!("The specified topic is longer than topic max length {max}.")
        }
        Err(_) => format!(
            "The specified topic: {topic}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
        ),
    };
    Err((ResponseCode::INVALID_PARAMETER, remark.into()))
}

/// Java `TopicConfig.toString`.
fn describe(topic: &str, config: &TopicConfig) -> String {
    let TopicConfig { read_queues, write_queues, perm, sys_flag, order } = config;
    let bit = |bit, letter| if perm & bit == bit { letter } else { '-' };
    let (read, write) = (bit(TopicConfig::READ, 'R'), bit(TopicConfig::WRITE, 'W'));
    let inherit = bit(TopicConfig::INHERIT, 'X');
    format!(
        "TopicConfig [topicName={topic}, readQueueNums={read_queues}, writeQueueNums={write_queues}, perm={read}{write}{inherit}, topicFilterType=SINGLE_TAG, topicSysFlag={sys_flag}, order={order}, attributes={{}}]"
    )
}

/// The properties as a broker writes them: each once (the last of two equal names wins), and in place of the
/// sender's those it sets itself.
fn rewrite(sent: &str, set: &[(&str, &str)]) -> String {
    let kept = Properties::new(sent).iter().filter(|(name, _)| *name != names::POP_CK);
    let mut pairs: Vec<_> = kept.chain(set.iter().copied()).collect();
    // Stable: of equal names the last stays behind.
    pairs.sort_by_key(|(name, _)| *name);
    let mut out = String::with_capacity(sent.len() + 96);
    for (index, (name, value)) in pairs.iter().enumerate() {
        if pairs.get(index + 1).is_none_or(|(next, _)| next != name) {
            append_pair(&mut out, name, value);
        }
    }
    out
}
