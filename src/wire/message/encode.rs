//! Writing a stored message, as a broker does (Java `MessageExtEncoder`): for test clusters and tests.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::layout::{MAGIC_V1, MAGIC_V2, MessageError};
use super::properties;
use super::sysflag::SysFlag;
use super::view::body_crc;

/// The fields of a stored message to write.
#[derive(Clone, Copy, Debug)]
pub struct StoredFields<'a> {
    /// Queue of the broker.
    pub queue_id: i32,
    /// The user's flag.
    pub flag: i32,
    /// Offset in its queue.
    pub queue_offset: i64,
    /// Offset in the commit log.
    pub physical_offset: i64,
    /// System flag; the two host bits are set from the hosts.
    pub sys_flag: SysFlag,
    /// Unix milliseconds.
    pub born_timestamp: i64,
    /// Where the message came from.
    pub born_host: SocketAddr,
    /// Unix milliseconds.
    pub store_timestamp: i64,
    /// The broker.
    pub store_host: SocketAddr,
    /// Deliveries repeated so far.
    pub reconsume_times: i32,
    /// Offset of the half message.
    pub prepared_transaction_offset: i64,
    /// The body as stored: compressed when the flag says so.
    pub body: &'a [u8],
    /// At most 32,767 bytes; over 127 the second layout is written.
    pub topic: &'a str,
    /// The properties text, at most 32,767 bytes.
    pub properties: &'a str,
}

/// Appends the stored message. The first layout is written where the topic fits its one-byte length, as brokers do.
/// On an error (a length that does not fit) `out` is unchanged.
pub fn encode_stored(out: &mut Vec<u8>, fields: &StoredFields<'_>) -> Result<(), MessageError> {
    let wide = fields.topic.len() > i8::MAX as usize;
    let size = encoded_len(fields);
    check("topic", fields.topic.len(), i16::MAX as usize, size)?;
    check("properties", fields.properties.len(), properties::MAX_LEN, size)?;
    check("body", size, i32::MAX as usize, size)?;

    out.reserve(size);
    put_i32(out, size as i32);
    put_i32(out, if wide { MAGIC_V2 } else { MAGIC_V1 });
    put_i32(out, body_crc(fields.body));
    put_i32(out, fields.queue_id);
    put_i32(out, fields.flag);
    put_i64(out, fields.queue_offset);
    put_i64(out, fields.physical_offset);
    put_i32(out, host_bits(fields));
    put_i64(out, fields.born_timestamp);
    put_host(out, fields.born_host);
    put_i64(out, fields.store_timestamp);
    put_host(out, fields.store_host);
    put_i32(out, fields.reconsume_times);
    put_i64(out, fields.prepared_transaction_offset);
    put_i32(out, fields.body.len() as i32);
    out.extend_from_slice(fields.body);
    if wide {
        out.extend_from_slice(&(fields.topic.len() as i16).to_be_bytes());
    } else {
        out.push(fields.topic.len() as u8);
    }
    out.extend_from_slice(fields.topic.as_bytes());
    out.extend_from_slice(&(fields.properties.len() as i16).to_be_bytes());
    out.extend_from_slice(fields.properties.as_bytes());
    Ok(())
}

/// Bytes the stored message will take.
pub fn encoded_len(fields: &StoredFields<'_>) -> usize {
    let wide = usize::from(fields.topic.len() > i8::MAX as usize);
    let hosts = host_len(fields.born_host) + host_len(fields.store_host);
    75 + hosts + wide + fields.body.len() + fields.topic.len() + fields.properties.len()
}

fn host_len(host: SocketAddr) -> usize {
    if host.is_ipv6() { 20 } else { 8 }
}

fn host_bits(fields: &StoredFields<'_>) -> i32 {
    let mut flags = fields.sys_flag.0 & !(SysFlag::BORNHOST_V6 | SysFlag::STOREHOST_V6);
    if fields.born_host.is_ipv6() {
        flags |= SysFlag::BORNHOST_V6;
    }
    if fields.store_host.is_ipv6() {
        flags |= SysFlag::STOREHOST_V6;
    }
    flags
}

fn check(field: &'static str, len: usize, max: usize, size: usize) -> Result<(), MessageError> {
    if len <= max {
        return Ok(());
    }
    Err(MessageError::FieldLength { field, len: i32::try_from(len).unwrap_or(i32::MAX), at: 0, size })
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_host(out: &mut Vec<u8>, host: SocketAddr) {
    match host.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
    put_i32(out, i32::from(host.port()));
}
