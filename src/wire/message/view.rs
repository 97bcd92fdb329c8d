//! One stored message, borrowed: every accessor reads the bytes of the frame.

use bytes::Bytes;
use core::net::SocketAddr;

use super::batch::{self, BatchEntry};
use super::ids::OffsetMessageId;
use super::layout::{self, Layout, MessageError, at, i32_at, i64_at};
use super::properties::{Properties, names};
use super::sysflag::SysFlag;

/// A stored message that has been checked (Java `MessageExt`). Facts that belong to the broker (offsets,
/// times, hosts, the number of deliveries) are read from the head, never from properties a sender may have set.
#[derive(Clone, Copy)]
pub struct MessageView<'a> {
    message: &'a [u8],
    layout: Layout,
    /// The decompressed body.
    inflated: Option<&'a [u8]>,
    /// Position and number in the batch around it, whose body is that of the message.
    inner: Option<(u32, u32)>,
}

impl<'a> MessageView<'a> {
    /// Checks one message of exactly its TOTALSIZE; the body is left as stored and its checksum is not looked at.
    #[inline]
    pub fn parse(message: &'a [u8]) -> Result<MessageView<'a>, MessageError> {
        let size = i32_at(message, 0);
        if usize::try_from(size) != Ok(message.len()) {
            return Err(MessageError::SizePastEnd { size, left: message.len() });
        }
        Ok(MessageView::new(message, layout::parse(message)?))
    }

    #[inline]
    pub(crate) fn new(message: &'a [u8], layout: Layout) -> MessageView<'a> {
        MessageView { message, layout, inflated: None, inner: None }
    }

    /// The view of a message kept apart from its decompressed body and from its place in a batch.
    #[inline]
    pub(crate) fn assemble(
        message: &'a [u8],
        layout: Layout,
        inflated: Option<&'a Bytes>,
        inner: Option<(u32, u32)>,
    ) -> MessageView<'a> {
        MessageView { message, layout, inflated: inflated.map(|plain| &plain[..]), inner }
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The body, of a batch that of all of it.
    #[inline]
    fn whole_body(&self) -> &'a [u8] {
        self.inflated.unwrap_or_else(|| self.layout.body(self.message))
    }

    /// Its entry, if it is one of a batch: body, properties and flag are there; the rest is the batch's.
    #[inline]
    fn entry(&self) -> Option<BatchEntry<'a>> {
        let (position, _) = self.inner?;
        entry_at(self.whole_body(), position)
    }

    /// The body: decompressed when the message came out of [`walk`](super::walk()), as stored otherwise
    /// (see [`is_compressed`](Self::is_compressed)).
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        self.entry().map_or_else(|| self.whole_body(), |entry| entry.body)
    }

    /// Whether [`body`](Self::body) is still compressed.
    pub fn is_compressed(&self) -> bool {
        self.inflated.is_none() && self.sys_flag().is_compressed()
    }

    /// The topic as stored: may be a retry topic.
    pub fn topic(&self) -> &'a str {
        str::from_utf8(self.layout.topic(self.message)).unwrap_or_default()
    }

    /// The properties.
    #[inline]
    pub fn properties(&self) -> Properties<'a> {
        match self.entry() {
            Some(entry) => entry.properties(),
            None => Properties::from_checked(self.layout.properties(self.message)),
        }
    }

    /// The tag.
    pub fn tag(&self) -> Option<&'a str> {
        self.properties().tag()
    }

    /// The index keys.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.properties().keys()
    }

    /// The unique id its producer gave it, any text.
    pub fn unique_key(&self) -> Option<&'a str> {
        self.properties().get(names::UNIQ_KEY)
    }

    /// Size of the stored message in bytes.
    pub fn store_size(&self) -> usize {
        self.message.len()
    }

    /// BODYCRC as written: of the stored body, without the top bit.
    pub fn body_crc(&self) -> i32 {
        i32_at(self.message, at::BODY_CRC)
    }

    /// Queue of the broker.
    pub fn queue_id(&self) -> i32 {
        i32_at(self.message, at::QUEUE_ID)
    }

    /// The user's flag.
    pub fn flag(&self) -> i32 {
        self.entry().map_or_else(|| i32_at(self.message, at::FLAG), |entry| entry.flag)
    }

    /// Offset in its queue.
    #[inline]
    pub fn queue_offset(&self) -> i64 {
        let first = i64_at(self.message, at::QUEUE_OFFSET);
        first.wrapping_add(self.inner.map_or(0, |(_, number)| number.into()))
    }

    /// Offset in the commit log.
    pub fn physical_offset(&self) -> i64 {
        i64_at(self.message, at::PHYSICAL_OFFSET)
    }

    /// The system flag as stored.
    pub fn sys_flag(&self) -> SysFlag {
        SysFlag(i32_at(self.message, at::SYS_FLAG))
    }

    /// When it was made, Unix milliseconds on the producer's clock.
    pub fn born_timestamp(&self) -> i64 {
        i64_at(self.message, at::BORN_TIMESTAMP)
    }

    /// Where it came from, as the broker saw it.
    pub fn born_host(&self) -> SocketAddr {
        layout::host(self.message, false)
    }

    /// When it was stored, Unix milliseconds on the broker's clock.
    pub fn store_timestamp(&self) -> i64 {
        i64_at(self.message, layout::store_timestamp_at(self.message))
    }

    /// The broker that stored it.
    pub fn store_host(&self) -> SocketAddr {
        layout::host(self.message, true)
    }

    /// How often its delivery has been repeated through the retry topic.
    pub fn reconsume_times(&self) -> i32 {
        layout::reconsume_times(self.message)
    }

    /// Offset of the half message in the transaction table.
    pub fn prepared_transaction_offset(&self) -> i64 {
        layout::prepared_transaction_offset(self.message)
    }

    /// Broker address and commit log offset: the id that finds the message again.
    pub fn offset_message_id(&self) -> OffsetMessageId {
        OffsetMessageId::new(self.store_host(), self.physical_offset())
    }

    /// The stored bytes from TOTALSIZE on.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.message
    }

    /// Checks the stored body against BODYCRC.
    pub fn check_crc(&self) -> Result<(), MessageError> {
        check_crc(self.message, self.layout.body(self.message))
    }
}

#[cold]
fn entry_at(batch: &[u8], position: u32) -> Option<BatchEntry<'_>> {
    batch::entries_at(batch, position as usize).next()?.ok()
}

#[inline]
pub(crate) fn check_crc(message: &[u8], body: &[u8]) -> Result<(), MessageError> {
    let (expected, actual) = (i32_at(message, at::BODY_CRC), body_crc(body));
    if expected == actual { Ok(()) } else { Err(MessageError::BodyCrc { expected, actual }) }
}

/// CRC-32 without its top bit, as BODYCRC holds it (Java `UtilAll.crc32`).
pub fn body_crc(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7FFF_FFFF) as i32
}

impl core::fmt::Debug for MessageView<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MessageView")
            .field("topic", &self.topic())
            .field("queue_id", &self.queue_id())
            .field("queue_offset", &self.queue_offset())
            .field("body_len", &self.body().len())
            .field("properties", &self.properties())
            .finish_non_exhaustive()
    }
}
