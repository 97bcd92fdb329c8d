//! A name server and broker in one, of a few lines: it knows every topic, numbers what it is sent, and says yes to
//! heartbeats. For what the adapters themselves have to do; a faithful cluster is the testkit's business.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rocketmq_io::engine::wire::body::{BrokerData, QueueData, TopicRouteData};
use rocketmq_io::engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_io::engine::wire::fields::SendMessageResponse;
use rocketmq_io::engine::wire::frame::{FrameLimits, Prefix};
use rocketmq_io::engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, NoFields, encode_head};

#[derive(Debug, Default)]
struct State {
    offset: AtomicI64,
    sends: AtomicU64,
    /// Sends are read and not answered.
    mute: AtomicBool,
    /// Microseconds between two answers, each written alone; 0: all that were asked for together, at once.
    trickle: AtomicU64,
    /// From the next send on answers are written that nobody has asked for, as fast as they are taken.
    flood: AtomicBool,
    heartbeats: AtomicU64,
    /// Another broker, named in routes beside this one.
    other: Mutex<Option<SocketAddr>>,
    sockets: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

/// The server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Responder {
    address: SocketAddr,
    state: Arc<State>,
}

impl Responder {
    pub(crate) fn start() -> Self {
        Self::bind("127.0.0.1:0")
    }

    pub(crate) fn bind(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::<State>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(SeqCst) {
                    return;
                }
                let stream = stream.expect("accepted");
                shared.sockets.lock().expect("lock").push(stream.try_clone().expect("clone"));
                let state = shared.clone();
                thread::spawn(move || serve(stream, address, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn name_server(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn sends(&self) -> u64 {
        self.state.sends.load(SeqCst)
    }

    /// So many sends arrive in all. What a client has written may still be on its way when the client is gone.
    pub(crate) fn receives(&self, sends: u64) {
        self.receives_at_least(sends);
        assert_eq!(self.sends(), sends);
    }

    /// So many sends arrive before long.
    pub(crate) fn receives_at_least(&self, sends: u64) {
        let began = Instant::now();
        while self.sends() < sends {
            assert!(began.elapsed() < Duration::from_secs(10), "{} of {sends} sends", self.sends());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// From now on sends are read and not answered.
    pub(crate) fn mute(&self, mute: bool) {
        self.state.mute.store(mute, SeqCst);
    }

    /// From now on each answer is written alone, so long after the one before.
    pub(crate) fn trickle(&self, between: Duration) {
        self.state.trickle.store(between.as_micros() as u64, SeqCst);
    }

    /// From the next send on answers nobody has asked for are written as fast as they are taken.
    pub(crate) fn flood(&self) {
        self.state.flood.store(true, SeqCst);
    }

    pub(crate) fn heartbeats(&self) -> u64 {
        self.state.heartbeats.load(SeqCst)
    }

    /// Names another broker in routes, beside this one.
    pub(crate) fn beside(&self, other: &Responder) {
        *self.state.other.lock().expect("lock") = Some(other.address);
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        for socket in self.state.sockets.lock().expect("lock").drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.state.stopped.store(true, SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, address: SocketAddr, state: &State) {
    let _ = stream.set_nodelay(true);
    let (mut have, mut out, mut chunk) = (Vec::new(), Vec::new(), vec![0; 256 * 1024]);
    loop {
        let Ok(n @ 1..) = stream.read(&mut chunk) else { return };
        have.extend_from_slice(&chunk[..n]);
        let mut done = 0;
        while let Ok(Some(prefix)) = Prefix::parse(&have[done..], &FrameLimits::default()) {
            let Some(frame) = have[done..].get(..prefix.frame_len) else { break };
            let head = Head::parse(prefix.serialize, &frame[prefix.head_range()]).expect("a good head");
            answer(&head, prefix, address, state, &mut out);
            done += prefix.frame_len;
            let between = Duration::from_micros(state.trickle.load(SeqCst));
            if !between.is_zero() && !out.is_empty() {
                thread::sleep(between);
                if stream.write_all(&out).is_err() {
                    return;
                }
                out.clear();
            }
            if state.flood.load(SeqCst) && head.request_code() == RequestCode::SEND_MESSAGE_V2 {
                return pour(&stream, &head, prefix);
            }
        }
        have.drain(..done);
        if !out.is_empty() && stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

/// Writes answers nobody has asked for until the connection ends.
fn pour(mut stream: &TcpStream, asked: &Head<'_>, prefix: Prefix) {
    let mut out = Vec::new();
    while out.len() < 64 * 1024 {
        let other = Head { opaque: asked.opaque ^ 0x4000_0000, ..*asked };
        put(&mut out, &other, prefix, ResponseCode::SUCCESS, &NoFields, &[b'x'; 1000]);
    }
    while stream.write_all(&out).is_ok() {}
}

fn answer(head: &Head<'_>, prefix: Prefix, address: SocketAddr, state: &State, out: &mut Vec<u8>) {
    let code = head.request_code();
    if code == RequestCode::GET_ROUTEINFO_BY_TOPIC {
        let other = *state.other.lock().expect("lock");
        let brokers = [("responder", Some(address)), ("other", other)];
        let brokers = brokers.into_iter().filter_map(|(name, address)| Some((name, address?)));
        let route = TopicRouteData {
            queue_datas: brokers.clone().map(|(name, _)| queues(name)).collect(),
            broker_datas: brokers.map(|(name, address)| broker(name, address)).collect(),
            ..Default::default()
        };
        return put(out, head, prefix, ResponseCode::SUCCESS, &NoFields, &route.encode());
    }
    state.heartbeats.fetch_add(u64::from(code == RequestCode::HEART_BEAT), SeqCst);
    if code == RequestCode::SEND_MESSAGE_V2 {
        state.sends.fetch_add(1, SeqCst);
        if head.is_oneway() || state.mute.load(SeqCst) {
            return;
        }
        let fields = SendMessageResponse {
            batch_uniq_id: None,
            msg_id: "7F00000100002A9F0000000000000001".into(),
            queue_id: 0,
            queue_offset: state.offset.fetch_add(1, SeqCst),
            recall_handle: None,
            transaction_id: None,
        };
        return put(out, head, prefix, ResponseCode::SUCCESS, &fields, b"");
    }
    if !head.is_oneway() {
        put(out, head, prefix, ResponseCode::SUCCESS, &NoFields, b"");
    }
}

fn queues(broker: &str) -> QueueData {
    QueueData {
        broker_name: broker.into(),
        perm: 6,
        read_queue_nums: 4,
        topic_sys_flag: 0,
        write_queue_nums: 4,
    }
}

fn broker(name: &str, address: SocketAddr) -> BrokerData {
    BrokerData {
        broker_addrs: BTreeMap::from([(0, address.to_string())]),
        broker_name: name.into(),
        cluster: "test".into(),
        ..Default::default()
    }
}

fn put<F: EncodeFields>(
    out: &mut Vec<u8>,
    asked: &Head<'_>,
    prefix: Prefix,
    code: ResponseCode,
    fields: &F,
    body: &[u8],
) {
    let spec = HeadSpec {
        code: code.0,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque: asked.opaque,
        flag: Flag::RESPONSE,
        remark: None,
    };
    encode_head(out, prefix.serialize, &spec, fields, body.len()).expect("an answer fits");
    out.extend_from_slice(body);
}
