//! The simulator at work: worlds of clients, name servers and brokers in one thread and virtual time.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | the network's faults, one by one; two runs of a seed are the same |

mod world;
