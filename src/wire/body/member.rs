//! How the members of bodies are read and written, and the macro that declares bodies by them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::BodyError;
use crate::wire::json::{Value, Writer};

/// A member that was looked for: its value if it is there, and where it is; else where its object begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'v, 'a> {
    value: Option<&'v Value<'a>>,
    at: usize,
}

impl<'v, 'a> Found<'v, 'a> {
    /// The value of an object's member.
    pub(crate) fn member(object: &'v Value<'a>, name: &str) -> Self {
        let value = object.get(name);
        Self { value, at: value.unwrap_or(object).at() }
    }

    /// Where it is.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The value, unless it is missing or `null`: Java takes them for the same thing.
    pub(crate) fn present(&self) -> Option<&'v Value<'a>> {
        self.value.filter(|value| !value.is_null())
    }

    /// What is said of a value that is none of these.
    pub(crate) fn wrong(&self, member: &'static str, expected: &'static str) -> BodyError {
        BodyError::Member { member, expected, at: self.at }
    }

    /// The value, which has to be an object.
    pub(crate) fn object(&self, member: &'static str) -> Result<&'v Value<'a>, BodyError> {
        self.value.filter(|value| value.members().is_some()).ok_or(self.wrong(member, "object"))
    }
}

impl<'v, 'a> From<&'v Value<'a>> for Found<'v, 'a> {
    fn from(value: &'v Value<'a>) -> Self {
        Self { value: Some(value), at: value.at() }
    }
}

/// A type a body's member can have.
pub(crate) trait Member: Sized {
    /// Most of these in one list.
    const MOST: usize = usize::MAX;

    /// Reads a value, if the member is there.
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError>;

    /// Writes the value.
    fn put(&self, out: &mut Writer);

    /// Writes the member, unless there is nothing to say.
    fn write(&self, member: &'static str, out: &mut Writer) {
        self.put(out.member(member));
    }
}

/// A type a map's key can have.
pub(crate) trait MapKey: Sized {
    fn read(key: &Value<'_>, member: &'static str) -> Result<Self, BodyError>;

    /// Writes the key; the value comes next.
    fn begin<'w>(&self, out: &'w mut Writer) -> &'w mut Writer;
}

impl Member for String {
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
        let text = found.value.and_then(Value::as_text).ok_or(found.wrong(member, "text"))?;
        Ok(text.as_str().into_owned())
    }

    fn put(&self, out: &mut Writer) {
        out.string(self);
    }
}

/// A Java primitive: a missing one is zero.
macro_rules! primitive {
    ($type:ty, $expected:literal, $read:expr, $write:expr) => {
        impl Member for $type {
            fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
                let Some(value) = found.present() else { return Ok(Self::default()) };
                let read: fn(&Value<'_>) -> Option<Self> = $read;
                read(value).ok_or(found.wrong(member, $expected))
            }

            fn put(&self, out: &mut Writer) {
                let write: fn(&mut Writer, Self) = $write;
                write(out, *self);
            }
        }
    };
}

primitive!(
    i32,
    "32-bit whole number",
    |value| value.to_i64().and_then(|found| i32::try_from(found).ok()),
    |out, value| out.int(i64::from(value))
);
primitive!(i64, "64-bit whole number", |value| value.to_i64(), Writer::int);
primitive!(bool, "truth value", |value| value.to_bool(), Writer::boolean);
primitive!(f64, "number", |value| value.as_text()?.parse(), Writer::double);

impl<T: Member> Member for Option<T> {
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
        found.present().map(|value| T::read(value.into(), member)).transpose()
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Some(value) => value.put(out),
            None => out.raw("null"),
        }
    }

    fn write(&self, member: &'static str, out: &mut Writer) {
        if let Some(value) = self {
            value.write(member, out);
        }
    }
}

impl<T: Member> Member for Vec<T> {
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
        let Some(value) = found.present() else { return Ok(Self::new()) };
        let items = value.items().ok_or(found.wrong(member, "array"))?;
        if items.len() > T::MOST {
            return Err(BodyError::TooMany {
                member,
                at: value.at(),
                count: items.len() as i64,
                limit: T::MOST,
            });
        }
        items.iter().map(|item| T::read(item.into(), member)).collect()
    }

    fn put(&self, out: &mut Writer) {
        out.array(|out| self.iter().for_each(|item| item.put(out.item())));
    }
}

impl<K: MapKey + Ord, T: Member> Member for BTreeMap<K, T> {
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
        let Some(value) = found.present() else { return Ok(Self::new()) };
        let members = Found::from(value).object(member)?.members().unwrap_or_default();
        members
            .iter()
            .map(|(key, value)| Ok((K::read(key, member)?, T::read(value.into(), member)?)))
            .collect()
    }

    fn put(&self, out: &mut Writer) {
        out.object(|out| self.iter().for_each(|(key, value)| value.put(key.begin(out))));
    }
}

impl MapKey for String {
    fn read(key: &Value<'_>, member: &'static str) -> Result<Self, BodyError> {
        Member::read(key.into(), member)
    }

    fn begin<'w>(&self, out: &'w mut Writer) -> &'w mut Writer {
        out.member(self)
    }
}

/// A number as a key: written in quotes, read without too.
macro_rules! number_key {
    ($($type:ty),*) => { $(
        impl MapKey for $type {
            fn read(key: &Value<'_>, member: &'static str) -> Result<Self, BodyError> {
                Member::read(key.into(), member)
            }

            fn begin<'w>(&self, out: &'w mut Writer) -> &'w mut Writer {
                out.member(&alloc::format!("{self}"))
            }
        }
    )* };
}

number_key!(i32, i64);

/// Declares bodies: structs with both directions. Members are listed in the order they are written in, which is
/// Java's: by name. `or` is what a missing one means, if that is neither zero nor empty nor `None`; `max` how many
/// a list may hold.
macro_rules! body {
    ($( $(#[$doc:meta])* $name:ident $(max $most:ident)? {
        $( $(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal $(or $default:expr)?, )*
    } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::wire::body::member::body!(@default $($default)?), )* }
            }
        }

        impl $name {
            /// Reads a body.
            pub fn decode(body: &[u8]) -> Result<Self, $crate::wire::body::BodyError> {
                let value = $crate::wire::body::parse(body)?;
                $crate::wire::body::member::Member::read((&value).into(), stringify!($name))
            }

            /// Writes a body that every version of Java reads.
            pub fn encode(&self) -> alloc::vec::Vec<u8> {
                let mut out = $crate::wire::json::Writer::new();
                $crate::wire::body::member::Member::put(self, &mut out);
                out.finish()
            }

            /// Writes the members, the object around them being begun.
            pub(crate) fn members(&self, out: &mut $crate::wire::json::Writer) {
                $( $crate::wire::body::member::Member::write(&self.$field, $key, out); )*
            }
        }

        impl $crate::wire::body::member::Member for $name {
            $( const MOST: usize = $most; )?

            fn read(
                found: $crate::wire::body::member::Found<'_, '_>,
                member: &'static str,
            ) -> Result<Self, $crate::wire::body::BodyError> {
                let value = found.object(member)?;
                Ok(Self { $(
                    $field: $crate::wire::body::member::body!(@read value, $key $(, $default)?)?,
                )* })
            }

            fn put(&self, out: &mut $crate::wire::json::Writer) {
                out.object(|out| self.members(out));
            }
        }
    )* };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    (@read $value:ident, $key:literal) => {
        $crate::wire::body::member::Member::read($crate::wire::body::member::Found::member($value, $key), $key)
    };
    (@read $value:ident, $key:literal, $default:expr) => {
        match $crate::wire::body::member::Found::member($value, $key) {
            found if found.present().is_none() => Ok($default),
            found => $crate::wire::body::member::Member::read(found, $key),
        }
    };
}

pub(crate) use body;
