//! Each adapter over loopback against a small server of a few lines.
//!
//! | room | what |
//! |---|---|
//! | `sending` | outcomes, drops, shutdown, idleness, a server that is away |
//! | `load` | system calls, pauses, allocations, fairness while much is under way |
//! | `helm` | threads that wait, in the place of a driver that pauses |
//! | `support` | the server |

mod helm;
mod load;
mod sending;
mod support;
