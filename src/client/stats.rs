//! Counters of a client.

/// What a client has done, counted from its creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ClientStats {
    /// Sends accepted, one-way ones included.
    pub sends: u64,
    /// Sends that ended acknowledged, or written if one-way.
    pub acknowledged: u64,
    /// Sends that ended failed.
    pub failed: u64,
    /// Sends that ended indeterminate.
    pub indeterminate: u64,
    /// Attempts beyond the first of a send.
    pub retries: u64,
    /// Messages delivered, repetitions included.
    pub delivered: u64,
    /// Connections made.
    pub connects: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Connections that ended.
    pub closes: u64,
    /// Answers nobody waited for: late, doubled or invented.
    pub unmatched_answers: u64,
    /// Requests of brokers.
    pub broker_requests: u64,
    /// Routes asked for.
    pub route_requests: u64,
    /// Heartbeats confirmed.
    pub heartbeats: u64,
    /// Notices dropped because nobody polled them.
    pub notices_dropped: u64,
    /// Times reading paused because the memory budget was spent.
    pub reading_paused: u64,
}
