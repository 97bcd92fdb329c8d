//! Cases of the official suites that no scenario plays yet, and the feature each waits for.

/// A case that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The case, in a few words.
    pub case: &'static str,
    /// What has to be there first.
    pub feature: &'static str,
}

macro_rules! waiting {
    ($($feature:literal => [$($case:literal,)*],)*) => {
        &[$($(Waiting { case: $case, feature: $feature }),*),*]
    };
}

/// Cases of Apache RocketMQ's own integration tests and of its end-to-end suite for 4.x clients that wait for a
/// feature of this client.
pub const WAITING: &[Waiting] = waiting! {
    "transactions" => [
        "half message, committed: visible once",
        "half message, rolled back: never visible",
        "undecided, checked, committed",
        "undecided, checked, rolled back",
        "commit, rollback and undecided mixed",
        "transaction of the largest body",
        "half message on a slave that acts as master",
        "silent producer is checked",
        "status SLAVE_NOT_AVAILABLE of a half message",
    ],
    "orderly consumption" => [
        "order of one queue",
        "order of eight queues by sharding key",
        "order with two and four members, one leaves",
        "order with tags",
        "order with random queues",
        "suspended for a second, then on",
        "head of the queue blocked until dead-letter",
        "order after retry",
        "global order with members that leave",
        "lock is lost while a listener runs",
        "lock on a slave",
        "largest body in order",
    ],
    "broadcasting" => [
        "both members receive everything",
        "one stops, the other goes on",
        "late starter gets later messages",
        "a failing listener is not redelivered to",
        "two groups",
        "order",
        "same and different tags",
        "not delivered again after a restart",
        "offset file survives a kill at any instruction",
    ],
    "SQL filters" => [
        "push with SQL",
        "pull with SQL",
        "SQL over user properties of all types",
        "invalid expression is refused",
    ],
    "POP consumption" => [
        "acks in batches, with and without the broker's buffer",
        "arrivals are notified",
        "big messages",
        "order: no ack blocks",
        "order: invisible time of the first, of the middle one",
        "order: an attempt that is asked again",
        "retry topic of the second kind",
        "subscription is checked",
        "offsets reset before, after and while popping",
        "ack after the lease",
    ],
    "pull consumers (lite and plain)" => [
        "order of pulls",
        "300 messages by at most 32",
        "acked all but one",
        "waits ten seconds for a message",
        "pull without commit",
        "seek to the first, the last, an offset, a time",
        "assign and subscribe",
        "pull from a slave",
        "offset not found, suspended, resumed",
    ],
    "batches written" => [
        "a batch is visible",
        "inner and outer form",
        "properties of each message are kept",
        "batch over the limit",
    ],
    "compression written" => [
        "compressed by each kind",
        "the application's own body is left alone",
    ],
    "request and reply" => [
        "reply within the time",
        "no reply: one ending",
    ],
    "timer messages" => [
        "delivered at a time",
        "recalled",
        "ids that collide",
        "levels 0, -1 and over the last one",
    ],
    "queue selectors and sharding keys" => [
        "by a selector",
        "selector that fails",
        "eight keys keep their queue",
    ],
    "queries and administration" => [
        "by id and by key",
        "equal hash codes of keys",
        "offsets reset by the administrator, one queue and all",
        "lag",
        "topic created, changed, deleted",
        "static topics: remapped, checked twice, negative logical offsets",
    ],
    "slaves and groups of brokers" => [
        "pull from a slave when the master is gone",
        "acting master",
        "send-back to a slave",
        "offsets and metadata are synchronised",
        "replicas counted for a send",
    ],
    "TLS" => [
        "server and client in three mixtures",
    ],
    "access control" => [
        "signed requests of producer and consumer",
        "wrong key, missing permission",
    ],
    "message trace" => [
        "a send and a consumption are traced",
        "the trace topic's route is renewed",
    ],
};
