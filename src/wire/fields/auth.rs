//! Users and access control (ACL 2.0, 5.3 and later).

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// AUTH_CREATE_USER (3001): `CreateUserRequestHeader`. Body: a `UserInfo`.
    CreateUserRequest<'a> = AUTH_CREATE_USER {
        /// The user.
        username: Cow<'a, str> = "username",
    }

    /// AUTH_UPDATE_USER (3002): `UpdateUserRequestHeader`. Body: a `UserInfo`.
    UpdateUserRequest<'a> = AUTH_UPDATE_USER {
        /// The user.
        username: Cow<'a, str> = "username",
    }

    /// AUTH_DELETE_USER (3003): `DeleteUserRequestHeader`. An unknown user is no error.
    DeleteUserRequest<'a> = AUTH_DELETE_USER {
        /// The user.
        username: Cow<'a, str> = "username",
    }

    /// AUTH_GET_USER (3004): `GetUserRequestHeader`. Answer: a `UserInfo`, no body if there is none.
    GetUserRequest<'a> = AUTH_GET_USER {
        /// The user.
        username: Cow<'a, str> = "username",
    }

    /// AUTH_LIST_USER (3005): `ListUsersRequestHeader`. Answer: an array of `UserInfo`, or no body.
    ListUsersRequest<'a> = AUTH_LIST_USER {
        /// Part of the name.
        filter: Option<Cow<'a, str>> = "filter",
    }

    /// AUTH_CREATE_ACL (3006): `CreateAclRequestHeader`. Body: an `AclInfo`.
    CreateAclRequest<'a> = AUTH_CREATE_ACL {
        /// `User:name`.
        subject: Cow<'a, str> = "subject",
    }

    /// AUTH_UPDATE_ACL (3007): `UpdateAclRequestHeader`. Body: an `AclInfo`.
    UpdateAclRequest<'a> = AUTH_UPDATE_ACL {
        /// `User:name`.
        subject: Cow<'a, str> = "subject",
    }

    /// AUTH_DELETE_ACL (3008): `DeleteAclRequestHeader`.
    DeleteAclRequest<'a> = AUTH_DELETE_ACL {
        /// `Custom` or `Default`.
        policy_type: Option<Cow<'a, str>> = "policyType",
        /// `Topic:name`.
        resource: Option<Cow<'a, str>> = "resource",
        /// `User:name`.
        subject: Cow<'a, str> = "subject",
    }

    /// AUTH_GET_ACL (3009): `GetAclRequestHeader`. Answer: an `AclInfo`, no body if there is none.
    GetAclRequest<'a> = AUTH_GET_ACL {
        /// `User:name`.
        subject: Cow<'a, str> = "subject",
    }

    /// AUTH_LIST_ACL (3010): `ListAclsRequestHeader`. Answer: an array of `AclInfo`, or no body.
    ListAclsRequest<'a> = AUTH_LIST_ACL {
        /// Part of the resource.
        resource_filter: Option<Cow<'a, str>> = "resourceFilter",
        /// Part of the subject.
        subject_filter: Option<Cow<'a, str>> = "subjectFilter",
    }
}
