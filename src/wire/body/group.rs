//! Who is in a consumer group.

use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, Found, Member, parse};
use crate::wire::json::Writer;

/// Most members of one group that are read.
pub const MAX_MEMBERS: usize = 65_536;

/// The answer to GET_CONSUMER_LIST_BY_GROUP (38): `GetConsumerListByGroupResponseBody`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetConsumerListByGroupResponseBody {
    /// Ids of the clients that consume with the group.
    pub consumer_id_list: Vec<String>,
}

impl GetConsumerListByGroupResponseBody {
    /// Reads a body.
    pub fn decode(body: &[u8]) -> Result<Self, BodyError> {
        let body = parse(body)?;
        let body = Found::from(&body).object("GetConsumerListByGroupResponseBody")?;
        let list = Found::member(body, "consumerIdList");
        let consumer_id_list = Vec::<String>::read(list, "consumerIdList")?;
        if consumer_id_list.len() > MAX_MEMBERS {
            let count = consumer_id_list.len() as i64;
            return Err(BodyError::TooMany {
                member: "consumerIdList",
                at: list.at(),
                count,
                limit: MAX_MEMBERS,
            });
        }
        Ok(Self { consumer_id_list })
    }

    /// Writes a body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| self.consumer_id_list.write("consumerIdList", out));
        out.finish()
    }
}
