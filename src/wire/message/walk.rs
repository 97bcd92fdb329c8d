//! Walking the body of a pull or pop answer: one pass finds the good messages and the poison between them.
//!
//! A message that cannot be trusted becomes a [`Poison`] with its range and reason; the next one is looked for at
//! its announced end. Where that end is impossible the rest of the body is one poison. So nothing is lost
//! silently, and no input makes the walk stand still.

use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;

use super::batch;
use super::compress::{self, InflateLimits};
use super::layout::{self, Layout, MIN_MESSAGE, MessageError, at, i32_at, i64_at};
use super::owned::StoredMessage;
use super::sysflag::SysFlag;
use super::view::{MessageView, check_crc};

/// Limits of one walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Most messages taken from one body, members of inner batches included.
    pub max_messages: usize,
    /// What decompression may produce.
    pub inflate: InflateLimits,
    /// Whether inner batches are taken apart (Java does so for pulls, not for pops).
    pub unwrap_batches: bool,
}

impl Default for WalkLimits {
    /// 65,536 messages, the default inflate limits, batches taken apart.
    fn default() -> Self {
        WalkLimits { max_messages: 65_536, inflate: InflateLimits::default(), unwrap_batches: true }
    }
}

/// A part of a body that is not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Poison {
    /// Bytes of the body concerned.
    pub range: Range<usize>,
    /// What is wrong.
    pub reason: MessageError,
    /// QUEUEOFFSET as written, where the announced size was possible: may be as wrong as the rest.
    pub queue_offset: Option<i64>,
    /// How many good messages of the body come before it.
    pub before: usize,
}

/// Walks a body without allocating: each good message borrowed and with its body as stored, or the poison.
pub fn stored_messages(body: &[u8], check_crc: bool) -> StoredMessages<'_> {
    StoredMessages { body, position: 0, good: 0, check_crc }
}

/// The iterator of [`stored_messages`].
#[derive(Clone, Debug)]
pub struct StoredMessages<'a> {
    body: &'a [u8],
    position: usize,
    good: usize,
    check_crc: bool,
}

/// Start, bytes and layout of a good message, or the poison.
type Step<'a> = Result<(usize, &'a [u8], Layout), Poison>;

impl<'a> StoredMessages<'a> {
    /// The straight line for good messages of the usual kind, which every pull takes (`cargo bench -- 4 5`); all else
    /// is left to [`other_step`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what it returns would be written to memory and read again")]
    fn step(&mut self) -> Option<Step<'a>> {
        let rest = self.body.get(self.position..)?;
        if let Some((message, layout)) = usual_front(rest)
            && (!self.check_crc || check_crc(message, layout.body(message)).is_ok())
        {
            let start = self.position;
            self.position += message.len();
            self.good += 1;
            return Some(Ok((start, message, layout)));
        }
        if rest.is_empty() {
            return None;
        }
        let (size, step) = other_step(rest, self.position, self.good, self.check_crc);
        self.position += size;
        self.good += usize::from(step.is_ok());
        Some(step)
    }
}

/// A message of an unusual kind or the poison at the start of `rest`, and how many bytes it takes. By value, so that
/// the walk's own state need not lie in memory.
#[cold]
fn other_step(rest: &[u8], start: usize, good: usize, with_crc: bool) -> (usize, Step<'_>) {
    let poison = |size, reason, queue_offset| Poison {
        range: start..start + size,
        reason,
        queue_offset,
        before: good,
    };
    let size = match announced_size(rest) {
        Ok(size) => size,
        Err(reason) => return (rest.len(), Err(poison(rest.len(), reason, None))),
    };
    let message = rest.get(..size).unwrap_or_default();
    let checked = layout::parse(message).and_then(|layout| {
        if with_crc {
            check_crc(message, layout.body(message))?;
        }
        Ok((start, message, layout))
    });
    let queue_offset = Some(i64_at(message, at::QUEUE_OFFSET));
    (size, checked.map_err(|reason| poison(size, reason, queue_offset)))
}

impl<'a> Iterator for StoredMessages<'a> {
    type Item = Result<MessageView<'a>, Poison>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.step()?.map(|(_, message, layout)| MessageView::new(message, layout)))
    }
}

/// The message at the start of `rest`, if it is good and of the usual kind.
#[inline]
fn usual_front(rest: &[u8]) -> Option<(&[u8], Layout)> {
    // A negative size is larger than any body.
    let message = rest.get(..i32_at(rest, 0) as u32 as usize)?;
    Some((message, layout::usual(message)?))
}

/// TOTALSIZE of the message at the start of `rest` when a message of that size can be there.
#[inline]
fn announced_size(rest: &[u8]) -> Result<usize, MessageError> {
    if rest.len() < MIN_MESSAGE {
        return Err(MessageError::TooShort { left: rest.len() });
    }
    let size = i32_at(rest, 0);
    match usize::try_from(size) {
        Ok(bytes) if bytes > rest.len() => Err(MessageError::SizePastEnd { size, left: rest.len() }),
        Ok(bytes) if bytes >= MIN_MESSAGE => Ok(bytes),
        _ => Err(MessageError::SizeTooSmall { size }),
    }
}

/// How many steps a walk will take at most: sizes are hopped over, so that the list is allocated once and its
/// size follows from bytes that have arrived.
fn count_steps(body: &[u8], limit: usize) -> usize {
    let (mut rest, mut steps) = (body, 0);
    while steps < limit {
        let Ok(size) = announced_size(rest) else { break };
        steps += 1;
        rest = rest.get(size..).unwrap_or_default();
    }
    steps
}

/// Place of one good message.
#[derive(Clone, Copy, Debug, Hash)]
struct Slot {
    start: u32,
    len: u32,
    layout: Layout,
    /// 1 + index of the decompressed body, 0 when the body is the stored one.
    inflated: u32,
    /// Position and number in the body of the batch around it.
    inner: Option<(u32, u32)>,
}

/// The messages of one answer: the good ones by index, the poison beside them. The bytes are shared with the
/// frame they came in.
#[derive(Clone, Debug, Default, Hash)]
pub struct Messages {
    frame: Bytes,
    slots: Vec<Slot>,
    inflated: Vec<Bytes>,
    poison: Vec<Poison>,
}

/// Checks every message of `body` and decompresses the compressed ones, within `limits`.
///
/// One allocation for the list; more only for decompressed bodies, inner batches and poison.
pub fn walk(body: &Bytes, check_crc: bool, limits: &WalkLimits) -> Messages {
    let mut out = Messages { frame: body.clone(), ..Messages::default() };
    if u32::try_from(body.len()).is_err() {
        out.poison.push(Poison {
            range: 0..body.len(),
            reason: MessageError::SizePastEnd { size: i32::MAX, left: body.len() },
            queue_offset: None,
            before: 0,
        });
        return out;
    }
    out.slots.reserve_exact(count_steps(body, limits.max_messages));
    let mut budget = limits.inflate.max_batch;
    let mut steps = stored_messages(body, check_crc);
    while let Some(step) = steps.step() {
        let (start, message, layout) = match step {
            Ok(found) => found,
            Err(poison) => {
                out.push_poison(poison.range, poison.reason, poison.queue_offset);
                continue;
            }
        };
        if out.slots.len() >= limits.max_messages {
            out.push_poison(start..body.len(), MessageError::TooMany { limit: limits.max_messages }, None);
            break;
        }
        let slot = Slot { start: start as u32, len: message.len() as u32, layout, inflated: 0, inner: None };
        let flags = SysFlag(i32_at(message, at::SYS_FLAG));
        // Nearly every message is plain.
        if flags.0 & (SysFlag::COMPRESSED | SysFlag::INNER_BATCH) == 0 {
            out.slots.push(slot);
        } else if let Err(reason) = out.push_packed(slot, flags, limits, &mut budget) {
            let queue_offset = Some(i64_at(message, at::QUEUE_OFFSET));
            out.push_poison(start..start + message.len(), reason, queue_offset);
        }
    }
    out
}

impl Messages {
    /// Adds a message whose body has to be decompressed, taken apart, or both. Nothing is added on an error.
    fn push_packed(
        &mut self,
        mut slot: Slot,
        flags: SysFlag,
        limits: &WalkLimits,
        budget: &mut usize,
    ) -> Result<(), MessageError> {
        let stored = slot.layout.body(self.bytes_of(slot));
        if flags.is_compressed() && !stored.is_empty() {
            let cap = limits.inflate.for_input(stored.len()).min(*budget);
            let plain = compress::decompress_flagged(flags, stored, cap)?;
            *budget -= plain.len().min(*budget);
            self.inflated.push(plain.into());
            slot.inflated = self.inflated.len() as u32;
        }
        if flags.is_inner_batch() && limits.unwrap_batches {
            let first = self.slots.len();
            if let Err(error) = self.push_members(slot, limits.max_messages) {
                self.slots.truncate(first);
                self.inflated.truncate((slot.inflated as usize).saturating_sub(1).min(self.inflated.len()));
                return Err(error);
            }
        } else {
            self.slots.push(slot);
        }
        Ok(())
    }

    fn push_members(&mut self, slot: Slot, limit: usize) -> Result<(), MessageError> {
        // The shared handle is cloned so that the list can grow while the body is read.
        let body = self.body_handle(slot);
        let mut entries = batch::entries(&body);
        let mut number = 0;
        loop {
            let position = entries.position();
            let Some(entry) = entries.next() else { return Ok(()) };
            entry?;
            if self.slots.len() >= limit {
                return Err(MessageError::TooMany { limit });
            }
            self.slots.push(Slot { inner: Some((position as u32, number)), ..slot });
            number += 1;
        }
    }

    fn push_poison(&mut self, range: Range<usize>, reason: MessageError, queue_offset: Option<i64>) {
        let before = self.slots.len();
        self.poison.push(Poison { range, reason, queue_offset, before });
    }

    #[inline]
    fn bytes_of(&self, slot: Slot) -> &[u8] {
        let start = slot.start as usize;
        self.frame.get(start..start + slot.len as usize).unwrap_or_default()
    }

    fn inflated_of(&self, slot: Slot) -> Option<&Bytes> {
        self.inflated.get((slot.inflated as usize).checked_sub(1)?)
    }

    fn body_handle(&self, slot: Slot) -> Bytes {
        match self.inflated_of(slot) {
            Some(plain) => plain.clone(),
            None => self.frame.slice_ref(slot.layout.body(self.bytes_of(slot))),
        }
    }

    #[inline]
    fn view(&self, slot: Slot) -> MessageView<'_> {
        MessageView::assemble(self.bytes_of(slot), slot.layout, self.inflated_of(slot), slot.inner)
    }

    /// Bytes of memory held: the whole answer, and what was decompressed.
    pub fn held(&self) -> usize {
        let inflated: usize = self.inflated.iter().map(Bytes::len).sum();
        self.frame.len() + self.slots.capacity() * size_of::<Slot>() + inflated
    }

    /// Number of good messages.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no good message.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The good message at `index`.
    pub fn get(&self, index: usize) -> Option<MessageView<'_>> {
        self.slots.get(index).map(|&slot| self.view(slot))
    }

    /// The good messages in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MessageView<'_>> + ExactSizeIterator {
        self.slots.iter().map(|&slot| self.view(slot))
    }

    /// The good message at `index` as one that owns its bytes: shares the frame, copies nothing.
    pub fn to_owned(&self, index: usize) -> Option<StoredMessage> {
        let slot = *self.slots.get(index)?;
        let start = slot.start as usize;
        let message = self.frame.slice(start..start + slot.len as usize);
        Some(StoredMessage::new(message, slot.layout, self.inflated_of(slot).cloned(), slot.inner))
    }

    /// What could not be delivered, in the order of the body.
    pub fn poison(&self) -> &[Poison] {
        &self.poison
    }

    /// Takes the poison out, leaving the good messages.
    pub fn take_poison(&mut self) -> Vec<Poison> {
        core::mem::take(&mut self.poison)
    }

    /// The stored bytes of a poison item, for an application that wants to look at them.
    pub fn poison_bytes(&self, poison: &Poison) -> Option<Bytes> {
        self.frame.get(poison.range.clone()).map(|part| self.frame.slice_ref(part))
    }

    /// Keeps the good messages that `keep` wants; poison stays.
    pub fn retain(&mut self, mut keep: impl FnMut(&MessageView<'_>) -> bool) {
        let mut slots = core::mem::take(&mut self.slots);
        slots.retain(|&slot| keep(&self.view(slot)));
        self.slots = slots;
    }

    /// Whether any of the good messages were members of a stored batch (Java `INNER_BATCH_FLAG`).
    #[must_use]
    pub fn has_inner_batches(&self) -> bool {
        self.slots.iter().any(|slot| slot.inner.is_some())
    }

    /// Splits off the good messages from `at` on; poison stays here. All of them when `at` is past the end: none.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Messages {
        let slots = self.slots.split_off(at.min(self.slots.len()));
        Messages { frame: self.frame.clone(), slots, inflated: self.inflated.clone(), poison: Vec::new() }
    }
}
