//! ACL signatures: computed by Java, and those of every signed request that was recorded.

use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{EncodeFields, FieldList, Flag, Head, HeadSpec, encode_head};
use rocketmq_engine::wire::signature::{ACCESS_KEY, Credentials, SECURITY_TOKEN, SIGNATURE, Signed};
use std::collections::BTreeMap;

use crate::recorded::{ext_of, java_ext, parts};
use crate::support::{frames, id, number, text, unhex, vectors};

const SPEC: HeadSpec<'_> = HeadSpec {
    code: 310,
    language: LanguageCode::JAVA,
    version: Version::V5_5_0,
    opaque: 1,
    flag: Flag::REQUEST,
    remark: None,
};

fn encoded<F: EncodeFields>(serialize: SerializeType, fields: &Signed<'_, F>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_head(&mut out, serialize, &SPEC, fields, 0).unwrap();
    out.split_off(8)
}

#[test]
pub(crate) fn computed_signatures() {
    for vector in vectors("offline/acl_signature") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let mut credentials = Credentials::new(text(input, "accessKey"), text(input, "secretKey"));
        if let Some(token) = input["securityToken"].as_str() {
            credentials = credentials.with_security_token(token);
        }
        let ext = java_ext(&input["ext"]);
        let mut list: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (&**key, &**value)).collect();
        let body = unhex(input["body"].as_str().unwrap_or_default());
        // Sorted, and not.
        for _ in 0..2 {
            for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
                let head = encoded(serialize, &credentials.sign(&FieldList(&list), &body));
                let head = Head::parse(serialize, &head).unwrap();
                let mut expected = java_ext(&java["ext"]);
                // The binary form cannot say an empty value: it is left out, which signs the same.
                expected.retain(|_, value| serialize == SerializeType::Json || !value.is_empty());
                assert_eq!(ext_of(&head.ext), expected, "{id}");
                assert!(credentials.verify(&head, &body), "{id}");
                assert!(!credentials.verify(&head, b"another body"), "{id}");
                let others = Credentials::new(text(input, "accessKey"), "another secret");
                assert!(!others.verify(&head, &body), "{id}");
            }
            list.reverse();
        }
    }
}

/// The secrets of the recorded users; `wrong` is what some clients signed with instead.
fn secrets(journey: &str, user: &str) -> (&'static str, &'static str) {
    match (journey.starts_with("java-4.9.7/"), user) {
        (true, "vecAdmin") => ("vecSecret12345", "wrongSecret1"),
        (true, "vecUser01") => ("vecUserSecret1", "wrongSecret1"),
        (false, "vecAdmin") => ("vecSecret12345", "wrongSecret"),
        (false, "vecNormal") => ("vecNormalPass", "wrongSecret"),
        (false, "ghost") => ("x", "wrongSecret"),
        other => panic!("{journey}: {other:?}"),
    }
}

#[test]
pub(crate) fn recorded_signatures() {
    let frames = frames();
    let answers: BTreeMap<(&str, i64), i64> = frames
        .iter()
        .filter_map(|frame| {
            Some(((&*frame.journey, frame.java["answers"].as_i64()?), number(&frame.java, "code")))
        })
        .collect();
    let (mut right, mut wrong) = (0, 0);
    for frame in &frames {
        let (id, (prefix, head, body)) = (frame.id(), parts(&frame.bytes));
        let ext = ext_of(&head.ext);
        let Some(signature) = ext.get(SIGNATURE) else { continue };
        let user = &ext[ACCESS_KEY];
        let (secret, other) = secrets(&frame.journey, user);
        let token = |credentials: Credentials| match ext.get(SECURITY_TOKEN) {
            Some(token) => credentials.with_security_token(&**token),
            None => credentials,
        };
        let mut credentials = token(Credentials::new(&**user, secret));
        if credentials.verify(&head, body) {
            right += 1;
        } else {
            credentials = token(Credentials::new(&**user, other));
            assert!(credentials.verify(&head, body), "{id}");
            // A name server does not look; a broker refuses.
            let answer = answers.get(&(&*frame.journey, number(&frame.java, "n")));
            assert!(
                frame.java["peer"] == "namesrv" || answer.is_none_or(|code| *code != 0),
                "{id}: {answer:?}"
            );
            wrong += 1;
        }
        // Signed by us, from the fields in the order they came in, an old signature among them.
        let list: Vec<(String, String)> =
            head.ext.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let list: Vec<(&str, &str)> = list.iter().map(|(key, value)| (&**key, &**value)).collect();
        let ours = encoded(prefix.serialize, &credentials.sign(&FieldList(&list), body));
        let ours = Head::parse(prefix.serialize, &ours).unwrap();
        assert_eq!(ours.ext.get(SIGNATURE).unwrap().to_string(), *signature, "{id}");
        assert_eq!(ext_of(&ours.ext), ext, "{id}");
    }
    assert!(right > 80 && wrong > 2, "{right} right, {wrong} wrong");
}

/// Up to 4.9.3 `_UNIQUE_KEY_QUERY` was not signed: a server has to leave it out for such clients.
#[test]
fn old_clients_do_not_sign_the_kind_of_a_query() {
    let credentials = Credentials::new("ak", "sk");
    let signed = encoded(SerializeType::Json, &credentials.sign(&FieldList(&[("key", "k")]), b""));
    let text = str::from_utf8(&signed).unwrap();
    let queried = text.replace(r#""key""#, r#""_UNIQUE_KEY_QUERY":"true","key""#);
    let verify =
        |text: &str| credentials.verify(&Head::parse(SerializeType::Json, text.as_bytes()).unwrap(), b"");
    assert!(verify(text) && !verify(&queried));
    assert!(verify(&queried.replace(r#""version":513"#, r#""version":399"#)));
    assert!(!verify(&queried.replace(r#""version":513"#, r#""version":401"#)));
}

#[test]
fn nothing_secret_is_shown() {
    let credentials = Credentials::new("user-canary", "secret-canary").with_security_token("token-canary");
    let signed = credentials.sign(&FieldList(&[]), b"");
    let shown = format!("{credentials:?} {signed:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(credentials.access_key(), "user-canary");
}
