//! Subscriptions: a topic and which of its messages (Java `SubscriptionData`, `FilterAPI`).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::client::names::{BrokerName, Queue, Topic};
use crate::wire::body::SubscriptionData;
use crate::wire::message::tags::{Expression, ExpressionError};

/// Which messages of a topic are wanted: all, or those with one of some tags.
///
/// ```
/// use rocketmq_engine::TagFilter;
///
/// let filter = TagFilter::parse("created || paid").unwrap();
/// assert!(filter.matches(Some("paid")) && !filter.matches(None));
/// assert!(TagFilter::all().matches(None));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TagFilter(Arc<Expression>);

impl TagFilter {
    /// Every message.
    pub fn all() -> Self {
        Self(Arc::new(Expression::all()))
    }

    /// Reads `"TagA || TagB"`; `*` and empty text are everything.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Expression::tags(text).map(|expression| Self(Arc::new(expression)))
    }

    /// The text as it is told to brokers.
    pub fn as_str(&self) -> &str {
        &self.0.sub_string
    }

    /// Whether a message with this tag is wanted. Brokers compare hash codes, so this is asked of every message
    /// that arrives.
    pub fn matches(&self, tag: Option<&str>) -> bool {
        self.0.matches(tag)
    }

    /// Whether every message is wanted.
    pub fn is_all(&self) -> bool {
        self.0.tags.is_empty()
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.0
    }
}

impl fmt::Debug for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// One subscription of a consumer.
#[derive(Clone, Debug, Hash)]
pub(super) struct Subscription {
    pub(super) filter: TagFilter,
    /// Java's `subVersion`: when it was made, Unix milliseconds. Brokers keep the newest of a group.
    pub(super) version: i64,
    /// How many queues each broker had when the topic was first seen. A queue that appears later has only messages that
    /// were written while this consumer was there: it is read from its beginning, whatever `consume_from` says.
    pub(super) first_seen: Option<BTreeMap<BrokerName, u32>>,
    /// A question for the group's members is on its way.
    pub(super) asking: bool,
}

impl Subscription {
    pub(super) fn new(filter: TagFilter, version: i64) -> Self {
        Self { filter, version, first_seen: None, asking: false }
    }

    /// Notes the topic's queues if they are the first that are seen of it.
    pub(super) fn note_first(&mut self, queues: &[Queue]) {
        self.first_seen.get_or_insert_with(|| {
            let mut counts: BTreeMap<BrokerName, u32> = BTreeMap::new();
            for queues in queues.chunk_by(|a, b| a.broker == b.broker) {
                let next = queues.iter().map(|queue| queue.id + 1).max().unwrap_or_default();
                if let Some(first) = queues.first() {
                    let count = counts.entry(first.broker.clone()).or_default();
                    *count = next.max(*count);
                }
            }
            counts
        });
    }

    pub(super) fn appeared_later(&self, queue: &Queue) -> bool {
        let count = |seen: &BTreeMap<BrokerName, u32>| seen.get(&queue.broker).copied().unwrap_or_default();
        self.first_seen.as_ref().is_some_and(|seen| queue.id >= count(seen))
    }

    pub(super) fn data(&self, topic: &Topic) -> SubscriptionData {
        let expression = self.filter.expression();
        SubscriptionData {
            class_filter_mode: false,
            code_set: expression.codes.clone(),
            expression_type: expression.expression_type.clone(),
            sub_string: expression.sub_string.clone(),
            sub_version: self.version,
            tags_set: expression.tags.clone(),
            topic: String::from(topic.as_str()),
        }
    }
}
