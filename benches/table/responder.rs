//! The other end for cases 11 and 15: a name server and broker in one that stores nothing and answers at once.
//!
//! Sends are answered out of a template, so that its own work is small beside the clients'; everything else goes
//! through `wire`, as it is rare.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use rocketmq_engine::wire::body::route::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{Flag, Head, HeadSpec, NoFields, encode_head};

use crate::head;

/// Answers requests; one for each connection.
pub struct Responder {
    address: String,
    brokers: u16,
    queues: u32,
    json: Template,
    binary: Template,
}

/// The answer to a send, cut where the opaque is.
struct Template {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Responder {
    /// Names itself as the only broker, at this address.
    pub fn new(address: &str) -> Self {
        Self::with_brokers(address, 1, 4)
    }

    /// Names so many brokers, each with so many queues: the first at this address, the others at the ports above.
    pub fn with_brokers(address: &str, brokers: u16, queues: u32) -> Self {
        let json = head::answer(SerializeType::Json, 1_234_567_890, "123456");
        let at = json.windows(10).position(|part| part == b"1234567890").expect("the opaque");
        let binary = head::answer(SerializeType::Rocketmq, 0, "123456");
        Self {
            address: address.to_owned(),
            brokers,
            queues,
            json: Template { before: json[..at].to_vec(), after: json[at + 10..].to_vec() },
            // Behind prefix, code, language and version.
            binary: Template { before: binary[..13].to_vec(), after: binary[17..].to_vec() },
        }
    }

    /// Answers the whole frames at the front of `bytes`; how many bytes they took.
    pub fn answer(&self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let mut from = 0;
        while let Ok(Some(prefix)) = Prefix::parse(&bytes[from..], &FrameLimits::default()) {
            let Some(frame) = bytes[from..].get(..prefix.frame_len) else { break };
            let head = &frame[prefix.head_range()];
            match send_opaque(prefix.serialize, head) {
                Some(opaque) => self.acknowledge(prefix.serialize, opaque, out),
                None => self.other(prefix.serialize, head, out),
            }
            from += prefix.frame_len;
        }
        from
    }

    /// Appends the answer to a send.
    pub fn acknowledge(&self, serialize: SerializeType, opaque: i32, out: &mut Vec<u8>) {
        let start = out.len();
        if serialize == SerializeType::Rocketmq {
            out.extend_from_slice(&self.binary.before);
            out.extend_from_slice(&opaque.to_be_bytes());
            out.extend_from_slice(&self.binary.after);
            return;
        }
        out.extend_from_slice(&self.json.before);
        crate::floor::head::number(out, i64::from(opaque));
        out.extend_from_slice(&self.json.after);
        let head = (out.len() - start - 8) as u32;
        out[start..start + 4].copy_from_slice(&(head + 4).to_be_bytes());
        out[start + 4..start + 8].copy_from_slice(&head.to_be_bytes());
    }

    fn other(&self, serialize: SerializeType, head: &[u8], out: &mut Vec<u8>) {
        let head = Head::parse(serialize, head).expect("a client's head");
        if head.is_oneway() {
            return;
        }
        let (host, port) = self.address.rsplit_once(':').expect("an address");
        let port: u16 = port.parse().expect("a port");
        let name = |n: u16| if n == 0 { head::BROKER.to_owned() } else { format!("broker-{n}") };
        let queues = |n| QueueData {
            broker_name: name(n),
            perm: 6,
            read_queue_nums: self.queues,
            write_queue_nums: self.queues,
            topic_sys_flag: 0,
        };
        let broker = |n| BrokerData {
            broker_addrs: [(0, format!("{host}:{}", port + n))].into(),
            broker_name: name(n),
            cluster: "bench".into(),
            ..Default::default()
        };
        let route = TopicRouteData {
            queue_datas: (0..self.brokers).map(queues).collect(),
            broker_datas: (0..self.brokers).map(broker).collect(),
            ..Default::default()
        };
        let asked = head.request_code() == RequestCode::GET_ROUTEINFO_BY_TOPIC;
        let body = if asked { route.encode() } else { Vec::new() };
        let spec = HeadSpec {
            code: ResponseCode::SUCCESS.0,
            language: LanguageCode::JAVA,
            version: Version::V5_5_0,
            opaque: head.opaque,
            flag: Flag::RESPONSE,
            remark: None,
        };
        encode_head(out, serialize, &spec, &NoFields, body.len()).expect("a small head");
        out.extend_from_slice(&body);
    }
}

/// The opaque of a send, found where this crate's clients write it.
fn send_opaque(serialize: SerializeType, head: &[u8]) -> Option<i32> {
    if serialize == SerializeType::Rocketmq {
        let opaque = head.get(5..9)?.first_chunk()?;
        return head.starts_with(b"\x01\x36").then(|| i32::from_be_bytes(*opaque));
    }
    let rest = head.strip_prefix(b"{\"code\":310,")?;
    let rest = rest.strip_suffix(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":513}")?;
    let digits = rest.iter().rev().take_while(|byte| matches!(byte, b'-' | b'0'..=b'9')).count();
    let (before, digits) = rest.split_at(rest.len() - digits);
    if !before.ends_with(b"\"opaque\":") {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The responder as a process of its own, so that the client's CPU time is the client's.
pub struct Process {
    child: Child,
    pub address: String,
}

impl Process {
    pub fn start() -> Self {
        let this = env::current_exe().expect("this program");
        let mut child = Command::new(this)
            .arg("--responder")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program, again");
        let mut address = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut address).expect("its address");
        Self { child, address: address.trim().to_owned() }
    }
}

/// Runs something with this process and the responder on a core each, as if they were on two machines: left alone, a
/// scheduler now and then puts both on one, where an answer comes ten times sooner. Says so if it cannot be done.
pub fn apart<T>(responder: &Process, run: impl FnOnce() -> T) -> T {
    let pin = |cores: &str, process: u32| {
        let pinned = Command::new("taskset").args(["-a", "-c", "-p", cores, &process.to_string()]).output();
        pinned.is_ok_and(|output| output.status.success())
    };
    let (ours, theirs) = (std::process::id(), responder.child.id());
    let all = format!("0-{}", thread::available_parallelism().map_or(1, usize::from) - 1);
    if !(pin("0", ours) && pin("1", theirs)) {
        println!("without taskset and a second core: medians of one in flight are a matter of luck");
    }
    let result = run();
    pin(&all, ours);
    pin(&all, theirs);
    result
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `--responder`: serves until standard input ends, which it does with the bench.
pub fn serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    println!("{address}");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let responder = Responder::new(&address);
            thread::spawn(move || drop(converse(&responder, socket)));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn converse(responder: &Responder, mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 20];
    let (mut filled, mut out) = (0, Vec::new());
    loop {
        let read = socket.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let taken = responder.answer(&buffer[..filled], &mut out);
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
        socket.write_all(&out)?;
        out.clear();
    }
}
