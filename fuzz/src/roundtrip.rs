//! Values made of the bytes: what is written of them is read as it was.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rocketmq_engine::wire::body::{
    BrokerData, ConsumerData, HeartbeatData, ProducerData, QueueData, SubscriptionData, TopicRouteData,
};
use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::fields::{
    Parts, PullMessageRequest, PullMessageResponse, SendMessageResponse, SendMessageV2Request,
    UpdateConsumerOffsetRequest,
};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{DecodeFields, EncodeFields, Flag, Head, HeadSpec, encode_head};
use rocketmq_engine::wire::message::{
    BatchEntry, Properties, StoredFields, SysFlag, WalkLimits, batch, encode_batch, encode_stored, walk,
};

use super::input::Input;

/// One value of a kind the first byte chooses.
pub fn roundtrip(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 8 {
        0 => stored(&mut input),
        1 => entries(&mut input),
        2 => route(&mut input),
        3 => heartbeat(&mut input),
        4 => fields(&mut input, send),
        5 => fields(&mut input, pull),
        6 => fields(&mut input, |input| UpdateConsumerOffsetRequest {
            broker_name: some_text(input),
            commit_offset: input.i64(),
            consumer_group: input.text().into(),
            queue_id: input.i32(),
            topic: input.text().into(),
        }),
        _ => answers(&mut input),
    }
}

fn some_text<'a>(input: &mut Input<'a>) -> Option<std::borrow::Cow<'a, str>> {
    input.flag().then(|| input.text().into())
}

fn send<'a>(input: &mut Input<'a>) -> SendMessageV2Request<'a> {
    SendMessageV2Request {
        producer_group: input.text().into(),
        topic: input.text().into(),
        default_topic: input.text().into(),
        default_topic_queue_nums: input.i32(),
        queue_id: input.i32(),
        sys_flag: input.i32(),
        born_timestamp: input.i64(),
        flag: input.i32(),
        properties: some_text(input).map(Parts::Whole),
        reconsume_times: input.flag().then(|| input.i32()),
        unit_mode: input.flag().then(|| input.flag()),
        max_reconsume_times: input.flag().then(|| input.i32()),
        batch: input.flag().then(|| input.flag()),
        broker_name: some_text(input),
    }
}

fn pull<'a>(input: &mut Input<'a>) -> PullMessageRequest<'a> {
    PullMessageRequest {
        broker_name: some_text(input),
        commit_offset: input.i64(),
        consumer_group: input.text().into(),
        expression_type: some_text(input),
        lite_topic: some_text(input),
        max_msg_bytes: input.flag().then(|| input.i32()),
        max_msg_nums: input.i32(),
        proxy_forward_client_id: some_text(input),
        queue_id: input.i32(),
        queue_offset: input.i64(),
        request_source: input.flag().then(|| input.i32()),
        sub_version: input.i64(),
        subscription: some_text(input),
        suspend_timeout_millis: input.i64(),
        sys_flag: input.i32(),
        topic: input.text().into(),
    }
}

fn answers(input: &mut Input<'_>) {
    if input.flag() {
        fields(input, |input| PullMessageResponse {
            forbidden_type: input.flag().then(|| input.i32()),
            group_sys_flag: input.flag().then(|| input.i32()),
            max_offset: input.i64(),
            min_offset: input.i64(),
            next_begin_offset: input.i64(),
            offset_delta: input.flag().then(|| input.i64()),
            suggest_which_broker_id: input.i64(),
            topic_sys_flag: input.flag().then(|| input.i32()),
        });
    } else {
        fields(input, |input| SendMessageResponse {
            batch_uniq_id: some_text(input),
            msg_id: input.text().into(),
            queue_id: input.i32(),
            queue_offset: input.i64(),
            recall_handle: some_text(input),
            transaction_id: some_text(input),
        });
    }
}

/// A head with these fields, in both forms.
fn fields<'a, T>(input: &mut Input<'a>, make: impl FnOnce(&mut Input<'a>) -> T)
where
    T: EncodeFields + for<'x> DecodeAs<'x> + std::fmt::Debug,
{
    let remark = some_text(input);
    let spec = HeadSpec {
        code: i32::from(input.u16() as i16),
        language: LanguageCode(input.byte() % 14),
        version: Version(i32::from(input.u16() >> 1)),
        opaque: input.i32(),
        flag: Flag(input.i32()),
        remark: remark.as_deref(),
    };
    let body = if input.flag() { input.short() } else { &[] };
    let value = make(input);
    for form in [SerializeType::Json, SerializeType::Rocketmq] {
        let mut frame = Vec::new();
        encode_head(&mut frame, form, &spec, &value, body.len()).expect("short enough");
        frame.extend_from_slice(body);
        let prefix = Prefix::parse(&frame, &FrameLimits::default()).expect("a frame").expect("a whole one");
        assert_eq!((prefix.frame_len, &frame[prefix.body_range()]), (frame.len(), body));
        let head = Head::parse(form, &frame[prefix.head_range()]).expect("our own head");
        assert_eq!(
            (head.code, head.version, head.opaque, head.flag),
            (spec.code, spec.version, spec.opaque, spec.flag)
        );
        let (written, read) = (format!("{value:?}"), T::read(&head));
        match form {
            SerializeType::Json => {
                assert_eq!(head.remark.map(|text| text.as_str()), remark);
                assert_eq!(read.as_ref(), Some(&written));
            }
            // An empty text is none in this form: a required one is then missing.
            SerializeType::Rocketmq if !written.contains("\"\"") => assert_eq!(read, Some(written)),
            SerializeType::Rocketmq => {}
        }
    }
}

/// The same fields, read from any head; as text, since what is read borrows from it.
trait DecodeAs<'x> {
    fn read(head: &Head<'x>) -> Option<String>;
}

macro_rules! decode_as {
    ($($type:ident $(<$life:lifetime>)?),*) => { $(
        impl<'x $(, $life)?> DecodeAs<'x> for $type $(<$life>)? {
            fn read(head: &Head<'x>) -> Option<String> {
                decode_as!(@read head $type $($life)?)
            }
        }
    )* };
    (@read $head:ident $type:ident $life:lifetime) => { shown::<$type<'x>>($head) };
    (@read $head:ident $type:ident) => { shown::<$type>($head) };
}

decode_as!(SendMessageV2Request<'a>, PullMessageRequest<'a>, UpdateConsumerOffsetRequest<'a>);
decode_as!(PullMessageResponse, SendMessageResponse<'a>);

fn shown<'x, T: DecodeFields<'x> + std::fmt::Debug>(head: &Head<'x>) -> Option<String> {
    head.fields::<T>().ok().map(|fields| format!("{fields:?}"))
}

fn host(input: &mut Input<'_>) -> SocketAddr {
    let (v6, port) = (input.flag(), input.u16());
    if v6 {
        let mut ip = [0; 16];
        input.bytes(16).iter().zip(&mut ip).for_each(|(from, to)| *to = *from);
        (ip, port).into()
    } else {
        (input.u32().to_be_bytes(), port).into()
    }
}

fn stored(input: &mut Input<'_>) {
    let mut body = Vec::new();
    let mut written = Vec::new();
    while !input.is_empty() && written.len() < 8 {
        let fields = StoredFields {
            queue_id: input.i32(),
            flag: input.i32(),
            queue_offset: input.i64(),
            physical_offset: input.i64(),
            sys_flag: SysFlag(input.i32() & !(SysFlag::COMPRESSED | SysFlag::INNER_BATCH)),
            born_timestamp: input.i64(),
            born_host: host(input),
            store_timestamp: input.i64(),
            store_host: host(input),
            reconsume_times: input.i32(),
            prepared_transaction_offset: input.i64(),
            body: input.short(),
            topic: input.text(),
            properties: input.text(),
        };
        encode_stored(&mut body, &fields).expect("short enough");
        written.push(fields);
    }
    let body = Bytes::from(body);
    let read = walk(&body, true, &WalkLimits::default());
    assert_eq!((read.len(), read.poison()), (written.len(), &[][..]));
    let mut again = Vec::new();
    for (view, fields) in read.iter().zip(&written) {
        assert_eq!((view.topic(), view.body()), (fields.topic, fields.body));
        assert_eq!((view.born_host(), view.store_host()), (fields.born_host, fields.store_host));
        assert_eq!((view.queue_offset(), view.queue_id()), (fields.queue_offset, fields.queue_id));
        assert_eq!((view.flag(), view.physical_offset()), (fields.flag, fields.physical_offset));
        let copy = StoredFields {
            sys_flag: view.sys_flag(),
            born_timestamp: view.born_timestamp(),
            store_timestamp: view.store_timestamp(),
            reconsume_times: view.reconsume_times(),
            prepared_transaction_offset: view.prepared_transaction_offset(),
            properties: view.properties().as_str(),
            ..*fields
        };
        encode_stored(&mut again, &copy).expect("short enough");
    }
    assert_eq!(again, body);
}

fn entries(input: &mut Input<'_>) {
    let mut all = Vec::new();
    while !input.is_empty() && all.len() < 16 {
        all.push(BatchEntry { flag: input.i32(), body: input.short(), properties: input.text() });
    }
    let body = encode_batch(all.iter().copied()).expect("short enough");
    assert!(batch::entries(&body).map(|entry| entry.expect("just written")).eq(all.iter().copied()));
    let _ = all.iter().map(|entry| Properties::new(entry.properties).iter().count()).sum::<usize>();
}

fn route(input: &mut Input<'_>) {
    let mut route =
        TopicRouteData { order_topic_conf: some_text(input).map(Into::into), ..TopicRouteData::default() };
    for _ in 0..input.byte() % 5 {
        route.queue_datas.push(QueueData {
            broker_name: input.text().into(),
            perm: u32::from(input.byte()),
            read_queue_nums: u32::from(input.u16()),
            topic_sys_flag: input.i32(),
            write_queue_nums: u32::from(input.u16()),
        });
        let mut broker_addrs = BTreeMap::new();
        for _ in 0..input.byte() % 4 {
            broker_addrs.insert(input.i64(), input.text().into());
        }
        route.broker_datas.push(BrokerData {
            broker_addrs,
            broker_name: input.text().into(),
            cluster: input.text().into(),
            enable_acting_master: input.flag(),
            zone_name: some_text(input).map(Into::into),
        });
    }
    assert_eq!(TopicRouteData::decode(&route.encode()).as_ref(), Ok(&route));
}

fn heartbeat(input: &mut Input<'_>) {
    let mut heartbeat = HeartbeatData {
        client_id: input.text().into(),
        heartbeat_fingerprint: input.i32(),
        without_sub: input.flag(),
        ..HeartbeatData::default()
    };
    for _ in 0..input.byte() % 4 {
        heartbeat.producer_data_set.push(ProducerData { group_name: input.text().into() });
        let mut consumer = ConsumerData {
            consume_from_where: input.text().into(),
            consume_type: input.text().into(),
            group_name: input.text().into(),
            message_model: input.text().into(),
            subscription_data_set: Vec::new(),
            unit_mode: input.flag(),
        };
        for _ in 0..input.byte() % 4 {
            consumer.subscription_data_set.push(SubscriptionData {
                class_filter_mode: input.flag(),
                code_set: (0..input.byte() % 4).map(|_| input.i32()).collect(),
                expression_type: input.text().into(),
                sub_string: input.text().into(),
                sub_version: input.i64(),
                tags_set: (0..input.byte() % 4).map(|_| input.text().into()).collect(),
                topic: input.text().into(),
            });
        }
        heartbeat.consumer_data_set.push(consumer);
    }
    assert_eq!(HeartbeatData::decode(&heartbeat.encode()).as_ref(), Ok(&heartbeat));
}
