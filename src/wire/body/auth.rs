//! Users and access rules (ACL 2.0).
use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, Member, body, parse};
use crate::wire::json::Writer;

body! {
    /// A user: `UserInfo`. Brokers answer with the password in clear text.
    #[derive(Eq, Hash)]
    UserInfo {
        /// The secret that requests are signed with.
        password: Option<String> = "password",
        /// `enable` or `disable`.
        user_status: Option<String> = "userStatus",
        /// `Super` or `Normal`.
        user_type: Option<String> = "userType",
        /// The user.
        username: Option<String> = "username",
    }

    /// A subject's rules: `AclInfo`.
    #[derive(Eq, Hash)]
    AclInfo {
        /// The rules.
        policies: Vec<PolicyInfo> = "policies",
        /// `User:name`.
        subject: Option<String> = "subject",
    }

    /// `AclInfo.PolicyInfo`.
    #[derive(Eq, Hash)]
    PolicyInfo {
        /// Its parts.
        entries: Vec<PolicyEntryInfo> = "entries",
        /// `Custom` or `Default`.
        policy_type: Option<String> = "policyType",
    }

    /// `AclInfo.PolicyEntryInfo`.
    #[derive(Eq, Hash)]
    PolicyEntryInfo {
        /// `All`, `Pub`, `Sub`, `Create`, `Update`, `Delete`, `Get`, `List`, `Any`.
        actions: Vec<String> = "actions",
        /// `Allow` or `Deny`.
        decision: Option<String> = "decision",
        /// `Topic:name`, `Group:*` ...
        resource: Option<String> = "resource",
        /// Addresses it holds for; `None` is all.
        source_ips: Option<Vec<String>> = "sourceIps",
    }
}

impl UserInfo {
    /// Reads the answer to AUTH_LIST_USER (3005). No body is no user.
    pub fn decode_all(body: &[u8]) -> Result<Vec<Self>, BodyError> {
        list(body, "users")
    }

    /// Writes the answer to AUTH_LIST_USER.
    pub fn encode_all(users: &[Self]) -> Vec<u8> {
        write_list(users)
    }
}

impl AclInfo {
    /// Reads the answer to AUTH_LIST_ACL (3010). No body is no rule.
    pub fn decode_all(body: &[u8]) -> Result<Vec<Self>, BodyError> {
        list(body, "acls")
    }

    /// Writes the answer to AUTH_LIST_ACL.
    pub fn encode_all(acls: &[Self]) -> Vec<u8> {
        write_list(acls)
    }
}

fn list<T: Member>(body: &[u8], what: &'static str) -> Result<Vec<T>, BodyError> {
    if body.is_empty() { Ok(Vec::new()) } else { Member::read((&parse(body)?).into(), what) }
}

fn write_list<T: Member>(list: &[T]) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(|out| list.iter().for_each(|item| item.put(out.item())));
    out.finish()
}
