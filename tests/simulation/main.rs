//! The simulator at work: worlds of clients, name servers and brokers in one thread and virtual time.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | the network's faults, one by one; two runs of a seed are the same |
//! | [`swarm`] | seeds of every scenario; plans that failed once; clocks that change nothing |
//! | [`judges`] | every judge finds the bug planted for it |
//! | [`cuts`] | requests cut at every byte |

mod cuts;
mod judges;
mod swarm;
mod world;
