//! Subscriptions: a topic and which of its messages (Java `SubscriptionData`, `FilterAPI`).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::client::names::{Queue, Topic};
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
    /// Queues the topic had when it was first seen, sorted. A queue that appears later has only messages that
    /// were written while this consumer was there: it is read from its beginning, whatever `consume_from` says.
    pub(super) first_seen: Option<Vec<Queue>>,
    /// A question for the group's members is on its way.
    pub(super) asking: bool,
}

impl Subscription {
    pub(super) fn new(filter: TagFilter, version: i64) -> Self {
        Self { filter, version, first_seen: None, asking: false }
    }

    pub(super) fn appeared_later(&self, queue: &Queue) -> bool {
        self.first_seen.as_ref().is_some_and(|queues| queues.binary_search(queue).is_err())
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
