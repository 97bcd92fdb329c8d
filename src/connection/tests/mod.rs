//! Properties of a connection and of its tables, each beside a naive model.

mod in_flight;
mod read_buffer;
mod requests;
mod stream;
mod write_queue;
