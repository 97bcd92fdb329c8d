//! Values: time, frames, heads, tags, ids, JSON text.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameError, FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, MAX_EXT_FIELDS, encode_head};
use rocketmq_engine::wire::json::{Kind, Limits, Value, Writer, write_int, write_string};
use rocketmq_engine::wire::message::names::{DelayLevels, MAX_GROUP, MAX_TOPIC, check_group, check_topic};
use rocketmq_engine::wire::message::{Properties, UniqueId, UniqueIdGenerator, string_hash, tag_code};
use rocketmq_engine::{Instant, TagFilter};

fn form() -> impl Strategy<Value = SerializeType> {
    prop_oneof![Just(SerializeType::Json), Just(SerializeType::Rocketmq)]
}

fn spec(code: i32, opaque: i32, flag: i32, remark: Option<&str>) -> HeadSpec<'_> {
    HeadSpec {
        code,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque,
        flag: Flag(flag),
        remark,
    }
}

/// JSON as a model: what is written of it has to be read as it was.
#[derive(Clone, Debug)]
enum Json {
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        "[ -~\u{0}-\u{1f}ä\u{1f600}]{0,12}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..6)
                .prop_map(|map| Json::Map(map.into_iter().collect())),
        ]
    })
}

fn write(value: &Json, out: &mut Writer) {
    match value {
        Json::Bool(value) => out.boolean(*value),
        Json::Int(value) => out.int(*value),
        Json::Text(value) => out.string(value),
        Json::List(items) => out.array(|out| items.iter().for_each(|item| write(item, out.item()))),
        Json::Map(members) => out.object(|out| {
            for (name, value) in members {
                write(value, out.member(name));
            }
        }),
    }
}

fn reads(model: &Json, read: &Value<'_>) -> bool {
    match (model, read.kind()) {
        (Json::Bool(a), Kind::Bool(b)) => a == b,
        (Json::Int(a), Kind::Number(_)) => read.to_i64() == Some(*a),
        (Json::Text(a), Kind::String(b)) => *b == **a,
        (Json::List(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| reads(a, b)),
        (Json::Map(a), Kind::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| read.get(name).is_some_and(|b| reads(a, b)))
        }
        _ => false,
    }
}

proptest! {
    // ---- time ----------------------------------------------------------------------------------------------

    #[test]
    fn times_add_up_to_the_end_of_time_and_no_further(at: u64, nanos: u64, seconds: u64) {
        for duration in [Duration::from_nanos(nanos), Duration::from_secs(seconds)] {
            let sum = u128::from(at) + duration.as_nanos();
            let later = Instant::from_nanos(at) + duration;
            prop_assert_eq!(u128::from(later.as_nanos()), sum.min(u128::from(u64::MAX)));
            prop_assert!(later - Instant::from_nanos(at) <= duration);
        }
    }

    #[test]
    fn a_difference_of_times_is_never_negative(a: u64, b: u64) {
        let (x, y) = (Instant::from_nanos(a), Instant::from_nanos(b));
        prop_assert_eq!(x - y, Duration::from_nanos(a.saturating_sub(b)));
        prop_assert_eq!(x < y, a < b);
    }

    // ---- frames and heads ----------------------------------------------------------------------------------

    #[test]
    fn the_first_eight_bytes_are_judged_by_the_rules(length: i32, kind in 0..4_u8, head in 0..0x100_0000_u32, max_frame in 8..200_000_usize, max_head in 0..200_000_usize, small: bool) {
        let length = if small { length % 1000 } else { length };
        let head = if small { head % 1000 } else { head };
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(&((u32::from(kind) << 24) | head).to_be_bytes());
        let (head, limits) = (head as usize, FrameLimits { max_frame, max_head });
        let parsed = Prefix::parse(&bytes, &limits);
        let fits = length >= 4 && length as usize + 4 <= max_frame && kind < 2 && head <= length as usize - 4 && head <= max_head;
        match parsed {
            Ok(Some(prefix)) => {
                prop_assert!(fits);
                prop_assert_eq!((prefix.frame_len, prefix.head_len), (length as usize + 4, head));
                prop_assert_eq!(prefix.body_len(), prefix.body_range().len());
            }
            Ok(None) => prop_assert!(false, "eight bytes are enough"),
            Err(FrameError::TooShort { .. }) => prop_assert!(length < 4),
            Err(FrameError::TooLong { .. }) => prop_assert!(length as usize + 4 > max_frame),
            Err(_) => prop_assert!(!fits),
        }
        for few in 0..4 {
            prop_assert_eq!(Prefix::parse(&bytes[..few], &limits), Ok(None));
        }
    }

    #[test]
    fn fields_are_read_as_they_were_written(
        form in form(),
        fields in prop::collection::btree_map("[a-zA-Z_ä]{1,9}", "[ -~\u{1}\u{2}\n\"\\\\ä\u{1f600}]{1,30}", 0..20),
        remark in prop::option::of("[ -~\u{0}-\u{1f}é]{1,40}"),
        code: i16, opaque: i32, flag: i32,
    ) {
        let list: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (&**key, &**value)).collect();
        let mut out = Vec::new();
        encode_head(&mut out, form, &spec(code.into(), opaque, flag, remark.as_deref()), &FieldList(&list), 0).expect("fits");
        let head = Head::parse(form, &out[Prefix::LEN..]).expect("our own");
        prop_assert_eq!((head.code, head.opaque, head.flag), (i32::from(code), opaque, Flag(flag)));
        prop_assert_eq!(head.remark.map(|text| text.as_str().into_owned()), remark);
        let read: Vec<(String, String)> = head.ext.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect();
        prop_assert_eq!(read, fields.clone().into_iter().collect::<Vec<_>>());
        for (key, value) in &fields {
            prop_assert!(head.ext.get(key).is_some_and(|found| found == value.as_str()));
        }
    }

    #[test]
    fn a_field_twice_is_found_wherever_it_stands(form in form(), keys in prop::collection::btree_set("[a-c]{1,4}", 1..40), which: prop::sample::Index, at: prop::sample::Index) {
        let mut list: Vec<&str> = keys.iter().map(String::as_str).collect();
        let twice = list[which.index(list.len())];
        list.insert(at.index(list.len() + 1), twice);
        let values: Vec<String> = (0..list.len()).map(|n| n.to_string()).collect();
        let list: Vec<(&str, &str)> = list.into_iter().zip(values.iter().map(String::as_str)).collect();
        let mut out = Vec::new();
        encode_head(&mut out, form, &spec(1, 2, 0, None), &FieldList(&list), 0).expect("fits");
        prop_assert!(Head::parse(form, &out[Prefix::LEN..]).is_err(), "{:?}", list);
    }

    #[test]
    fn a_head_has_so_many_fields_and_no_more(form in form(), count in MAX_EXT_FIELDS - 2..MAX_EXT_FIELDS + 3) {
        let keys: Vec<String> = (0..count).map(|n| format!("k{n:04}")).collect();
        let list: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "v")).collect();
        let mut out = Vec::new();
        encode_head(&mut out, form, &spec(1, 2, 0, None), &FieldList(&list), 0).expect("fits");
        prop_assert_eq!(Head::parse(form, &out[Prefix::LEN..]).is_ok(), count <= MAX_EXT_FIELDS);
    }

    #[test]
    fn a_cut_head_is_refused_and_says_where(form in form(), value in "[a-z]{1,30}", cut: prop::sample::Index) {
        let mut out = Vec::new();
        encode_head(&mut out, form, &spec(1, 2, 0, Some("words")), &FieldList(&[("a", &value), ("b", "c")]), 0).expect("fits");
        let head = &out[Prefix::LEN..];
        let cut = cut.index(head.len());
        prop_assert!(Head::parse(form, &head[..cut]).is_err());
    }

    #[test]
    fn codes_pass_through_with_or_without_a_name(code: i32) {
        let shown = RequestCode(code).to_string();
        prop_assert_eq!(RequestCode(code).name().is_some(), RequestCode::ALL.contains(&RequestCode(code)));
        prop_assert!(shown.contains(&code.to_string()));
        prop_assert!(ResponseCode(code).to_string().contains(&code.to_string()));
    }

    // ---- JSON ----------------------------------------------------------------------------------------------

    #[test]
    fn what_is_written_is_read_by_us_and_by_others(model in json()) {
        let mut out = Writer::new();
        write(&model, &mut out);
        let text = out.finish();
        let ours = Value::parse(&text, &Limits::default()).expect("our own text");
        prop_assert!(reads(&model, &ours), "{:?}", ours);
        let strict: serde_json::Value = serde_json::from_slice(&text).expect("standard JSON");
        let again = serde_json::to_vec(&strict).expect("JSON");
        prop_assert!(reads(&model, &Value::parse(&again, &Limits::default()).expect("standard JSON is read")));
    }

    #[test]
    fn numbers_and_texts_are_written_as_others_write_them(number: i64, text in "[ -~\u{0}-\u{1f}\u{7f}é\u{1f600}]{0,40}") {
        let (mut out, mut quoted) = (Vec::new(), Vec::new());
        write_int(&mut out, number);
        prop_assert_eq!(String::from_utf8(out).expect("digits"), number.to_string());
        write_string(&mut quoted, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&quoted).expect("a string"), text);
    }

    #[test]
    fn depth_and_count_are_limited_to_the_value(depth in 1..12_usize, max_depth in 0..12_usize, count in 0..20_usize, max_nodes in 1..22_usize) {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        let limits = Limits { max_depth, max_nodes: 1000 };
        prop_assert_eq!(Value::parse(deep.as_bytes(), &limits).is_ok(), depth <= max_depth + 1);
        let wide = format!("[{}]", vec!["1"; count].join(","));
        let limits = Limits { max_depth: 4, max_nodes };
        prop_assert_eq!(Value::parse(wide.as_bytes(), &limits).is_ok(), count < max_nodes);
    }

    // ---- tags and names ------------------------------------------------------------------------------------

    #[test]
    fn hashes_are_javas(text in "[ -~\u{e4}\u{1f600}]{0,30}") {
        let mut hash = 0_i64;
        for unit in text.encode_utf16() {
            hash = (hash * 31 + i64::from(unit)) & 0xffff_ffff;
        }
        prop_assert_eq!(string_hash(&text), hash as u32 as i32);
        prop_assert_eq!(tag_code(&text), i64::from(hash as u32 as i32));
    }

    #[test]
    fn a_filter_takes_exactly_its_tags(tags in prop::collection::vec("[a-c]{1,2}", 1..6), asked in prop::option::of("[a-c]{0,3}"), spaces in "[ ]{0,2}") {
        let text = tags.join(&format!("{spaces}||{spaces}"));
        let filter = TagFilter::parse(&text).expect("tags");
        prop_assert_eq!(filter.matches(asked.as_deref()), asked.as_ref().is_some_and(|asked| tags.contains(asked)));
        prop_assert!(!filter.is_all());
        for all in ["*", ""] {
            prop_assert!(TagFilter::parse(all).expect("everything").matches(asked.as_deref()));
        }
    }

    #[test]
    fn names_are_letters_digits_and_a_few_signs(name in "[a-zA-Z0-9_%|-]{0,140}", odd in "[ ./\\\\\u{0}\u{1}ä]") {
        prop_assert_eq!(check_topic(&name).is_ok(), (1..=MAX_TOPIC).contains(&name.len()));
        prop_assert_eq!(check_group(&name).is_ok(), (1..=MAX_GROUP).contains(&name.len()));
        let bad = format!("{name}{odd}");
        prop_assert!(check_topic(&bad).is_err() && check_group(&bad).is_err());
    }

    #[test]
    fn delay_levels_are_read_in_order(levels in prop::collection::vec((1..100_i64, prop::sample::select(vec![('s', 1_i64), ('m', 60), ('h', 3600), ('d', 86_400)])), 1..20)) {
        let text: Vec<String> = levels.iter().map(|(n, (unit, _))| format!("{n}{unit}")).collect();
        let read = DelayLevels::parse(&text.join(" ")).expect("levels");
        for (at, (n, (_, seconds))) in levels.iter().enumerate() {
            prop_assert_eq!(read.delay_ms(at as i32 + 1), Some(n * seconds * 1000));
        }
    }

    // ---- properties ----------------------------------------------------------------------------------------

    /// Names of few letters, alike from the front, and texts of all lengths: short ones are read otherwise than long.
    #[test]
    fn a_property_is_found_as_when_pairs_are_read_one_by_one(
        pairs in prop::collection::vec(("(aaaaaaaa)?[ab]{0,3}", "[abc\u{1}]{0,40}"), 0..12),
        junk in "[ab\u{1}\u{2}]{0,40}",
    ) {
        let pairs = pairs.iter().map(|(name, value)| format!("{name}\u{1}{value}\u{2}")).collect::<Vec<_>>().concat();
        for text in [format!("{pairs}{junk}"), format!("{junk}\u{2}{pairs}")] {
            let read: Vec<(&str, &str)> = text
                .split('\u{2}')
                .filter_map(|piece| piece.split_once('\u{1}'))
                .filter(|(name, value)| !name.is_empty() && !value.is_empty())
                .collect();
            let names = read.iter().map(|(name, _)| *name).chain(["a", "b", "aaaaaaaa", "aaaaaaaab", "a\u{1}b", ""]);
            for name in names {
                let last = read.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value);
                prop_assert_eq!(Properties::new(&text).get(name), last, "{:?} of {:?}", name, text);
            }
        }
    }

    // ---- unique ids ----------------------------------------------------------------------------------------

    #[test]
    fn ids_differ_whatever_the_clock_does(times in prop::collection::vec(prop_oneof![0..50_i64, 0..4_000_000_000_000_i64, any::<i64>()], 1..200), offset in -50_000..50_000_i32) {
        let mut ids = UniqueIdGenerator::new([10, 0, 0, 9].into(), 7, [1; 4], offset);
        let mut seen = BTreeSet::new();
        // A month back is another month to the reader of an id, and the same to its maker: months are told apart
        // by what makes them, so ids are compared within one.
        let mut newest = i64::MIN;
        for at in times {
            let month = |at: i64| at.clamp(-(1 << 53), 1 << 53) / (86_400_000 * 28);
            if month(at) > month(newest) {
                seen.clear();
                newest = at;
            }
            let id = ids.next(at);
            prop_assert!(seen.insert(id), "{} twice", id);
            prop_assert_eq!(id.to_string().parse::<UniqueId>(), Ok(id));
        }
    }

    #[test]
    fn an_id_says_when_it_was_made(at in 1_000_000_000_000..4_000_000_000_000_i64, later in 0..20 * 86_400_000_i64, offset in -50_000..50_000_i32) {
        let id = UniqueIdGenerator::new([10, 0, 0, 9].into(), 7, [1; 4], offset).next(at);
        prop_assert_eq!(id.made_at(at + later, offset), at);
    }
}
