//! The JSON reader and writer against `serde_json`, and heads in both forms against themselves.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, NoFields, encode_head};
use rocketmq_engine::wire::json::{Kind, Limits, Value, Writer};
use serde_json::Value as Oracle;
use std::collections::BTreeMap;

use crate::recorded::ext_of;

/// Any text, with more of what has to be escaped than chance would give.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_$%.@-]{0,12}",
        any::<String>(),
        "[\u{0}-\u{20}\"\\\\/\u{7f}-\u{a0}\u{2028}\u{2029}\u{10000}\u{ffff}]{0,8}",
    ]
}

fn document() -> impl Strategy<Value = Oracle> {
    let leaf = prop_oneof![
        Just(Oracle::Null),
        any::<bool>().prop_map(Oracle::from),
        any::<i64>().prop_map(Oracle::from),
        any::<u64>().prop_map(Oracle::from),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| Oracle::from(number))),
        text().prop_map(Oracle::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Oracle::from),
            btree_map(text(), inner, 0..6).prop_map(|map| Oracle::Object(map.into_iter().collect())),
        ]
    })
}

/// Our tree says what the oracle's does. Of equal keys the last counts, for both.
fn same(ours: &Value<'_>, oracle: &Oracle) -> bool {
    match (ours.kind(), oracle) {
        (Kind::Null, Oracle::Null) => true,
        (Kind::Bool(a), Oracle::Bool(b)) => a == b,
        (Kind::String(a), Oracle::String(b)) => *a == **b,
        (Kind::Number(raw), Oracle::Number(number)) => match number.as_i64() {
            Some(whole) => raw.parse() == Ok(whole),
            None => number.as_f64().zip(raw.parse::<f64>().ok()).is_some_and(|(a, b)| {
                // The oracle reads fractions fast, not to the last bit.
                (a - b).abs() <= a.abs() * 1e-14
            }),
        },
        (Kind::Array(a), Oracle::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Kind::Object(members), Oracle::Object(map)) => {
            members.iter().all(|(key, _)| key.as_text().is_some_and(|key| map.contains_key(&*key.as_str())))
                && map.iter().all(|(key, value)| ours.get(key).is_some_and(|ours| same(ours, value)))
        }
        _ => false,
    }
}

/// References are resolved by our reader: the oracle does not know them.
fn has_reference(oracle: &Oracle) -> bool {
    match oracle {
        Oracle::Array(items) => items.iter().any(has_reference),
        Oracle::Object(map) => map.contains_key("$ref") || map.values().any(has_reference),
        _ => false,
    }
}

fn write(oracle: &Oracle, out: &mut Writer) {
    match oracle {
        Oracle::Null => out.raw("null"),
        Oracle::Bool(value) => out.boolean(*value),
        Oracle::Number(number) => match number.as_i64() {
            Some(whole) => out.int(whole),
            None => out.double(number.as_f64().unwrap()),
        },
        Oracle::String(text) => out.string(text),
        Oracle::Array(items) => out.array(|out| items.iter().for_each(|item| write(item, out.item()))),
        Oracle::Object(map) => {
            out.object(|out| map.iter().for_each(|(key, value)| write(value, out.member(key))));
        }
    }
}

fn parsed(text: &[u8]) -> Option<Value<'_>> {
    Value::parse(text, &Limits::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_another_writer_writes_is_read(document in document(), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) };
        let text = text.unwrap();
        let ours = parsed(&text);
        prop_assert!(has_reference(&document) || ours.is_some_and(|ours| same(&ours, &document)));
    }

    #[test]
    fn what_we_write_another_reader_reads(document in document()) {
        let mut out = Writer::new();
        write(&document, &mut out);
        let text = out.finish();
        let oracle: Oracle = serde_json::from_slice(&text).unwrap();
        prop_assert!(has_reference(&document) || same(&parsed(&text).unwrap(), &oracle));
        // Whole numbers over 64 bits are written as Java's doubles: compared above, not here.
        let strings = |oracle: &Oracle| oracle.to_string().matches('"').count();
        prop_assert_eq!(strings(&oracle), strings(&document));
    }

    /// The strict language is a part of ours: damaged text the oracle still reads we read too, and alike.
    #[test]
    fn damaged_text_is_read_by_both_or_refused_by_the_oracle(
        document in document(),
        damage in vec((any::<prop::sample::Index>(), "[ \"\\\\\\[\\]{}:,0-9a-fu.eE+-]"), 1..4),
    ) {
        let mut text = serde_json::to_string(&document).unwrap();
        for (at, with) in damage {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[at.index(places.len())];
            let len = text[at..].chars().next().unwrap().len_utf8();
            text.replace_range(at..at + len, &with);
        }
        if let Ok(oracle) = serde_json::from_str::<Oracle>(&text) {
            let ours = parsed(text.as_bytes());
            prop_assert!(has_reference(&oracle) || ours.is_some_and(|ours| same(&ours, &oracle)), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), json: bool) {
        let serialize = if json { SerializeType::Json } else { SerializeType::Rocketmq };
        if let Ok(head) = Head::parse(serialize, &bytes) {
            let _ = (ext_of(&head.ext), format!("{head:?}"));
        }
        let _ = parsed(&bytes);
    }
}

#[derive(Clone, Debug)]
struct Command {
    numbers: (i16, i16, i32, i32),
    language: u8,
    remark: Option<String>,
    ext: Option<BTreeMap<String, String>>,
}

prop_compose! {
    fn command()(
        numbers in any::<(i16, i16, i32, i32)>(),
        language in 0..14_u8,
        remark in prop::option::of(text()),
        ext in prop::option::of(btree_map(text(), text(), 0..9)),
    ) -> Command {
        Command { numbers, language, remark, ext }
    }
}

impl Command {
    fn encoded(&self, serialize: SerializeType) -> Vec<u8> {
        let (code, version, opaque, flag) = self.numbers;
        let spec = HeadSpec {
            code: code.into(),
            language: LanguageCode(self.language),
            version: Version(version.into()),
            opaque,
            flag: Flag(flag),
            remark: self.remark.as_deref(),
        };
        let mut out = Vec::new();
        match &self.ext {
            None => encode_head(&mut out, serialize, &spec, &NoFields, 0).unwrap(),
            Some(ext) => {
                let list: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (&**key, &**value)).collect();
                encode_head(&mut out, serialize, &spec, &FieldList(&list), 0).unwrap();
            }
        }
        out.split_off(8)
    }

    /// What comes back: the binary form has no empty texts.
    fn expected(&self, serialize: SerializeType) -> (Option<String>, BTreeMap<String, String>) {
        let json = serialize == SerializeType::Json;
        let ext = self.ext.clone().unwrap_or_default().into_iter();
        let ext = ext.filter(|(key, value)| json || !(key.is_empty() || value.is_empty()));
        (self.remark.clone().filter(|remark| json || !remark.is_empty()), ext.collect())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn heads_round_trip_in_both_forms(command in command()) {
        for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
            let bytes = command.encoded(serialize);
            let head = Head::parse(serialize, &bytes).unwrap();
            let (code, version, opaque, flag) = command.numbers;
            prop_assert_eq!((head.code, head.version.0), (i32::from(code), i32::from(version)));
            prop_assert_eq!((head.opaque, head.flag.0), (opaque, flag));
            prop_assert_eq!(head.language, Some(LanguageCode(command.language)));
            let (remark, ext) = command.expected(serialize);
            prop_assert_eq!(head.remark.map(|remark| remark.to_string()), remark);
            prop_assert_eq!(ext_of(&head.ext), ext);
        }
    }

    #[test]
    fn a_json_head_is_json(command in command()) {
        let bytes = command.encoded(SerializeType::Json);
        let oracle: Oracle = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(oracle["code"].as_i64(), Some(command.numbers.0.into()));
        prop_assert_eq!(oracle["remark"].as_str(), command.remark.as_deref());
        let ext = oracle.get("extFields").map(|ext| {
            ext.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().into())).collect()
        });
        prop_assert_eq!(ext, command.ext);
    }

    #[test]
    fn damaged_heads_are_read_or_refused(
        command in command(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
            let mut bytes = command.encoded(serialize);
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(head) = Head::parse(serialize, bytes) {
                    // What was accepted can be read to its end.
                    prop_assert!(head.ext.iter().count() <= bytes.len());
                    let _ = format!("{head:?}");
                }
            }
        }
    }
}

#[test]
fn doubles_are_written_as_java_writes_them() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.5, "0.5"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.000_999, "9.99E-4"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (-1.25e-7, "-1.25E-7"),
        (0.016_655_285_554_870_84, "0.01665528555487084"),
        (f64::NAN, "null"),
        (f64::INFINITY, "null"),
    ];
    for (value, expected) in cases {
        let mut out = Writer::new();
        out.double(value);
        assert_eq!(str::from_utf8(&out.finish()), Ok(expected));
    }
}

/// Characters beyond the first plane are escaped as pairs; half a pair is no character.
#[test]
fn pairs_of_escapes_are_one_character() {
    let read = |escaped: &str| {
        let json = format!("\"{escaped}\"");
        let value = Value::parse(json.as_bytes(), &Limits::default()).expect("well-formed");
        let text = value.as_text().expect("a text");
        assert_eq!(format!("{text:?}"), format!("{:?}", text.as_str()));
        (text.as_str().into_owned(), text.to_string())
    };
    for (escaped, plain) in [
        ("\\ud83d\\ude00!", "\u{1f600}!"),
        ("\\ud800\\udc00", "\u{10000}"),
        ("\\uDBFF\\uDFFF", "\u{10ffff}"),
        ("\\ud83dx", "\u{fffd}x"),
        ("\\ude00x", "\u{fffd}x"),
        ("\\ud83d\\ud83d\\ude00", "\u{fffd}\u{1f600}"),
        ("\\ud83d\\n", "\u{fffd}\n"),
    ] {
        assert_eq!(read(escaped), (plain.to_owned(), plain.to_owned()), "{escaped}");
    }
}
