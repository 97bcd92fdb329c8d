//! Properties of what the crate offers, each beside a naive model.
//!
//! | module | what |
//! |---|---|
//! | [`values`] | time, frames, heads, tags, ids, JSON |
//! | [`sends`] | deadlines and the memory budget of sends |

mod sends;
mod values;
