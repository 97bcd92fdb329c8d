//! ACL signing: who sends a request, proved by a shared secret. ACL 1.0 and 2.0 sign alike.
//!
//! `Signature` is Base64 of HMAC-SHA1 over the *values* of all other ext fields, sorted by key, with nothing between
//! them, and then the body. Code, keys, opaque and time are not covered: whoever reads a signed request on the way can
//! send it again, so use TLS beside it.
//!
//! Source: Apache `AclClientRPCHook`, `AclUtils`, `AclSigner`, `DefaultAuthenticationContextBuilder`.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::codes::{RequestCode, Version};
use super::header::{EncodeFields, FieldList, FieldSink, Head, MergeSink, Request, utf16_order};
use super::json::format_int;
use super::message::base64::{self, Alphabet};

/// Ext field: the user.
pub const ACCESS_KEY: &str = "AccessKey";
/// Ext field: a temporary user's token; part of what is signed, not looked at by Apache's brokers.
pub const SECURITY_TOKEN: &str = "SecurityToken";
/// Ext field: the signature.
pub const SIGNATURE: &str = "Signature";

/// Ext field left out of what requests up to 4.9.3 sign.
const UNIQUE_KEY_QUERY: &str = "_UNIQUE_KEY_QUERY";
const V4_9_3: Version = Version(399);

/// Who signs, and with what. Not `Clone`, nothing of it in `Debug`, wiped when dropped: share it behind an `Arc`.
///
/// The secret itself is not kept, only the state of the signing function after it.
///
/// ```
/// use rocketmq_engine::wire::codes::{LanguageCode, Version};
/// use rocketmq_engine::wire::fields::GetRouteInfoRequest;
/// use rocketmq_engine::wire::frame::SerializeType;
/// use rocketmq_engine::wire::header::{Flag, Head, HeadSpec, Request, encode_head};
/// use rocketmq_engine::wire::signature::Credentials;
///
/// let credentials = Credentials::new("user", "its secret");
/// let request = GetRouteInfoRequest { topic: "orders".into(), ..Default::default() };
/// let signed = credentials.sign(&request, b"");
/// let spec = HeadSpec {
///     code: GetRouteInfoRequest::CODE.0,
///     language: LanguageCode::RUST,
///     version: Version::V5_5_0,
///     opaque: 1,
///     flag: Flag::REQUEST,
///     remark: None,
/// };
/// let mut frame = Vec::new();
/// encode_head(&mut frame, SerializeType::Json, &spec, &signed, 0).unwrap();
/// let head = Head::parse(SerializeType::Json, &frame[8..]).unwrap();
/// assert!(credentials.verify(&head, b""));
/// assert!(!credentials.verify(&head, b"another body"));
/// ```
pub struct Credentials {
    access_key: String,
    security_token: String,
    mac: Hmac<Sha1>,
}

impl Credentials {
    /// A user and its secret; ACL 2.0 calls them user name and password.
    pub fn new(access_key: impl Into<String>, secret_key: &str) -> Self {
        Self {
            access_key: access_key.into(),
            security_token: String::new(),
            mac: keyed(secret_key.as_bytes()),
        }
    }

    /// The same with a token, as a security token service issues it.
    #[must_use]
    pub fn with_security_token(mut self, token: impl Into<String>) -> Self {
        self.security_token = token.into();
        self
    }

    /// The user.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// A request's fields, signed while they are encoded: the last step, whatever is added later breaks it.
    pub fn sign<'a, F>(&'a self, fields: &'a F, body: &'a [u8]) -> Signed<'a, F> {
        Signed { credentials: self, fields, body }
    }

    /// True if a request was signed with these credentials: what a broker asks. Takes the same time wherever a wrong
    /// signature differs.
    pub fn verify(&self, head: &Head<'_>, body: &[u8]) -> bool {
        let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            head.ext.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        fields.sort_by(|a, b| utf16_order(&a.0, &b.0));
        // Java's client writes the fields of its fast codec twice in the binary form, and signs them once.
        fields.dedup();
        let find = |wanted: &str| fields.iter().find(|(key, _)| key == wanted).map(|(_, value)| &**value);
        let signature = find(SIGNATURE).and_then(|text| base64::decode(text, Alphabet::Standard));
        let (Some(signature), Some(user)) = (signature, find(ACCESS_KEY)) else { return false };
        let mut mac = self.mac.clone();
        for (key, value) in &fields {
            if key != SIGNATURE && (key != UNIQUE_KEY_QUERY || head.version > V4_9_3) {
                mac.update(value.as_bytes());
            }
        }
        mac.update(body);
        user == self.access_key && mac.verify_slice(&signature).is_ok()
    }
}

/// The signing function with its key absorbed, so that a signature costs no key schedule.
fn keyed(secret: &[u8]) -> Hmac<Sha1> {
    // HMAC takes keys of any length: the other arm cannot come.
    Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha1>>::default()))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The user alone: a digest of a configuration must not know a secret.
impl Hash for Credentials {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.access_key.hash(state);
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.mac = keyed(b"");
        for text in [&mut self.access_key, &mut self.security_token] {
            let mut bytes = core::mem::take(text).into_bytes();
            bytes.fill(0);
            core::hint::black_box(bytes);
        }
        core::hint::black_box(self);
    }
}

/// A request's fields with `AccessKey`, `SecurityToken` and `Signature`; made by [`Credentials::sign`].
///
/// Whatever the fields say under these three keys is replaced. Signing is one pass over the same walk that encodes;
/// only a list that is not sorted by key is copied and sorted first.
#[derive(Debug)]
pub struct Signed<'a, F> {
    credentials: &'a Credentials,
    fields: &'a F,
    body: &'a [u8],
}

impl<F: EncodeFields> EncodeFields for Signed<'_, F> {
    fn encode<S: FieldSink>(&self, sink: &mut S) {
        if !self.fields.is_sorted() {
            let mut list = Collected::default();
            self.fields.encode(&mut list);
            list.0.sort_by(|a, b| utf16_order(&a.0, &b.0));
            list.0.dedup();
            let list: Vec<(&str, &str)> = list.0.iter().map(|(key, value)| (&**key, &**value)).collect();
            return self.credentials.sign(&FieldList(&list), self.body).encode(sink);
        }
        let Credentials { access_key, security_token, mac } = self.credentials;
        let own = [(ACCESS_KEY, &**access_key), (SECURITY_TOKEN, &**security_token)];
        let own = if security_token.is_empty() { &own[..1] } else { &own };
        let mut signing = SigningSink { sink, mac: mac.clone() };
        let mut merge = MergeSink::new(&mut signing, own);
        self.fields.encode(&mut merge);
        merge.finish();
        let SigningSink { sink, mut mac } = signing;
        mac.update(self.body);
        let mut text = [0; 28];
        let digest = mac.finalize().into_bytes();
        for (to, symbol) in text.iter_mut().zip(base64::symbols(&digest, Alphabet::Standard)) {
            *to = symbol;
        }
        sink.text(SIGNATURE, core::str::from_utf8(&text).unwrap_or_default());
    }

    /// The signature comes last: it is known when everything else has passed.
    fn is_sorted(&self) -> bool {
        false
    }
}

impl<F: Request> Request for Signed<'_, F> {
    const CODE: RequestCode = F::CODE;
}

/// Passes fields on and signs their values on the way.
struct SigningSink<'s, S> {
    sink: &'s mut S,
    mac: Hmac<Sha1>,
}

impl<S: FieldSink> FieldSink for SigningSink<'_, S> {
    fn text(&mut self, key: &str, value: &str) {
        self.parts(key, &[value]);
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        if key != SIGNATURE {
            for part in parts {
                self.mac.update(part.as_bytes());
            }
            self.sink.parts(key, parts);
        }
    }

    fn int(&mut self, key: &str, value: i64) {
        self.mac.update(format_int(&mut [0; 20], value));
        self.sink.int(key, value);
    }
}

/// Fields copied, to be sorted.
#[derive(Default)]
struct Collected(Vec<(String, String)>);

impl FieldSink for Collected {
    fn text(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        self.text(key, &parts.concat());
    }

    fn int(&mut self, key: &str, value: i64) {
        self.text(key, &alloc::format!("{value}"));
    }
}
