//! Many acks in one request: BATCH_ACK_MESSAGE (200151) and its bit sets (Java `BatchAck`, `BitSet` as Base64).

use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

use super::RetryMark;
use crate::wire::json::{JsonError, Kind, Limits, Value, Writer};
use crate::wire::message::base64::{self, Alphabet};

/// Most bytes of one bit set: offsets of one entry reach 255 above its start.
pub const MAX_ACK_BYTES: usize = 32;
/// Most entries of one body that are read.
const MAX_ACKS: usize = 65_536;

/// Which offsets of a popped batch are done: bit `i` is start offset + `i`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct AckBits {
    bytes: [u8; MAX_ACK_BYTES],
}

impl AckBits {
    /// Marks the offset `index` above the start; false when that is out of reach and another entry is needed.
    #[must_use]
    pub fn set(&mut self, index: usize) -> bool {
        match self.bytes.get_mut(index / 8) {
            Some(byte) => {
                *byte |= 1 << (index % 8);
                true
            }
            None => false,
        }
    }

    /// The marked indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let bytes = self.bytes;
        (0..MAX_ACK_BYTES * 8).filter(move |&i| bytes.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1))
    }

    /// Whether no bit is set.
    pub fn is_empty(&self) -> bool {
        self.bytes.iter().all(|&byte| byte == 0)
    }

    /// Base64 of the bytes without trailing zeros.
    pub fn encode(&self) -> String {
        let len = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        base64::encode(self.bytes.get(..len).unwrap_or_default(), Alphabet::Standard)
    }

    /// Reads Base64 of at most [`MAX_ACK_BYTES`] bytes.
    pub fn decode(text: &str) -> Result<AckBits, BatchAckError> {
        if text.len() > MAX_ACK_BYTES.div_ceil(3) * 4 {
            return Err(BatchAckError::TooManyBits);
        }
        let bytes = base64::decode(text, Alphabet::Standard).ok_or(BatchAckError::Base64)?;
        let mut bits = AckBits::default();
        let room = bits.bytes.get_mut(..bytes.len()).ok_or(BatchAckError::TooManyBits)?;
        room.copy_from_slice(&bytes);
        Ok(bits)
    }
}

impl core::fmt::Debug for AckBits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The acks of one popped batch. Members absent from a body are zero or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAck {
    /// Group.
    pub consumer_group: String,
    /// The topic the application subscribed to, not the retry topic.
    pub topic: String,
    /// Where the messages are stored.
    pub mark: RetryMark,
    /// First part of the receipt handle.
    pub start_offset: i64,
    /// Queue.
    pub queue_id: i32,
    /// Queue of the revive topic.
    pub revive_queue_id: i32,
    /// When they were popped, Unix milliseconds of the broker.
    pub pop_time: i64,
    /// How long they stay invisible, milliseconds.
    pub invisible_time: i64,
    /// Which of them are acked.
    pub bits: AckBits,
}

/// The body of BATCH_ACK_MESSAGE: acks for one broker.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BatchAckRequestBody {
    /// The broker.
    pub broker_name: String,
    /// One entry for each popped batch.
    pub acks: Vec<BatchAck>,
}

/// A batch ack body is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchAckError {
    /// No JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The bit set is no Base64 text; arrays, read by brokers before 5.4, are refused as later ones do.
    #[error("the bit set is not Base64 text")]
    Base64,
    /// The bit set is longer than [`MAX_ACK_BYTES`].
    #[error("the bit set has more than {max} bytes", max = MAX_ACK_BYTES)]
    TooManyBits,
    /// A member is of another type or out of range.
    #[error("member {0} is malformed")]
    Member(&'static str),
    /// More entries than allowed.
    #[error("more than {max} entries", max = MAX_ACKS)]
    TooMany,
}

impl BatchAckRequestBody {
    /// The JSON text.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| {
            out.member("acks").array(|out| self.acks.iter().for_each(|ack| ack.write(out.item())));
            out.member("brokerName").string(&self.broker_name);
        });
        out.finish()
    }

    /// Reads the JSON text; the long member names are read as well.
    pub fn decode(body: &[u8]) -> Result<BatchAckRequestBody, BatchAckError> {
        let value = Value::parse(body, &Limits::default())?;
        let acks = value.get("acks").and_then(Value::items).unwrap_or_default();
        if acks.len() > MAX_ACKS {
            return Err(BatchAckError::TooMany);
        }
        Ok(BatchAckRequestBody {
            broker_name: text(&value, "brokerName", "brokerName")?,
            acks: acks.iter().map(BatchAck::read).collect::<Result<_, _>>()?,
        })
    }
}

impl BatchAck {
    fn write(&self, out: &mut Writer) {
        out.object(|out| {
            out.member("b").string(&self.bits.encode());
            out.member("c").string(&self.consumer_group);
            out.member("it").int(self.invisible_time);
            out.member("pt").int(self.pop_time);
            out.member("q").int(self.queue_id.into());
            out.member("r").string(self.mark.as_str());
            out.member("rq").int(self.revive_queue_id.into());
            out.member("so").int(self.start_offset);
            out.member("t").string(&self.topic);
        });
    }

    fn read(value: &Value<'_>) -> Result<BatchAck, BatchAckError> {
        let mark = match text(value, "r", "retry")?.as_str() {
            "" => RetryMark::Normal,
            mark => RetryMark::parse(mark).ok_or(BatchAckError::Member("r"))?,
        };
        let bits = match member(value, "b", "bitSet").map(Value::kind) {
            None => AckBits::default(),
            Some(Kind::String(bits)) => AckBits::decode(&bits.as_str())?,
            Some(_) => return Err(BatchAckError::Base64),
        };
        let small = |short, long| {
            i32::try_from(number(value, short, long)?).map_err(|_| BatchAckError::Member(short))
        };
        Ok(BatchAck {
            consumer_group: text(value, "c", "consumerGroup")?,
            topic: text(value, "t", "topic")?,
            mark,
            start_offset: number(value, "so", "startOffset")?,
            queue_id: small("q", "queueId")?,
            revive_queue_id: small("rq", "reviveQueueId")?,
            pop_time: number(value, "pt", "popTime")?,
            invisible_time: number(value, "it", "invisibleTime")?,
            bits,
        })
    }
}

fn member<'v, 'a>(value: &'v Value<'a>, short: &str, long: &str) -> Option<&'v Value<'a>> {
    value.get(short).or_else(|| value.get(long)).filter(|value| !value.is_null())
}

fn text(value: &Value<'_>, short: &'static str, long: &str) -> Result<String, BatchAckError> {
    member(value, short, long).map_or(Ok(String::new()), |value| {
        value.as_text().map(|text| text.as_str().into_owned()).ok_or(BatchAckError::Member(short))
    })
}

fn number(value: &Value<'_>, short: &'static str, long: &str) -> Result<i64, BatchAckError> {
    member(value, short, long).map_or(Ok(0), |value| value.to_i64().ok_or(BatchAckError::Member(short)))
}
