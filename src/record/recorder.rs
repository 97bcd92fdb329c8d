//! The log of a client that runs.

use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;
use postcard::ser_flavors::Flavor;

use super::{Entry, MAGIC};

/// Collects entries until the host fetches them.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    log: Vec<u8>,
    most: usize,
    full: bool,
}

/// Appends what postcard writes.
struct Append<'l>(&'l mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl Recorder {
    /// A log with nothing but its beginning. At most `most` bytes of it wait to be fetched.
    pub(crate) fn new(begin: &Entry<'_>, most: usize) -> Self {
        let mut recorder = Self { log: MAGIC.to_vec(), most, full: false };
        recorder.append(begin);
        recorder
    }

    fn append(&mut self, entry: &Entry<'_>) {
        // No type of an entry is one that postcard cannot write.
        let written = postcard::serialize_with_flavor(entry, Append(&mut self.log));
        debug_assert!(written.is_ok(), "{written:?}");
    }

    #[cold]
    pub(crate) fn note(&mut self, entry: &Entry<'_>) {
        if self.full {
            return;
        }
        let before = self.log.len();
        self.append(entry);
        if self.log.len() > self.most {
            self.log.truncate(before);
            self.append(&Entry::Full);
            self.full = true;
        }
    }

    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.log.is_empty()).then(|| mem::take(&mut self.log).into())
    }
}
