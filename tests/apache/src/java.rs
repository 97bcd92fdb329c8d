//! The official producer and consumer, and `mqadmin`, as child processes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::jars::Version;
use crate::process::{Jvm, Program};
use crate::{Result, Trouble, wait_for};

const FLAGS: [&str; 1] = ["-Xmx160m"];
/// Longest wait for an answer of a driver; a loaded machine needs seconds for a JVM to start.
const PATIENCE: Duration = Duration::from_secs(60);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Starts the official client against one cluster.
#[derive(Debug)]
pub struct Java<'a> {
    pub(crate) class_path: &'a str,
    pub(crate) home: &'a Path,
    pub(crate) name_server: String,
    pub(crate) version: Version,
}

/// One send (of one message, or of a batch) by the Java producer.
#[derive(Clone, Debug)]
pub struct Produced {
    /// Unique ids, one a message, separated by commas.
    pub msg_id: String,
    /// Offset ids, one a message, separated by commas.
    pub offset_msg_id: String,
    /// `SEND_OK` ...
    pub status: String,
    /// Queue.
    pub queue: u32,
    /// Offset of the first message.
    pub offset: i64,
    /// CRC-32 of the first message's body.
    pub crc: u32,
}

/// One message as the Java consumer saw it.
#[derive(Clone, Debug)]
pub struct Received {
    /// What Java calls the message id.
    pub msg_id: String,
    /// Broker.
    pub broker: String,
    /// Queue.
    pub queue: u32,
    /// Offset in its queue.
    pub offset: i64,
    /// Stored system flag (compression and more).
    pub sys_flag: i32,
    /// How often it was consumed before.
    pub reconsume: u32,
    /// Bytes of the body after decompression.
    pub size: usize,
    /// CRC-32 of the body after decompression.
    pub crc: u32,
    /// Tag.
    pub tags: Option<String>,
    /// Keys.
    pub keys: Option<String>,
    /// All properties.
    pub properties: Value,
}

impl Java<'_> {
    /// Sends `count` messages to `topic`; `options` as [`Driver.java`](../../java/Driver.java) lists them.
    pub fn produce(&self, topic: &str, count: usize, options: &[(&str, &str)]) -> Result<Vec<Produced>> {
        let count = count.to_string();
        let mut all = vec![("topic", topic), ("count", &count)];
        all.extend_from_slice(options);
        let (mut jvm, home) = self.start("Driver", "produce", &all)?;
        let lines = Lines::follow(&mut jvm)?;
        jvm.wait().map_err(|trouble| explain(&trouble, &home))?;
        lines.finish();
        Ok(lines.take().iter().map(Produced::read).collect())
    }

    /// A push consumer that joins `group` and is registered at the broker when this returns.
    pub fn consume(&self, topic: &str, group: &str, options: &[(&str, &str)]) -> Result<JavaConsumer> {
        let mut all = vec![("topic", topic), ("group", group)];
        all.extend_from_slice(options);
        let (mut jvm, home) = self.start("Driver", "consume", &all)?;
        let lines = Lines::follow(&mut jvm)?;
        let mut consumer = JavaConsumer { jvm, lines, home, client_id: String::new() };
        consumer.client_id = consumer.answer("client_id")?;
        Ok(consumer)
    }

    /// Runs a class of ours to its end, with flags of its own JVM beside the common ones; what it printed.
    pub fn run(&self, main: &str, what: &str, flags: &[&str], options: &[(&str, &str)]) -> Result<String> {
        let home = self.home(what);
        let mut command = vec![main.to_owned(), what.to_owned()];
        command.extend(options.iter().map(|(key, value)| format!("{key}={value}")));
        let program = Program { what, class_path: self.class_path, home: &home, flags, command };
        let mut jvm = Jvm::start(program, false)?;
        jvm.wait().map_err(|trouble| explain(&trouble, &home))?;
        Ok(fs::read_to_string(home.join("stdout.log"))?)
    }

    /// `mqadmin` with these arguments; what it printed.
    pub fn mqadmin(&self, arguments: &[&str]) -> Result<String> {
        let home = self.home(arguments.first().unwrap_or(&"mqadmin"));
        let mut command =
            vec!["Lifeline".to_owned(), "org.apache.rocketmq.tools.command.MQAdminStartup".to_owned()];
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        command.extend(["-n".to_owned(), self.name_server.clone()]);
        // The tools look for their log settings and for a key file where a distribution has them.
        fs::create_dir_all(home.join("conf"))?;
        fs::write(home.join("conf/logback_tools.xml"), "<configuration/>")?;
        let program =
            Program { what: "mqadmin", class_path: self.class_path, home: &home, flags: &FLAGS, command };
        let mut jvm = Jvm::start(program, false)?;
        jvm.wait().map_err(|trouble| explain(&trouble, &home))?;
        Ok(fs::read_to_string(home.join("stdout.log"))?)
    }

    /// What `mqadmin` shows of the message with this offset id.
    pub fn query_message(&self, topic: &str, offset_msg_id: &str) -> Result<String> {
        let mut arguments = vec!["queryMsgById", "-i", offset_msg_id];
        if self.version != Version::V4_9_7 {
            arguments.extend(["-t", topic]);
        }
        self.mqadmin(&arguments)
    }

    fn start(&self, main: &str, what: &str, options: &[(&str, &str)]) -> Result<(Jvm, PathBuf)> {
        let home = self.home(what);
        let mut command = vec![main.to_owned(), what.to_owned(), format!("ns={}", self.name_server)];
        command.extend(options.iter().map(|(key, value)| format!("{key}={value}")));
        let program = Program { what, class_path: self.class_path, home: &home, flags: &FLAGS, command };
        Ok((Jvm::start(program, true)?, home))
    }

    fn home(&self, what: &str) -> PathBuf {
        self.home.join(format!("java-{what}-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A Java push consumer. Dropping it is `kill -9`; [`JavaConsumer::stop`] leaves the group in order.
#[derive(Debug)]
pub struct JavaConsumer {
    jvm: Jvm,
    lines: Lines,
    home: PathBuf,
    client_id: String,
}

impl JavaConsumer {
    /// Its client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What it received so far.
    pub fn received(&self) -> Vec<Received> {
        self.lines.take().iter().filter(|line| line.get("msg_id").is_some()).map(Received::read).collect()
    }

    /// Waits until it has received at least `count` messages.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Received>> {
        wait_for(&format!("{count} messages at the Java consumer"), PATIENCE, || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .map_err(|trouble| Trouble(format!("{trouble}; it has {}", self.received().len())))
    }

    /// The queues it holds, as `broker:queue`.
    pub fn queues(&mut self) -> Result<Vec<String>> {
        self.lines.forget("queues");
        self.say("queues")?;
        let list = self.answer("queues")?;
        Ok(list.split(',').filter(|queue| !queue.is_empty()).map(str::to_owned).collect())
    }

    /// Leaves the group in order and ends; what it had received.
    pub fn stop(mut self) -> Result<Vec<Received>> {
        self.say("stop")?;
        self.jvm.wait().map_err(|trouble| explain(&trouble, &self.home))?;
        self.lines.finish();
        Ok(self.received())
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self.jvm.stdin().ok_or_else(|| Trouble("no standard input".into()))?;
        writeln!(stdin, "{line}")?;
        Ok(stdin.flush()?)
    }

    fn answer(&mut self, key: &str) -> Result<String> {
        let Self { jvm, lines, home, .. } = self;
        let found = wait_for(&format!("`{key}` of the Java consumer"), PATIENCE, || {
            if let Some(text) = lines.find(key) {
                return Some(Ok(text));
            }
            jvm.check().err().map(Err)
        });
        found.and_then(|answer| answer).map_err(|trouble| explain(&trouble, home))
    }
}

/// The JSON lines of a driver, read as they come.
#[derive(Debug)]
struct Lines {
    all: Arc<Mutex<Vec<Value>>>,
    reader: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Lines {
    fn follow(jvm: &mut Jvm) -> Result<Self> {
        let stdout = jvm.take_stdout().ok_or_else(|| Trouble("no standard output".into()))?;
        let all = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&all);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                if let Ok(value) = serde_json::from_str::<Value>(&line) {
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push(value);
                }
            }
        });
        Ok(Self { all, reader: Mutex::new(Some(reader)) })
    }

    /// Waits for the end of the output.
    fn finish(&self) {
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = reader.join();
        }
    }

    fn take(&self) -> Vec<Value> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find(&self, key: &str) -> Option<String> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|line| Some(line.get(key)?.as_str()?.to_owned()))
    }

    fn forget(&self, key: &str) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|line| line.get(key).is_none());
    }
}

impl Produced {
    fn read(line: &Value) -> Self {
        Self {
            msg_id: text(line, "msg_id").unwrap_or_default(),
            offset_msg_id: text(line, "offset_msg_id").unwrap_or_default(),
            status: text(line, "status").unwrap_or_default(),
            queue: number(line, "queue") as u32,
            offset: number(line, "offset"),
            crc: number(line, "crc") as u32,
        }
    }
}

impl Received {
    fn read(line: &Value) -> Self {
        Self {
            msg_id: text(line, "msg_id").unwrap_or_default(),
            broker: text(line, "broker").unwrap_or_default(),
            queue: number(line, "queue") as u32,
            offset: number(line, "offset"),
            sys_flag: number(line, "sys_flag") as i32,
            reconsume: number(line, "reconsume") as u32,
            size: number(line, "size") as usize,
            crc: number(line, "crc") as u32,
            tags: text(line, "tags"),
            keys: text(line, "keys"),
            properties: line.get("properties").cloned().unwrap_or_default(),
        }
    }
}

fn text(line: &Value, key: &str) -> Option<String> {
    line.get(key)?.as_str().map(str::to_owned)
}

fn number(line: &Value, key: &str) -> i64 {
    line.get(key).and_then(Value::as_i64).unwrap_or(-1)
}

/// Adds the end of what the program said to an error.
fn explain(trouble: &Trouble, home: &Path) -> Trouble {
    let said = fs::read_to_string(home.join("stderr.log")).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
    Trouble(format!("{trouble}\n{tail}"))
}
