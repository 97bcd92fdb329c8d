//! What is wrong is told with the place where it stands.

use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::fields::SendMessageResponse;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{FieldError, FieldList, Flag, Head, HeadSpec, encode_head};

/// In both forms, and however unusual the head is.
#[test]
fn an_invalid_field_is_told_with_its_offset() {
    let fields = [("msgId", "m"), ("queueId", "3"), ("queueOffset", "12x4")];
    let unusual = [("msgId", "m"), ("queueId", "3"), ("odd", "\u{7}"), ("queueOffset", "12x4")];
    let many: Vec<_> =
        (0..9).map(|number| (["a", "b", "c", "d", "e", "f", "g", "h", "i"][number], "1")).collect();
    let many: Vec<_> = many.into_iter().chain(fields).collect();
    for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
        for fields in [&fields[..], &unusual, &many] {
            let spec = HeadSpec {
                code: 0,
                language: LanguageCode::JAVA,
                version: Version::V5_5_0,
                opaque: 7,
                flag: Flag::RESPONSE,
                remark: None,
            };
            let mut frame = Vec::new();
            encode_head(&mut frame, serialize, &spec, &FieldList(fields), 0).expect("small");
            let head = &frame[8..];
            let at = head.windows(4).position(|text| text == b"12x4").expect("it is there");
            let at = if serialize == SerializeType::Json { at - 1 } else { at };
            let error = Head::parse(serialize, head).expect("good").fields::<SendMessageResponse<'_>>();
            let expected = "64-bit whole number";
            assert_eq!(error, Err(FieldError::Invalid { field: "queueOffset", expected, at }));
        }
    }
}

#[test]
fn a_head_of_another_writer_is_told_with_its_offset_too() {
    let said = |head: &'static str| {
        let head = Head::parse(SerializeType::Json, head.as_bytes()).expect("good");
        head.fields::<SendMessageResponse<'_>>().expect_err("it is wrong").to_string()
    };
    assert_eq!(
        said(r#"{ "extFields": { "msgId":"m", "queueOffset" : 1.5 , "queueId":"3"} }"#),
        "ext field `queueOffset` at byte 46 of the head is no valid 64-bit whole number"
    );
    assert_eq!(said(r#"{"extFields":{"queueId":"3"}}"#), "required ext field `msgId` is missing");
}

/// A length of 34 ends with the byte that is a quote in JSON.
#[test]
fn a_length_is_not_taken_for_a_quote() {
    let value = "x".repeat(34);
    let spec = HeadSpec {
        code: 0,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque: 7,
        flag: Flag::RESPONSE,
        remark: None,
    };
    let fields = [("msgId", "m"), ("queueId", "3"), ("queueOffset", value.as_str())];
    let mut frame = Vec::new();
    encode_head(&mut frame, SerializeType::Rocketmq, &spec, &FieldList(&fields), 0).expect("small");
    let head = &frame[8..];
    let at = head.windows(34).position(|text| text == value.as_bytes()).expect("it is there");
    let error = Head::parse(SerializeType::Rocketmq, head).expect("good").fields::<SendMessageResponse<'_>>();
    assert_eq!(error, Err(FieldError::Invalid { field: "queueOffset", expected: "64-bit whole number", at }));
}
