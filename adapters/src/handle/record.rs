//! Where a client's recording goes (feature `record`).

use std::fmt;
use std::io::Write;

use rocketmq_engine::Client;

/// A recording's bound and its destination.
pub(super) struct RecordSink {
    pub(super) most: usize,
    to: Box<dyn Write + Send>,
}

impl fmt::Debug for RecordSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSink").field("most", &self.most).finish_non_exhaustive()
    }
}

impl RecordSink {
    pub(super) fn new(most: usize, to: impl Write + Send + 'static) -> Self {
        Self { most, to: Box::new(to) }
    }

    /// Writes what was recorded since the last call. A destination that takes no more ends the recording: what it has
    /// is a log that was cut.
    pub(super) fn keep(&mut self, client: &mut Client) {
        if let Some(log) = client.poll_record()
            && self.to.write_all(&log).is_err()
        {
            client.stop_recording();
        }
    }

    /// The last of it.
    pub(super) fn finish(&mut self, client: &mut Client) {
        self.keep(client);
        let _ = self.to.flush();
    }
}
