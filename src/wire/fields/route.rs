//! Topic routes, asked of a name server.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// GET_ROUTEINFO_BY_TOPIC (105): `GetRouteInfoRequestHeader`. Answer: a `TopicRouteData` body, or code 17.
    GetRouteInfoRequest<'a> = GET_ROUTEINFO_BY_TOPIC {
        /// Asks for quoted keys, whatever the version announced.
        accept_standard_json_only: Option<bool> = "acceptStandardJsonOnly",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }
}
