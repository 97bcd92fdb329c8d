//! The simulator at work: worlds of clients, name servers and brokers in one thread and virtual time.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | the network's faults, one by one; two runs of a seed are the same |
//! | [`strangers`] | another broker at a known address |
//! | [`swarm`] | seeds of every scenario; plans that failed once; clocks that change nothing |
//! | [`judges`] | every judge finds the bug planted for it |
//! | [`cuts`] | requests cut at every byte |
//! | [`regressions`] | bugs that other clients had |
//! | [`ledger`] | seeds whose digests are committed |
//! | [`tables`] | README.md, which says what judges what, is true |

mod cuts;
mod judges;
mod ledger;
mod regressions;
mod strangers;
mod swarm;
mod tables;
mod world;
