//! What can be set about a push consumer, with Java's names and defaults (`DefaultMQPushConsumer`).

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use thiserror::Error;

use super::process_queue::FlowLimits;
use super::strategy::{AllocateStrategy, Average};
use crate::wire::message::NameError;
use crate::wire::message::names::check_group;

/// Where a group begins in a queue it has no offset for (Java `ConsumeFromWhere`).
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsumeFrom {
    /// At the oldest message there is (`CONSUME_FROM_FIRST_OFFSET`).
    First,
    /// At what is written from now on (`CONSUME_FROM_LAST_OFFSET`, Java's default). A young topic, whose first
    /// message is still in the broker's memory, is nevertheless read from its beginning: the broker says so.
    #[default]
    Last,
    /// At the first message stored at or after this time, Unix milliseconds (`CONSUME_FROM_TIMESTAMP`).
    Timestamp(i64),
}

/// What happens to a message that cannot be read (wrong checksum, impossible lengths, inflates beyond the
/// limit). It is reported as a notice in any case, and pulled again [`poison_retries`] times first.
///
/// [`poison_retries`]: PushConsumerConfig::poison_retries
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PoisonPolicy {
    /// It is passed over, and its offset counts as finished.
    #[default]
    Skip,
    /// The queue stays there and pulls it again until it can be read or the broker has removed it.
    Hold,
}

/// Configuration of a push consumer in clustering, concurrent mode.
///
/// ```
/// use rocketmq_engine::{ConsumeFrom, PushConsumerConfig};
///
/// let mut config = PushConsumerConfig::new("billing");
/// config.consume_from = ConsumeFrom::First;
/// config.pull_threshold_for_queue = 200;
/// assert_eq!(config.check(), Ok(()));
/// ```
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, Hash)]
pub struct PushConsumerConfig {
    /// `consumerGroup`: all its members share the messages, and must have the same subscriptions and strategy.
    pub group: String,
    /// `consumeFromWhere` and `consumeTimestamp`: last.
    pub consume_from: ConsumeFrom,
    /// `allocateMessageQueueStrategy`: `AVG`.
    #[cfg_attr(feature = "record", serde(with = "crate::record::strategy"))]
    pub allocate_strategy: Arc<dyn AllocateStrategy>,
    /// `pullBatchSize`: 32 messages, 1 to 1,024. Brokers give no more than 32 unless configured to.
    pub pull_batch_size: u32,
    /// `pullBatchSizeInBytes`: 256 KiB. Today's brokers do not look at it.
    pub pull_batch_size_in_bytes: u32,
    /// `pullInterval`: zero; at most 65,535 ms. Pause between an answer with messages and the next pull.
    pub pull_interval: Duration,
    /// `pullThresholdForQueue`: 1,000 messages, 1 to 65,535. A queue with more unfinished ones is not pulled.
    pub pull_threshold_for_queue: u32,
    /// `pullThresholdSizeForQueue`: 100 MiB (here in bytes). A queue with more unfinished ones is not pulled.
    pub pull_threshold_size_for_queue: usize,
    /// `consumeConcurrentlyMaxSpan`: 2,000 offsets, 1 to 65,535, from the lowest unfinished to the last message.
    pub consume_concurrently_max_span: u32,
    /// Most unfinished bytes of all queues of this consumer together: 512 MiB. Java knows no such limit.
    pub cached_bytes_limit: usize,
    /// `postSubscriptionWhenPull`: false. The subscription travels with every pull.
    pub post_subscription_when_pull: bool,
    /// `maxReconsumeTimes`: `None` is Java's -1, which means 16. After that many retries the broker puts a
    /// message into the group's dead-letter topic.
    pub max_reconsume_times: Option<u32>,
    /// `consumeTimeout`: 15 minutes, `Duration::MAX` for never. The oldest delivery of a queue that makes no
    /// progress for so long counts as forgotten: what is unsettled of it goes back to the broker (delay level 3).
    pub consume_timeout: Duration,
    /// How long until an abandoned message, or one that could not be sent back, is delivered again: 5 s.
    pub redelivery_delay: Duration,
    /// `persistConsumerOffsetInterval`: 5 s between commits of a queue's progress.
    pub persist_consumer_offset_interval: Duration,
    /// `pullTimeDelayMillsWhenException`: 1 s until the next pull after an error.
    pub pull_time_delay_when_exception: Duration,
    /// `brokerSuspendMaxTimeMillis`: 15 s. How long a broker may hold a pull when there is nothing.
    pub broker_suspend_max_time: Duration,
    /// `consumerTimeoutMillisWhenSuspend`: 30 s. How long to wait for the answer to a pull.
    pub consumer_timeout_when_suspend: Duration,
    /// `rocketmq.client.rebalance.waitInterval`: 20 s between divisions of the queues.
    pub rebalance_interval: Duration,
    /// `rocketmq.client.rebalance.minInterval`: 1 s at least between two of them.
    pub rebalance_min_interval: Duration,
    /// `awaitTerminationMillisWhenShutdown`: 10 s (Java: 0). How long closing this consumer alone waits for
    /// unsettled deliveries and for its last commits.
    pub await_termination_when_shutdown: Duration,
    /// What to do with messages that cannot be read: pass over.
    pub poison: PoisonPolicy,
    /// How often a message that cannot be read is pulled again before [`poison`](Self::poison) decides: 3. The same for
    /// an answer with a message that cannot be at its offset of the queue, or without the messages it announces:
    /// no checksum guards these.
    pub poison_retries: u32,
    /// Topics this consumer can be subscribed to, its retry topic not counted: 1,024. Heartbeats name them all.
    pub max_subscriptions: usize,
    /// `unitMode`: false.
    pub unit_mode: bool,
}

/// A consumer's configuration is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerConfigError {
    /// The group's name.
    #[error("{0}")]
    Group(#[from] NameError),
    /// Java refuses its own default group.
    #[error("the group name DEFAULT_CONSUMER is reserved: choose another")]
    DefaultGroup,
    /// A number outside its range.
    #[error("{field} is {value}, allowed is {min} to {max}")]
    Range {
        /// Java's name of the setting.
        field: &'static str,
        /// What was given.
        value: u64,
        /// Least allowed.
        min: u64,
        /// Most allowed.
        max: u64,
    },
}

impl PushConsumerConfig {
    /// Java's defaults for this group.
    pub fn new(group: impl Into<String>) -> Self {
        let seconds = Duration::from_secs;
        Self {
            group: group.into(),
            consume_from: ConsumeFrom::Last,
            allocate_strategy: Arc::new(Average),
            pull_batch_size: 32,
            pull_batch_size_in_bytes: 256 << 10,
            pull_interval: Duration::ZERO,
            pull_threshold_for_queue: 1000,
            pull_threshold_size_for_queue: 100 << 20,
            consume_concurrently_max_span: 2000,
            cached_bytes_limit: 512 << 20,
            post_subscription_when_pull: false,
            max_reconsume_times: None,
            consume_timeout: seconds(15 * 60),
            redelivery_delay: seconds(5),
            persist_consumer_offset_interval: seconds(5),
            pull_time_delay_when_exception: seconds(1),
            broker_suspend_max_time: seconds(15),
            consumer_timeout_when_suspend: seconds(30),
            rebalance_interval: seconds(20),
            rebalance_min_interval: seconds(1),
            await_termination_when_shutdown: seconds(10),
            poison: PoisonPolicy::Skip,
            poison_retries: 3,
            max_subscriptions: 1024,
            unit_mode: false,
        }
    }

    /// Sets where to begin without an offset.
    #[must_use]
    pub fn consume_from(mut self, from: ConsumeFrom) -> Self {
        self.consume_from = from;
        self
    }

    /// Checks every value against its range.
    pub fn check(&self) -> Result<(), ConsumerConfigError> {
        check_group(&self.group)?;
        if self.group == "DEFAULT_CONSUMER" {
            return Err(ConsumerConfigError::DefaultGroup);
        }
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let most = u64::MAX;
        for (field, value, min, max) in [
            ("pullBatchSize", u64::from(self.pull_batch_size), 1, 1024),
            ("pullBatchSizeInBytes", u64::from(self.pull_batch_size_in_bytes), 1, i32::MAX as u64),
            ("pullInterval", millis(self.pull_interval), 0, 65_535),
            ("pullThresholdForQueue", u64::from(self.pull_threshold_for_queue), 1, 65_535),
            ("pullThresholdSizeForQueue", self.pull_threshold_size_for_queue as u64, 1, most),
            ("consumeConcurrentlyMaxSpan", u64::from(self.consume_concurrently_max_span), 1, 65_535),
            ("cachedBytesLimit", self.cached_bytes_limit as u64, 1, most),
            ("maxReconsumeTimes", u64::from(self.max_reconsume_times.unwrap_or(0)), 0, i32::MAX as u64),
            ("consumeTimeout", millis(self.consume_timeout), 1000, most),
            ("redeliveryDelay", millis(self.redelivery_delay), 10, most),
            ("persistConsumerOffsetInterval", millis(self.persist_consumer_offset_interval), 100, most),
            ("pullTimeDelayMillsWhenException", millis(self.pull_time_delay_when_exception), 10, most),
            ("brokerSuspendMaxTimeMillis", millis(self.broker_suspend_max_time), 100, 600_000),
            ("rebalanceInterval", millis(self.rebalance_interval), 100, most),
            ("rebalanceMinInterval", millis(self.rebalance_min_interval), 10, most),
            // A pull given up before the broker may answer would never bring anything.
            (
                "consumerTimeoutMillisWhenSuspend",
                millis(self.consumer_timeout_when_suspend),
                millis(self.broker_suspend_max_time).saturating_add(100),
                most,
            ),
        ] {
            if value < min || value > max {
                return Err(ConsumerConfigError::Range { field, value, min, max });
            }
        }
        Ok(())
    }

    /// What `maxReconsumeTimes` means: 16 unless set.
    pub(super) fn max_reconsume(&self) -> i32 {
        self.max_reconsume_times.map_or(16, |times| i32::try_from(times).unwrap_or(i32::MAX))
    }

    pub(super) fn flow_limits(&self) -> FlowLimits {
        FlowLimits {
            count: self.pull_threshold_for_queue as usize,
            bytes: self.pull_threshold_size_for_queue,
            span: u64::from(self.consume_concurrently_max_span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_javas_and_pass() {
        let config = PushConsumerConfig::new("g");
        assert_eq!(config.check(), Ok(()));
        assert_eq!(
            (config.max_reconsume(), config.pull_batch_size, config.flow_limits().span),
            (16, 32, 2000)
        );
        assert_eq!(config.allocate_strategy.name(), "AVG");
    }

    #[test]
    fn each_range_is_checked() {
        let mut config = PushConsumerConfig::new("g");
        config.pull_batch_size = 1025;
        let found = config.check().expect_err("too many");
        assert_eq!(
            found,
            ConsumerConfigError::Range { field: "pullBatchSize", value: 1025, min: 1, max: 1024 }
        );
        assert!(PushConsumerConfig::new("DEFAULT_CONSUMER").check().is_err());
        assert!(PushConsumerConfig::new(" ").check().is_err());
        let mut config = PushConsumerConfig::new("g");
        config.consumer_timeout_when_suspend = config.broker_suspend_max_time;
        assert!(config.check().is_err());
    }
}
