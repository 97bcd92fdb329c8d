//! Records of message traces (Java `TraceDataEncoder`): fields separated by 0x01, records ended by 0x02. Absent
//! texts are written as `null`, as Java does.

use alloc::string::String;
use core::fmt::{Display, Write};
use thiserror::Error;

/// Between fields.
pub const FIELD_SEPARATOR: char = '\u{1}';
/// After a record.
pub const RECORD_SEPARATOR: char = '\u{2}';

/// One record of a trace message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceRecord<'a> {
    /// A message has been sent.
    Pub(PubTrace<'a>),
    /// A message is about to be consumed.
    SubBefore(SubBeforeTrace<'a>),
    /// A message has been consumed.
    SubAfter(SubAfterTrace<'a>),
    /// A transaction has been ended.
    EndTransaction(EndTransactionTrace<'a>),
    /// A timer message has been recalled.
    Recall(RecallTrace<'a>),
}

/// Fields of a `Pub` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubTrace<'a> {
    /// Unix milliseconds.
    pub timestamp: i64,
    /// Region of the broker.
    pub region: &'a str,
    /// Producer group.
    pub group: &'a str,
    /// Topic.
    pub topic: &'a str,
    /// Unique id.
    pub message_id: &'a str,
    /// Tag.
    pub tags: Option<&'a str>,
    /// Index keys, separated by spaces.
    pub keys: Option<&'a str>,
    /// Address of the broker.
    pub store_host: &'a str,
    /// Bytes.
    pub body_length: i64,
    /// Milliseconds.
    pub cost_time: i64,
    /// 0 normal, 1 half, 2 committed, 3 delayed, 4 ordered.
    pub message_type: i32,
    /// Offset message id; old writers have none.
    pub offset_message_id: Option<&'a str>,
    /// Whether the send succeeded.
    pub success: bool,
}

/// Fields of a `SubBefore` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubBeforeTrace<'a> {
    /// Unix milliseconds.
    pub timestamp: i64,
    /// Region of the broker.
    pub region: &'a str,
    /// Consumer group.
    pub group: &'a str,
    /// Links this record to its `SubAfter`.
    pub request_id: &'a str,
    /// Unique id.
    pub message_id: &'a str,
    /// Deliveries repeated so far.
    pub retry_times: i32,
    /// Index keys.
    pub keys: Option<&'a str>,
}

/// Fields of a `SubAfter` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAfterTrace<'a> {
    /// Links this record to its `SubBefore`.
    pub request_id: &'a str,
    /// Unique id.
    pub message_id: &'a str,
    /// Milliseconds, of the whole listener call divided by its messages.
    pub cost_time: i64,
    /// Whether the listener accepted it.
    pub success: bool,
    /// Index keys.
    pub keys: Option<&'a str>,
    /// 0 success, 1 time out, 2 exception, 3 null returned, 4 failed; -1 where the writer has none.
    pub context_code: i32,
    /// Unix milliseconds and group; left out for the CLOUD channel.
    pub origin: Option<(i64, &'a str)>,
}

/// Fields of an `EndTransaction` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionTrace<'a> {
    /// Unix milliseconds.
    pub timestamp: i64,
    /// Region of the broker.
    pub region: &'a str,
    /// Producer group.
    pub group: &'a str,
    /// Topic.
    pub topic: &'a str,
    /// Unique id.
    pub message_id: &'a str,
    /// Tag.
    pub tags: Option<&'a str>,
    /// Index keys.
    pub keys: Option<&'a str>,
    /// Address of the broker.
    pub store_host: &'a str,
    /// As in [`PubTrace::message_type`].
    pub message_type: i32,
    /// Transaction id.
    pub transaction_id: &'a str,
    /// `COMMIT_MESSAGE`, `ROLLBACK_MESSAGE` or `UNKNOW`.
    pub transaction_state: &'a str,
    /// Whether a check of the broker led to it.
    pub from_transaction_check: bool,
}

/// Fields of a `Recall` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecallTrace<'a> {
    /// Unix milliseconds.
    pub timestamp: i64,
    /// Region of the broker.
    pub region: &'a str,
    /// Producer group.
    pub group: &'a str,
    /// Topic.
    pub topic: &'a str,
    /// Unique id.
    pub message_id: &'a str,
    /// Whether it was recalled.
    pub success: bool,
}

/// A trace record is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TraceError {
    /// The first field names no known type.
    #[error("unknown record type")]
    Type,
    /// Fields are missing.
    #[error("{kind} record with {fields} fields")]
    Fields {
        /// Type of the record.
        kind: &'static str,
        /// Fields found, the type included.
        fields: usize,
    },
    /// A field is no number.
    #[error("field {at} is not a number")]
    Number {
        /// Position of the field, the type being 0.
        at: usize,
    },
}

/// Writes the fields of one record.
struct Fields<'o> {
    out: &'o mut String,
}

impl Fields<'_> {
    fn add(&mut self, value: impl Display) -> &mut Self {
        let _ = write!(self.out, "{FIELD_SEPARATOR}{value}");
        self
    }

    fn optional(&mut self, value: Option<&str>) -> &mut Self {
        self.add(value.unwrap_or("null"))
    }
}

impl TraceRecord<'_> {
    /// Appends the record.
    pub fn encode(&self, out: &mut String) {
        match self {
            TraceRecord::Pub(t) => {
                out.push_str("Pub");
                let mut fields = Fields { out };
                fields.add(t.timestamp).add(t.region).add(t.group).add(t.topic).add(t.message_id);
                fields
                    .optional(t.tags)
                    .optional(t.keys)
                    .add(t.store_host)
                    .add(t.body_length)
                    .add(t.cost_time);
                fields.add(t.message_type).optional(t.offset_message_id).add(t.success);
            }
            TraceRecord::SubBefore(t) => {
                out.push_str("SubBefore");
                let mut fields = Fields { out };
                fields.add(t.timestamp).add(t.region).add(t.group).add(t.request_id).add(t.message_id);
                fields.add(t.retry_times).optional(t.keys);
            }
            TraceRecord::SubAfter(t) => {
                out.push_str("SubAfter");
                let mut fields = Fields { out };
                fields.add(t.request_id).add(t.message_id).add(t.cost_time).add(t.success).optional(t.keys);
                fields.add(t.context_code);
                match t.origin {
                    Some((timestamp, group)) => fields.add(timestamp).add(group),
                    // The separator stays when the fields are left out.
                    None => fields.add(""),
                };
            }
            TraceRecord::EndTransaction(t) => {
                out.push_str("EndTransaction");
                let mut fields = Fields { out };
                fields.add(t.timestamp).add(t.region).add(t.group).add(t.topic).add(t.message_id);
                fields.optional(t.tags).optional(t.keys).add(t.store_host).add(t.message_type);
                fields.add(t.transaction_id).add(t.transaction_state).add(t.from_transaction_check);
            }
            TraceRecord::Recall(t) => {
                out.push_str("Recall");
                let mut fields = Fields { out };
                fields.add(t.timestamp).add(t.region).add(t.group).add(t.topic).add(t.message_id);
                fields.add(t.success);
            }
        }
        out.push(RECORD_SEPARATOR);
    }
}

/// The records of a trace message's body.
pub fn records(body: &str) -> impl Iterator<Item = Result<TraceRecord<'_>, TraceError>> {
    body.split(RECORD_SEPARATOR).filter(|record| !record.is_empty()).map(parse)
}

/// The fields of one record, by position.
struct Parts<'a> {
    kind: &'static str,
    record: &'a str,
}

impl<'a> Parts<'a> {
    fn text(&self, at: usize) -> Result<&'a str, TraceError> {
        let mut fields = self.record.split(FIELD_SEPARATOR);
        fields.nth(at).ok_or_else(|| TraceError::Fields { kind: self.kind, fields: self.len() })
    }

    fn optional(&self, at: usize) -> Result<Option<&'a str>, TraceError> {
        Ok(Some(self.text(at)?).filter(|&text| text != "null"))
    }

    fn number<T: core::str::FromStr>(&self, at: usize) -> Result<T, TraceError> {
        self.text(at)?.parse().map_err(|_| TraceError::Number { at })
    }

    fn flag(&self, at: usize) -> Result<bool, TraceError> {
        Ok(self.text(at)?.eq_ignore_ascii_case("true"))
    }

    fn len(&self) -> usize {
        self.record.split(FIELD_SEPARATOR).count()
    }
}

fn parse(record: &str) -> Result<TraceRecord<'_>, TraceError> {
    let kinds = ["Pub", "SubBefore", "SubAfter", "EndTransaction", "Recall"];
    let first = record.split(FIELD_SEPARATOR).next().unwrap_or_default();
    let kind = kinds.into_iter().find(|&kind| kind == first).ok_or(TraceError::Type)?;
    let parts = Parts { kind, record };
    Ok(match kind {
        "Pub" => TraceRecord::Pub(parse_pub(&parts)?),
        "SubBefore" => TraceRecord::SubBefore(SubBeforeTrace {
            timestamp: parts.number(1)?,
            region: parts.text(2)?,
            group: parts.text(3)?,
            request_id: parts.text(4)?,
            message_id: parts.text(5)?,
            retry_times: parts.number(6)?,
            keys: parts.optional(7)?,
        }),
        "SubAfter" => TraceRecord::SubAfter(parse_sub_after(&parts)?),
        "EndTransaction" => TraceRecord::EndTransaction(EndTransactionTrace {
            timestamp: parts.number(1)?,
            region: parts.text(2)?,
            group: parts.text(3)?,
            topic: parts.text(4)?,
            message_id: parts.text(5)?,
            tags: parts.optional(6)?,
            keys: parts.optional(7)?,
            store_host: parts.text(8)?,
            message_type: parts.number(9)?,
            transaction_id: parts.text(10)?,
            transaction_state: parts.text(11)?,
            from_transaction_check: parts.flag(12)?,
        }),
        _ => TraceRecord::Recall(RecallTrace {
            timestamp: parts.number(1)?,
            region: parts.text(2)?,
            group: parts.text(3)?,
            topic: parts.text(4)?,
            message_id: parts.text(5)?,
            success: parts.flag(6)?,
        }),
    })
}

fn parse_pub<'a>(parts: &Parts<'a>) -> Result<PubTrace<'a>, TraceError> {
    // Old writers have no offset id: 13 fields. Others add the client's host behind the result.
    let has_offset_id = parts.len() > 13;
    Ok(PubTrace {
        timestamp: parts.number(1)?,
        region: parts.text(2)?,
        group: parts.text(3)?,
        topic: parts.text(4)?,
        message_id: parts.text(5)?,
        tags: parts.optional(6)?,
        keys: parts.optional(7)?,
        store_host: parts.text(8)?,
        body_length: parts.number(9)?,
        cost_time: parts.number(10)?,
        message_type: parts.number(11)?,
        offset_message_id: if has_offset_id { parts.optional(12)? } else { None },
        success: parts.flag(if has_offset_id { 13 } else { 12 })?,
    })
}

fn parse_sub_after<'a>(parts: &Parts<'a>) -> Result<SubAfterTrace<'a>, TraceError> {
    let len = parts.len();
    Ok(SubAfterTrace {
        request_id: parts.text(1)?,
        message_id: parts.text(2)?,
        cost_time: parts.number(3)?,
        success: parts.flag(4)?,
        keys: parts.optional(5)?,
        context_code: if len > 6 { parts.number(6)? } else { -1 },
        origin: if len > 8 { Some((parts.number(7)?, parts.text(8)?)) } else { None },
    })
}
