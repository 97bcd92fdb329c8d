//! Each adapter over loopback against a small server of a few lines.
//!
//! | room | what |
//! |---|---|
//! | `sending` | outcomes, drops, shutdown, idleness, a server that is away |
//! | `load` | system calls, pauses, allocations, fairness while much is under way |
//! | `support` | the server |

mod load;
mod sending;
mod support;
