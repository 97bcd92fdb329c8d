//! What can be set about a producer and about one send, with Java's names and defaults (`DefaultMQProducer`).

use alloc::string::String;
use core::time::Duration;

use crate::client::names::Queue;
use crate::config::{ConfigError, check_ranges, millis};
use crate::wire::message::names::check_group;
use crate::wire::message::validate::DEFAULT_MAX_BODY;

/// Queues a topic gets when its first send makes it, unless the producer says otherwise.
pub(crate) const DEFAULT_TOPIC_QUEUE_NUMS: u32 = 4;

/// Configuration of a producer.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// `producerGroup`.
    pub group: String,
    /// `sendMsgTimeout`: 3 s for all attempts of a send together.
    pub send_msg_timeout: Duration,
    /// `sendMsgMaxTimeoutPerRequest`: 2 s for each attempt but the last, so that a broker that does not answer
    /// leaves time for another. Java: off, so that its attempts that time out are never repeated.
    pub send_msg_max_timeout_per_request: Duration,
    /// `retryTimesWhenSendFailed`: 2 attempts beyond the first. Attempts of which no byte has left do not count.
    pub retry_times_when_send_failed: u32,
    /// `maxMessageSize`: 4 MiB of body. Brokers have a limit of their own, `maxMessageSize` as well.
    pub max_message_size: usize,
    /// `defaultTopicQueueNums`: 4 queues for a topic that the first send creates.
    pub default_topic_queue_nums: u32,
    /// `unitMode`: false.
    pub unit_mode: bool,
}

impl ProducerConfig {
    /// Java's defaults for this group.
    pub fn new(group: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            send_msg_timeout: Duration::from_secs(3),
            send_msg_max_timeout_per_request: Duration::from_secs(2),
            retry_times_when_send_failed: 2,
            max_message_size: DEFAULT_MAX_BODY,
            default_topic_queue_nums: DEFAULT_TOPIC_QUEUE_NUMS,
            unit_mode: false,
        }
    }

    /// Checks every value against its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_group(&self.group)?;
        if self.group == "DEFAULT_PRODUCER" {
            return Err(ConfigError::ReservedGroup("DEFAULT_PRODUCER"));
        }
        let most = u64::MAX;
        check_ranges(&[
            ("sendMsgTimeout", millis(self.send_msg_timeout), 1, most),
            ("sendMsgMaxTimeoutPerRequest", millis(self.send_msg_max_timeout_per_request), 1, most),
            ("retryTimesWhenSendFailed", u64::from(self.retry_times_when_send_failed), 0, 100),
            ("maxMessageSize", self.max_message_size as u64, 1, 1 << 30),
            ("defaultTopicQueueNums", u64::from(self.default_topic_queue_nums), 1, 65_536),
        ])
    }
}

/// What one send wants different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendOptions {
    /// Into this queue and no other. `None`: writable queues in turn.
    pub queue: Option<Queue>,
    /// For all attempts together. `None`: the producer's `send_msg_timeout`.
    pub timeout: Option<Duration>,
    /// Attempts at most, the first included. `None`: the producer's; 1 for a given queue.
    pub max_attempts: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_ranges_are_checked() {
        let mut config = ProducerConfig::new("g");
        assert_eq!(config.check(), Ok(()));
        config.retry_times_when_send_failed = 101;
        let field = "retryTimesWhenSendFailed";
        assert_eq!(config.check(), Err(ConfigError::Range { field, value: 101, min: 0, max: 100 }));
        assert!(ProducerConfig::new("a/b").check().is_err());
        let reserved = ProducerConfig::new("DEFAULT_PRODUCER").check();
        assert_eq!(reserved, Err(ConfigError::ReservedGroup("DEFAULT_PRODUCER")));
    }
}
