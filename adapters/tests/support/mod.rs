//! A name server and broker in one, of a few lines: it knows every topic, numbers what it is sent, and says yes to
//! heartbeats. For what the adapters themselves have to do; a faithful cluster is the testkit's business.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

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

    /// From now on sends are read and not answered.
    pub(crate) fn mute(&self, mute: bool) {
        self.state.mute.store(mute, SeqCst);
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
        }
        have.drain(..done);
        if !out.is_empty() && stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

fn answer(head: &Head<'_>, prefix: Prefix, address: SocketAddr, state: &State, out: &mut Vec<u8>) {
    let code = head.request_code();
    if code == RequestCode::GET_ROUTEINFO_BY_TOPIC {
        let route = TopicRouteData {
            queue_datas: vec![QueueData {
                broker_name: "responder".into(),
                perm: 6,
                read_queue_nums: 4,
                topic_sys_flag: 0,
                write_queue_nums: 4,
            }],
            broker_datas: vec![BrokerData {
                broker_addrs: BTreeMap::from([(0, address.to_string())]),
                broker_name: "responder".into(),
                cluster: "test".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        return put(out, head, prefix, ResponseCode::SUCCESS, &NoFields, &route.encode());
    }
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
