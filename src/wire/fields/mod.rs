//! Typed ext fields of the operations. One struct serves both directions: text borrows when it can.
//!
//! | room | operations |
//! |---|---|
//! | [`send`] | send, batch, reply, send-back, recall |
//! | [`transaction`] | ending half messages, checking them |
//! | [`reply`] | a reply pushed to its requester |
//! | [`pull`] | pull |
//! | [`pop`] | pop, ack, invisible time, notification, assignment |
//! | [`lite`] | lite topics |
//! | [`offset`] | consumer offsets, queue limits, offset by time |
//! | [`reset`] | offsets set back, compared, copied |
//! | [`query`] | messages by id and key |
//! | [`client`] | heartbeat, unregister, member lists, locks, fields common to all |
//! | [`inspect`] | what brokers ask running clients |
//! | [`route`] | topic routes |
//! | [`topic`], [`subscription_group`], [`broker`], [`name_server`], [`auth`] | administration |
//!
//! A struct is named as Java's header class, less `Header`; its fields are listed sorted by their key on the wire.

pub mod auth;
pub mod broker;
pub mod client;
pub mod inspect;
pub mod lite;
pub mod name_server;
pub mod offset;
pub mod pop;
pub mod pull;
pub mod query;
pub mod reply;
pub mod reset;
pub mod route;
pub mod send;
pub mod subscription_group;
pub mod topic;
pub mod transaction;

use alloc::borrow::Cow;

pub use auth::*;
pub use broker::*;
pub use client::*;
pub use inspect::*;
pub use lite::*;
pub use name_server::*;
pub use offset::*;
pub use pop::*;
pub use pull::*;
pub use query::*;
pub use reply::*;
pub use reset::*;
pub use route::*;
pub use send::*;
pub use subscription_group::*;
pub use topic::*;
pub use transaction::*;

use super::codes::RequestCode;
use super::header::{DecodeFields, EncodeFields, ExtFields, FieldError, FieldSink, Raw, Request};

/// A type an ext field can have.
pub(crate) trait FieldValue<'a>: Sized {
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S);
    fn read(text: Option<Raw<'a>>, key: &'static str) -> Result<Self, FieldError>;
}

impl<'a> FieldValue<'a> for Cow<'a, str> {
    #[inline]
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        sink.text(key, self);
    }

    #[inline]
    fn read(text: Option<Raw<'a>>, key: &'static str) -> Result<Self, FieldError> {
        text.map(|raw| raw.text().as_str()).ok_or(FieldError::Missing(key))
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
    fn read(text: Option<Raw<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|raw| raw.text().as_str()))
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
            fn read(text: Option<Raw<'a>>, key: &'static str) -> Result<Self, FieldError> {
                let text = text.ok_or(FieldError::Missing(key))?;
                text.$read().ok_or(FieldError::Invalid { field: key, expected: $expected, at: 0 })
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
            fn read(text: Option<Raw<'a>>, key: &'static str) -> Result<Self, FieldError> {
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

    fn read(text: Option<Raw<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|raw| raw.text().to_bool()))
    }
}

/// A Java `boolean`: always written, false if absent.
impl<'a> FieldValue<'a> for bool {
    fn put<S: FieldSink>(&self, key: &'static str, sink: &mut S) {
        sink.boolean(key, *self);
    }

    fn read(text: Option<Raw<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.is_some_and(|raw| raw.text().to_bool()))
    }
}

/// The fields of one operation under another code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct As<F, const CODE: i32>(pub F);

impl<F: EncodeFields, const CODE: i32> EncodeFields for As<F, CODE> {
    #[inline]
    fn encode<S: FieldSink>(&self, sink: &mut S) {
        self.0.encode(sink);
    }

    fn is_absent(&self) -> bool {
        self.0.is_absent()
    }

    fn is_sorted(&self) -> bool {
        self.0.is_sorted()
    }
}

impl<'a, F: DecodeFields<'a>, const CODE: i32> DecodeFields<'a> for As<F, CODE> {
    fn decode(ext: &ExtFields<'a>) -> Result<Self, FieldError> {
        F::decode(ext).map(Self)
    }
}

impl<F: EncodeFields, const CODE: i32> Request for As<F, CODE> {
    const CODE: RequestCode = RequestCode(CODE);
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
    fn read(text: Option<Raw<'a>>, _key: &'static str) -> Result<Self, FieldError> {
        Ok(text.map(|text| Parts::Whole(text.text().as_str())))
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
            $( let mut $field: Option<$crate::wire::header::Raw<$life>> = None; )*
            ext.for_each(|_key, _value| {
                $( if _key == $key.as_bytes() { $field = Some(_value); } else )* {}
            });
            Ok(Self { $(
                $field: $crate::wire::fields::FieldValue::read($field, $key)
                    .map_err(|error| ext.locate(error))?,
            )* })
        }
    };
}

/// Declares requests without ext fields, which Java writes without header class.
macro_rules! bare {
    ($( $(#[$doc:meta])* $name:ident = $code:ident; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $crate::wire::header::EncodeFields for $name {
            fn encode<S: $crate::wire::header::FieldSink>(&self, _sink: &mut S) {}

            fn is_absent(&self) -> bool {
                true
            }
        }

        impl $crate::wire::header::DecodeFields<'_> for $name {
            fn decode(
                _ext: &$crate::wire::header::ExtFields<'_>,
            ) -> Result<Self, $crate::wire::header::FieldError> {
                Ok(Self)
            }
        }

        impl $crate::wire::header::Request for $name {
            const CODE: $crate::wire::codes::RequestCode = $crate::wire::codes::RequestCode::$code;
        }
    )* };
}

pub(crate) use {bare, fields};

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
        sorted::<CreateUserRequest<'_>>();
        sorted::<UpdateUserRequest<'_>>();
        sorted::<DeleteUserRequest<'_>>();
        sorted::<GetUserRequest<'_>>();
        sorted::<ListUsersRequest<'_>>();
        sorted::<CreateAclRequest<'_>>();
        sorted::<UpdateAclRequest<'_>>();
        sorted::<DeleteAclRequest<'_>>();
        sorted::<GetAclRequest<'_>>();
        sorted::<ListAclsRequest<'_>>();
        sorted::<GetBrokerConfigResponse<'_>>();
        sorted::<ViewBrokerStatsDataRequest<'_>>();
        sorted::<GetBrokerConsumeStatsRequest>();
        sorted::<ResumeCheckHalfMessageRequest<'_>>();
        sorted::<ResetMasterFlushOffsetRequest>();
        sorted::<SetCommitLogReadModeRequest<'_>>();
        sorted::<SwitchTimerEngineRequest<'_>>();
        sorted::<CheckRocksdbCqWriteProgressRequest<'_>>();
        sorted::<ExportRocksDbConfigRequest<'_>>();
        sorted::<HeartbeatRequest>();
        sorted::<HeartbeatResponse>();
        sorted::<UnregisterClientRequest<'_>>();
        sorted::<GetConsumerListByGroupRequest<'_>>();
        sorted::<NotifyConsumerIdsChangedRequest<'_>>();
        sorted::<LockBatchMqRequest>();
        sorted::<UnlockBatchMqRequest>();
        sorted::<CommonRequest<'_>>();
        sorted::<GetConsumerRunningInfoRequest<'_>>();
        sorted::<ConsumeMessageDirectlyRequest<'_>>();
        sorted::<PopLiteMessageRequest<'_>>();
        sorted::<PopLiteMessageResponse<'_>>();
        sorted::<LiteSubscriptionCtlRequest>();
        sorted::<NotifyUnsubscribeLiteRequest<'_>>();
        sorted::<GetParentTopicInfoRequest<'_>>();
        sorted::<GetLiteTopicInfoRequest<'_>>();
        sorted::<GetLiteClientInfoRequest<'_>>();
        sorted::<GetLiteGroupInfoRequest<'_>>();
        sorted::<TriggerLiteDispatchRequest<'_>>();
        sorted::<GetTopicsByClusterRequest<'_>>();
        sorted::<DeleteTopicFromNamesrvRequest<'_>>();
        sorted::<RegisterTopicRequest<'_>>();
        sorted::<PutKvConfigRequest<'_>>();
        sorted::<GetKvConfigRequest<'_>>();
        sorted::<GetKvConfigResponse<'_>>();
        sorted::<DeleteKvConfigRequest<'_>>();
        sorted::<GetKvListByNamespaceRequest<'_>>();
        sorted::<WipeWritePermRequest<'_>>();
        sorted::<WipeWritePermResponse>();
        sorted::<AddWritePermRequest<'_>>();
        sorted::<AddWritePermResponse>();
        sorted::<GetBrokerMemberGroupRequest<'_>>();
        sorted::<QueryConsumerOffsetRequest<'_>>();
        sorted::<UpdateConsumerOffsetRequest<'_>>();
        sorted::<GetMaxOffsetRequest<'_>>();
        sorted::<GetMinOffsetRequest<'_>>();
        sorted::<GetEarliestMsgStoretimeRequest<'_>>();
        sorted::<SearchOffsetRequest<'_>>();
        sorted::<OffsetResponse>();
        sorted::<GetEarliestMsgStoretimeResponse>();
        sorted::<PopMessageRequest<'_>>();
        sorted::<PopMessageResponse<'_>>();
        sorted::<AckMessageRequest<'_>>();
        sorted::<ChangeInvisibleTimeRequest<'_>>();
        sorted::<ChangeInvisibleTimeResponse>();
        sorted::<NotificationRequest<'_>>();
        sorted::<NotificationResponse>();
        sorted::<PollingInfoRequest<'_>>();
        sorted::<PollingInfoResponse>();
        sorted::<PeekMessageRequest<'_>>();
        sorted::<PullMessageRequest<'_>>();
        sorted::<PullMessageResponse>();
        sorted::<ViewMessageRequest<'_>>();
        sorted::<QueryMessageRequest<'_>>();
        sorted::<QueryMessageResponse>();
        sorted::<QueryConsumeQueueRequest<'_>>();
        sorted::<PushReplyMessageRequest<'_>>();
        sorted::<ResetOffsetRequest<'_>>();
        sorted::<GetConsumerStatusRequest<'_>>();
        sorted::<QueryCorrectionOffsetRequest<'_>>();
        sorted::<CloneGroupOffsetRequest<'_>>();
        sorted::<GetRouteInfoRequest<'_>>();
        sorted::<SendMessageRequest<'_>>();
        sorted::<SendMessageV2Request<'_>>();
        sorted::<SendMessageResponse<'_>>();
        sorted::<ConsumerSendMsgBackRequest<'_>>();
        sorted::<RecallMessageRequest<'_>>();
        sorted::<RecallMessageResponse<'_>>();
        sorted::<RegionResponse<'_>>();
        sorted::<GetSubscriptionGroupConfigRequest<'_>>();
        sorted::<GetAllSubscriptionGroupRequest<'_>>();
        sorted::<GetAllSubscriptionGroupResponse>();
        sorted::<DeleteSubscriptionGroupRequest<'_>>();
        sorted::<UpdateGroupForbiddenRequest<'_>>();
        sorted::<GetConsumeStatsRequest<'_>>();
        sorted::<GetConsumerConnectionListRequest<'_>>();
        sorted::<GetProducerConnectionListRequest<'_>>();
        sorted::<GetAllProducerInfoRequest>();
        sorted::<QueryTopicsByConsumerRequest<'_>>();
        sorted::<QuerySubscriptionByConsumerRequest<'_>>();
        sorted::<CreateTopicRequest<'_>>();
        sorted::<CreateTopicListRequest>();
        sorted::<DeleteTopicRequest<'_>>();
        sorted::<GetTopicConfigRequest<'_>>();
        sorted::<GetAllTopicConfigRequest<'_>>();
        sorted::<GetAllTopicConfigResponse>();
        sorted::<GetTopicStatsInfoRequest<'_>>();
        sorted::<QueryTopicConsumeByWhoRequest<'_>>();
        sorted::<QueryConsumeTimeSpanRequest<'_>>();
        sorted::<EndTransactionRequest<'_>>();
        sorted::<CheckTransactionStateRequest<'_>>();
    }
}
