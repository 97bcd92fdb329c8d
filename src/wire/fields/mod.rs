//! Typed ext fields of the operations. One struct serves both directions: text borrows when it can.
//!
//! | room | operations |
//! |---|---|
//! | [`send`] | send, batch, reply, send-back |
//! | [`pull`] | pull |
//! | [`offset`] | consumer offsets, queue limits, offset by time |
//! | [`client`] | heartbeat, unregister, member lists, notifications |
//! | [`route`] | topic routes |
//! | [`admin`] | topics and groups |
//!
//! A struct is named as Java's header class, less `Header`; its fields are listed sorted by their key on the wire.

pub mod admin;
pub mod client;
pub mod offset;
pub mod pull;
pub mod route;
pub mod send;

use alloc::borrow::Cow;

pub use admin::*;
pub use client::*;
pub use offset::*;
pub use pull::*;
pub use route::*;
pub use send::*;

use super::header::{FieldError, FieldSink, Text};

/// A type an ext field can have.
pub(crate) trait FieldValue<'a>: Sized {
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S);
    fn read(text: Option<Text<'a>>, key: &'static str) -> Result<Self, FieldError>;
}

impl<'a> FieldValue<'a> for Cow<'a, str> {
    #[inline]
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        sink.text(key, self);
    }

    #[inline]
    fn read(text: Option<Text<'a>>, key: &'static str) -> Result<Self, FieldError> {
        text.map(|text| text.as_str()).ok_or(FieldError::Missing(key))
    }
}

impl<'a> FieldValue<'a> for Option<Cow<'a, str>> {
    #[inline]
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        if let Some(text) = self {
            sink.text(key, text);
        }
    }

    #[inline]
    fn read(text: Option<Text<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|text| text.as_str()))
    }
}

macro_rules! whole_number {
    ($type:ty, $read:ident, $expected:literal) => {
        impl<'a> FieldValue<'a> for $type {
            #[inline]
            fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
                sink.int(key, i64::from(*self));
            }

            #[inline]
            fn read(text: Option<Text<'a>>, key: &'static str) -> Result<Self, FieldError> {
                let text = text.ok_or(FieldError::Missing(key))?;
                text.$read().ok_or(FieldError::Invalid { field: key, expected: $expected })
            }
        }

        impl<'a> FieldValue<'a> for Option<$type> {
            #[inline]
            fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
                if let Some(value) = self {
                    sink.int(key, i64::from(*value));
                }
            }

            #[inline]
            fn read(text: Option<Text<'a>>, key: &'static str) -> Result<Self, FieldError> {
                text.map(|text| <$type as FieldValue>::read(Some(text), key)).transpose()
            }
        }
    };
}

whole_number!(i32, to_i32, "32-bit whole number");
whole_number!(i64, to_i64, "64-bit whole number");

impl<'a> FieldValue<'a> for Option<bool> {
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        if let Some(value) = self {
            sink.boolean(key, *value);
        }
    }

    fn read(text: Option<Text<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|text| text.to_bool()))
    }
}

/// Text that may be given in parts when it is written, so that nothing has to be joined for it.
#[derive(Clone, Debug)]
pub enum Parts<'a> {
    /// One text.
    Whole(Cow<'a, str>),
    /// Several, written as one.
    Split(&'a [&'a str]),
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self::Whole(Cow::Borrowed(""))
    }
}

impl Parts<'_> {
    /// The text as one.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Whole(text) => Cow::Borrowed(text),
            Self::Split(parts) => Cow::Owned(parts.concat()),
        }
    }
}

impl PartialEq for Parts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_text() == other.to_text()
    }
}

impl<'a> FieldValue<'a> for Option<Parts<'a>> {
    #[inline]
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        match self {
            None => {}
            Some(Parts::Whole(text)) => sink.text(key, text),
            Some(Parts::Split(parts)) => sink.parts(key, parts),
        }
    }

    #[inline]
    fn read(text: Option<Text<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|text| Parts::Whole(text.as_str())))
    }
}

/// Declares the ext fields of operations: structs with both directions. Fields are listed sorted by key.
macro_rules! fields {
    ($( $(#[$doc:meta])* $name:ident $(<$life:lifetime>)? $(= $code:ident)? {
        $( $(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal, )*
    } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name $(<$life>)? {
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        impl $(<$life>)? $crate::wire::header::EncodeFields for $name $(<$life>)? {
            #[inline]
            fn encode<S: $crate::wire::header::FieldSink>(&self, _sink: &mut S) {
                $( $crate::wire::fields::FieldValue::put(&self.$field, $key, _sink); )*
            }
        }

        $crate::wire::fields::fields!(@request $name [$(<$life>)?] $($code)?);

        $crate::wire::fields::fields!(@decode $name $($life)? { $($field: $type = $key,)* });

        #[cfg(test)]
        impl $(<$life>)? $crate::wire::fields::tests::Keys for $name $(<$life>)? {
            const KEYS: &'static [&'static str] = &[$($key),*];
        }
    )* };
    (@request $name:ident [$($generics:tt)*]) => {};
    (@request $name:ident [$($generics:tt)*] $code:ident) => {
        impl $($generics)* $crate::wire::header::Request for $name $($generics)* {
            const CODE: $crate::wire::codes::RequestCode = $crate::wire::codes::RequestCode::$code;
        }
    };
    (@decode $name:ident $life:lifetime { $($field:ident: $type:ty = $key:literal,)* }) => {
        impl<$life> $crate::wire::header::DecodeFields<$life> for $name<$life> {
            $crate::wire::fields::fields!(@body $life { $($field: $type = $key,)* });
        }
    };
    (@decode $name:ident { $($field:ident: $type:ty = $key:literal,)* }) => {
        impl<'a> $crate::wire::header::DecodeFields<'a> for $name {
            $crate::wire::fields::fields!(@body 'a { $($field: $type = $key,)* });
        }
    };
    (@body $life:lifetime { $($field:ident: $type:ty = $key:literal,)* }) => {
        #[inline]
        fn decode(
            ext: &$crate::wire::header::ExtFields<$life>,
        ) -> Result<Self, $crate::wire::header::FieldError> {
            $( let mut $field: Option<$crate::wire::header::Text<$life>> = None; )*
            for (key, _value) in ext.iter() {
                match key.as_plain() {
                    $( Some($key) => $field = Some(_value), )*
                    _ => {}
                }
            }
            Ok(Self { $( $field: $crate::wire::fields::FieldValue::read($field, $key)?, )* })
        }
    };
}

pub(crate) use fields;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) trait Keys {
        const KEYS: &'static [&'static str];
    }

    fn sorted<T: Keys>() {
        assert!(T::KEYS.is_sorted(), "{}: {:?}", core::any::type_name::<T>(), T::KEYS);
    }

    #[test]
    fn fields_are_visited_sorted_by_key() {
        sorted::<SendMessageRequest<'_>>();
        sorted::<SendMessageV2Request<'_>>();
        sorted::<SendMessageResponse<'_>>();
        sorted::<ConsumerSendMsgBackRequest<'_>>();
        sorted::<PullMessageRequest<'_>>();
        sorted::<PullMessageResponse>();
        sorted::<QueryConsumerOffsetRequest<'_>>();
        sorted::<UpdateConsumerOffsetRequest<'_>>();
        sorted::<SearchOffsetRequest<'_>>();
        sorted::<GetMaxOffsetRequest<'_>>();
        sorted::<UnregisterClientRequest<'_>>();
        sorted::<HeartbeatResponse>();
        sorted::<GetRouteInfoRequest<'_>>();
        sorted::<CreateTopicRequest<'_>>();
    }
}
