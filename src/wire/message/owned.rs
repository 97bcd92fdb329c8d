//! One stored message that owns its bytes: a slice of the frame it came in.

use bytes::Bytes;

use super::layout::{Layout, MessageError};
use super::properties::Properties;
use super::view::MessageView;

/// A stored message kept beyond its answer. Cloning clones a reference count. While it lives the whole frame
/// it came in stays in memory: [`detached`](Self::detached) copies it out.
#[derive(Clone)]
pub struct StoredMessage {
    message: Bytes,
    layout: Layout,
    /// The decompressed body.
    inflated: Option<Bytes>,
    /// Position and number in the batch around it.
    inner: Option<(u32, u32)>,
}

impl StoredMessage {
    #[inline]
    pub(crate) fn new(
        message: Bytes,
        layout: Layout,
        inflated: Option<Bytes>,
        inner: Option<(u32, u32)>,
    ) -> StoredMessage {
        StoredMessage { message, layout, inflated, inner }
    }

    /// Checks one message of exactly its TOTALSIZE; the body stays as stored.
    pub fn parse(message: Bytes) -> Result<StoredMessage, MessageError> {
        let layout = MessageView::parse(&message)?.layout();
        Ok(StoredMessage { message, layout, inflated: None, inner: None })
    }

    /// The message borrowed, with all its accessors.
    #[inline]
    pub fn view(&self) -> MessageView<'_> {
        MessageView::assemble(&self.message, self.layout, self.inflated.as_ref(), self.inner)
    }

    /// The body, sharing the frame: decompressed when the message came out of [`walk`](super::walk()).
    pub fn body(&self) -> Bytes {
        let body = self.view().body();
        match &self.inflated {
            Some(plain) => plain.slice_ref(body),
            None => self.message.slice_ref(body),
        }
    }

    /// The topic as stored.
    pub fn topic(&self) -> &str {
        self.view().topic()
    }

    /// The properties.
    pub fn properties(&self) -> Properties<'_> {
        self.view().properties()
    }

    /// Offset in its queue.
    pub fn queue_offset(&self) -> i64 {
        self.view().queue_offset()
    }

    /// The stored bytes from TOTALSIZE on; of the batch around it when it comes from an inner batch.
    pub fn as_bytes(&self) -> &Bytes {
        &self.message
    }

    /// A copy with its own memory, for messages kept long: the frame can then be freed.
    #[must_use]
    pub fn detached(&self) -> StoredMessage {
        StoredMessage {
            message: Bytes::copy_from_slice(&self.message),
            inflated: self.inflated.as_deref().map(Bytes::copy_from_slice),
            ..*self
        }
    }
}

impl core::fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.view().fmt(f)
    }
}
