//! A message on its way out, checked when it is built.

use alloc::string::String;
use alloc::sync::Arc;

use bytes::Bytes;

use crate::client::names::Topic;
use crate::wire::message::properties::names;
use crate::wire::message::{Properties, PropertiesBuilder, PropertyError};

/// A message to be sent (Java `Message`). A clone is cheap: body and properties are shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    pub(crate) topic: Topic,
    pub(crate) body: Bytes,
    /// In wire form, each pair ended by its separator.
    pub(crate) properties: Arc<str>,
    pub(crate) flag: i32,
}

impl Message {
    /// A message without properties. The body is sent as it is, never copied if it is large.
    pub fn new(topic: &Topic, body: impl Into<Bytes>) -> Self {
        Self { topic: topic.clone(), body: body.into(), properties: Arc::default(), flag: 0 }
    }

    /// A message with tags, keys or properties.
    ///
    /// ```
    /// # use rocketmq_engine::{Client, ClientConfig, Instant, Message};
    /// # let config = ClientConfig::new("localhost:9876").unwrap();
    /// # let mut client = Client::new(config, [7; 32], Instant::ZERO, std::time::Duration::ZERO).unwrap();
    /// let orders = client.topic("orders").unwrap();
    /// let message = Message::builder(&orders, "paid").tag("invoice").key("4711").property("region", "eu");
    /// assert_eq!(message.build().unwrap().properties().tag(), Some("invoice"));
    /// // The separators of the protocol cannot be smuggled in.
    /// assert!(Message::builder(&orders, "x").property("a", "1\u{2}b\u{1}2").build().is_err());
    /// ```
    pub fn builder(topic: &Topic, body: impl Into<Bytes>) -> MessageBuilder {
        MessageBuilder {
            message: Self::new(topic, body),
            properties: PropertiesBuilder::new(),
            keys: String::new(),
            error: None,
        }
    }

    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The properties set so far; the unique id is added when it is sent.
    pub fn properties(&self) -> Properties<'_> {
        Properties::new(&self.properties)
    }

    /// Bytes it takes while it is under way.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.properties.len()
    }
}

/// Collects what a message carries; the first thing refused is what [`build`](Self::build) says.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MessageBuilder {
    message: Message,
    properties: PropertiesBuilder,
    keys: String,
    error: Option<PropertyError>,
}

impl MessageBuilder {
    fn set(mut self, name: &str, value: &str, user: bool) -> Self {
        let set = if user { self.properties.user(name, value) } else { self.properties.set(name, value) };
        let error = set.err();
        self.error = self.error.or(error);
        self
    }

    /// `TAGS`: what consumers filter by. One tag; with `||` in it no consumer gets it.
    pub fn tag(self, tag: &str) -> Self {
        self.set(names::TAGS, tag, false)
    }

    /// `KEYS`: what a message is found by at the broker. Several are separated by spaces.
    pub fn key(mut self, key: &str) -> Self {
        if !self.keys.is_empty() {
            self.keys.push(' ');
        }
        self.keys.push_str(key);
        let keys = self.keys.clone();
        self.set(names::KEYS, &keys, false)
    }

    /// A property of the application's own; names RocketMQ uses itself are refused.
    pub fn property(self, name: &str, value: &str) -> Self {
        self.set(name, value, true)
    }

    /// `DELAY`: 1 to 18, how long the broker keeps it before it is delivered, by its list `messageDelayLevel`
    /// (1 s, 5 s, 10 s, 30 s, 1 min ... 2 h).
    pub fn delay_level(self, level: u8) -> Self {
        self.set(names::DELAY, &alloc::format!("{level}"), false)
    }

    /// The application's own flag, carried as it is (Java `Message.setFlag`).
    pub fn flag(mut self, flag: i32) -> Self {
        self.message.flag = flag;
        self
    }

    /// The message, or the first thing refused.
    pub fn build(self) -> Result<Message, PropertyError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Message { properties: self.properties.finish().into(), ..self.message }),
        }
    }
}
