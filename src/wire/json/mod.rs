//! The one small JSON reader and writer: heads, bodies, the fastjson dialect.
//!
//! | room | what |
//! |---|---|
//! | [`Lexer`] | a cursor over JSON text; allocates nothing |
//! | [`Text`] | a string as it stands in the text, escapes and all |
//! | [`Value`] | a tree, for bodies |
//! | `writer` | text out, escaped as Java does |
//!
//! Java servers up to 5.3.x write maps with bare numeric keys, with objects as keys, and `{"$ref":"$.path"}` for an
//! object written before; all of it is read. Depth, keys and sizes are limited.

mod lexer;
mod text;
mod value;
mod writer;

use thiserror::Error;

pub use lexer::{Lexer, Token};
pub(crate) use lexer::{Scanner, is_plain};
pub use text::Text;
pub(crate) use text::parse_i64;
pub use value::{Kind, Value};
pub use writer::{Writer, write_int, write_string};
pub(crate) use writer::{format_int, write_escaped};

/// What JSON text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deepest nesting of objects and arrays. Default 32.
    pub max_depth: usize,
    /// Most values and keys in one document. Default 4,000,000.
    pub max_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: 32, max_nodes: 4_000_000 }
    }
}

/// Why text is not JSON, and at which byte.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[error("{kind} at byte {at}")]
pub struct JsonError {
    /// Byte offset in the text.
    pub at: usize,
    /// What was wrong there.
    pub kind: JsonErrorKind,
}

/// What can be wrong with JSON text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ended inside a value.
    #[error("text ends early")]
    Eof,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Something else stood where this was needed.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A backslash sequence JSON does not have, or half a surrogate pair in hexadecimal form.
    #[error("invalid escape")]
    Escape,
    /// A raw control character in a string.
    #[error("control character in a string")]
    Control,
    /// Text that looks like a number and is none.
    #[error("invalid number")]
    Number,
    /// Nested too deep.
    #[error("nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// Too many values.
    #[error("more than {limit} values")]
    Nodes {
        /// The limit.
        limit: usize,
    },
    /// Text behind the value.
    #[error("text behind the value")]
    Trailing,
}
