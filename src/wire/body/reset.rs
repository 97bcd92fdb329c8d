//! Tables of offsets: set back, as clients have them, as brokers have them.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, DataVersion, Found, Member, MessageQueue, body, parse};
use crate::wire::json::{Value, Writer};

body! {
    /// Offsets as clients have them: `GetConsumerStatusBody`, answer to GET_CONSUMER_STATUS_FROM_CLIENT (221, `message_queue_table`)
    /// and to INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223, `consumer_table`).
    #[derive(Eq, Hash)]
    GetConsumerStatusBody {
        /// By client.
        consumer_table: BTreeMap<String, BTreeMap<MessageQueue, i64>> = "consumerTable",
        /// This client's.
        message_queue_table: BTreeMap<MessageQueue, i64> = "messageQueueTable",
    }

    /// The answer to GET_ALL_CONSUMER_OFFSET (43): `ConsumerOffsetSerializeWrapper`.
    #[derive(Eq, Hash)]
    ConsumerOffsetSerializeWrapper {
        /// Version of the table.
        data_version: Option<DataVersion> = "dataVersion",
        /// Topics by group.
        group_topic_map: Option<BTreeMap<String, Vec<String>>> = "groupTopicMap",
        /// Offsets of light queues, by `topic@group` (5.0 and later).
        lmq_offset_table: Option<BTreeMap<String, i64>> = "lmqOffsetTable",
        /// Offsets by `topic@group` and queue.
        offset_table: BTreeMap<String, BTreeMap<i32, i64>> = "offsetTable",
        /// The same of pulls (5.5 and later).
        pull_offset_table: Option<BTreeMap<String, BTreeMap<i32, i64>>> = "pullOffsetTable",
    }

    /// The answer to QUERY_CORRECTION_OFFSET (308): `QueryCorrectionOffsetBody`.
    #[derive(Eq, Hash)]
    QueryCorrectionOffsetBody {
        /// Offsets by queue.
        correction_offsets: BTreeMap<i32, i64> = "correctionOffsets",
    }
}

/// The answer to INVOKE_BROKER_TO_RESET_OFFSET (222) and the body of RESET_CONSUMER_CLIENT_OFFSET (220):
/// `ResetOffsetBody`, or `ResetOffsetBodyForC` if the administrator's tool is one of C++.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetOffsetBody {
    /// New offsets.
    pub offset_table: BTreeMap<MessageQueue, i64>,
}

impl ResetOffsetBody {
    /// Reads a body of either form. An empty one is an empty table.
    pub fn decode(body: &[u8]) -> Result<Self, BodyError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let body = parse(body)?;
        let body = Found::from(&body).object("ResetOffsetBody")?;
        let table = Found::member(body, "offsetTable");
        let table = match table.present().and_then(Value::items) {
            Some(rows) => rows.iter().map(Self::row).collect::<Result<_, BodyError>>()?,
            None => Member::read(table, "offsetTable")?,
        };
        Ok(Self { offset_table: table })
    }

    fn row(row: &Value<'_>) -> Result<(MessageQueue, i64), BodyError> {
        Ok((Member::read(row.into(), "offsetTable")?, Member::read(Found::member(row, "offset"), "offset")?))
    }

    /// Writes the form keyed by queue.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| self.offset_table.write("offsetTable", out));
        out.finish()
    }

    /// Writes the list, which tools of C++ ask for.
    pub fn encode_list(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| {
            out.member("offsetTable").array(|out| {
                for (queue, offset) in &self.offset_table {
                    out.item().object(|out| {
                        queue.members(out);
                        offset.write("offset", out);
                    });
                }
            });
        });
        out.finish()
    }
}
