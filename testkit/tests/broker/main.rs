//! The cluster in memory, by hand: bytes in, bytes out, time as an argument.
//!
//! | module | what |
//! |---|---|
//! | [`hand`] | a client of a few lines |
//! | [`pairs`] | every answer code a broker can give, brought about and known from a real one |
//! | [`faults`] | doing wrong when told to |
//! | [`life`] | ending, starting again, replicas, strangers, name servers that differ |
//! | [`pulling`] | long polls and offsets outside of a queue |
//! | [`truth`] | histories, digests, clones, expectations |

mod faults;
mod hand;
mod life;
mod pairs;
mod pulling;
mod truth;
