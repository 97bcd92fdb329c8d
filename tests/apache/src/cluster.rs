//! A name server and brokers on free loopback ports, with topics and groups.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::wire::header::NoFields;

use crate::jars::Version;
use crate::java::Java;
use crate::process::{Jvm, Program};
use crate::scratch::Scratch;
use crate::{Result, Trouble, remoting, wait_for};

/// Longest start of one server; a few seconds on an idle machine.
const START: Duration = Duration::from_secs(90);
/// How often a server that ended by itself (its ports were taken meanwhile) is started again on others.
const ATTEMPTS: u32 = 3;

/// 4.x ends at once without these files; 5.x has its own in its jars.
const LOGBACK: &str = r#"<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${user.home}/server.log</file>
    <encoder><pattern>%d %p %logger{0} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"#;

/// Small files, little idle work, short times. `transactionOp*` keep 5.5.0 from spinning after its first transaction,
/// `transactionMetricFlushInterval` from spinning for its first ten seconds, `timerFlushIntervalMs` from flushing a
/// 37 MB wheel every second.
const BROKER: &str = "brokerClusterName=DefaultCluster
brokerId=0
brokerIP1=127.0.0.1
brokerIP2=127.0.0.1
mappedFileSizeCommitLog=16777216
mappedFileSizeConsumeQueue=120000
maxHashSlotNum=20000
maxIndexNum=80000
timerFlushIntervalMs=60000
transactionOpMsgMaxSize=1
transactionOpBatchInterval=2000000000
transactionMetricFlushInterval=500
enablePropertyFilter=true
traceTopicEnable=true
recallMessageEnable=true
transactionCheckInterval=1000
transactionTimeOut=1000
transactionCheckMax=3
flushConsumerOffsetInterval=1000
messageDelayLevel=1s 1s 1s 2s 2s 3s 3s 4s 5s 6s 7s 8s 9s 10s 11s 12s 13s 14s
registerNameServerPeriod=10000
";

/// One broker.
#[derive(Debug)]
pub struct Broker {
    name: String,
    port: u16,
    properties: String,
    flags: Vec<String>,
    jvm: Option<Jvm>,
}

impl Broker {
    /// Its name in routes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.jvm.as_ref().map(Jvm::id)
    }
}

/// What to start.
#[derive(Debug)]
pub struct ClusterBuilder {
    version: Version,
    brokers: usize,
    properties: String,
    flags: Vec<String>,
}

impl ClusterBuilder {
    /// How many masters, `broker-a`, `broker-b` ...; 1 unless said otherwise.
    #[must_use]
    pub fn brokers(mut self, count: usize) -> Self {
        self.brokers = count;
        self
    }

    /// A line of every broker's configuration.
    #[must_use]
    pub fn property(mut self, key: &str, value: &str) -> Self {
        let _ = writeln!(self.properties, "{key}={value}");
        self
    }

    /// A flag of every broker's JVM; it overrides those of short tests (little memory, the quick compiler).
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Starts everything and waits until the name server routes to every broker.
    pub fn start(self) -> Result<Cluster> {
        let class_path = self.version.class_path()?;
        let scratch = Scratch::new(self.version.as_str())?;
        let (name_server, port) = start_name_server(&class_path, scratch.path())?;
        let mut cluster = Cluster {
            version: self.version,
            class_path,
            name_server: Some(name_server),
            port,
            brokers: Vec::new(),
            scratch,
            next_name: AtomicU32::new(0),
        };
        for name in ('a'..='z').take(self.brokers) {
            let name = format!("broker-{name}");
            let (properties, flags) = (self.properties.clone(), self.flags.clone());
            cluster.brokers.push(Broker { name, port: 0, properties, flags, jvm: None });
        }
        for index in 0..cluster.brokers.len() {
            if let Err(trouble) = cluster.start_broker(index) {
                cluster.scratch.keep();
                return Err(trouble);
            }
        }
        Ok(cluster)
    }
}

/// A name server and its brokers. Dropping it kills them; their directory stays if the thread is panicking.
#[derive(Debug)]
pub struct Cluster {
    version: Version,
    class_path: String,
    brokers: Vec<Broker>,
    name_server: Option<Jvm>,
    port: u16,
    next_name: AtomicU32,
    // Last: the servers have to be dead before their directory goes.
    scratch: Scratch,
}

impl Cluster {
    /// One name server, one broker.
    pub fn start(version: Version) -> Result<Self> {
        Self::builder(version).start()
    }

    /// To say more.
    pub fn builder(version: Version) -> ClusterBuilder {
        ClusterBuilder { version, brokers: 1, properties: String::new(), flags: Vec::new() }
    }

    /// What runs here.
    pub fn version(&self) -> Version {
        self.version
    }

    /// `127.0.0.1:port` of the name server.
    pub fn name_server(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The brokers, in the order of their names.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// A new topic with so many queues at each broker, routable when this returns.
    pub fn topic(&self, what: &str, queues: u32) -> Result<String> {
        let topic = self.unique(what);
        for broker in &self.brokers {
            remoting::create_topic(&broker.address(), &topic, queues)?;
        }
        wait_for(&format!("route of {topic}"), START, || {
            let route = remoting::route(&self.name_server(), &topic).ok()?;
            (route.queue_datas.len() == self.brokers.len()).then_some(())
        })?;
        Ok(topic)
    }

    /// A new consumer group, known to each broker.
    pub fn group(&self, what: &str) -> Result<String> {
        let group = self.unique(what);
        for broker in &self.brokers {
            remoting::create_group(&broker.address(), &group)?;
        }
        Ok(group)
    }

    /// Client ids that the first broker knows in a group.
    pub fn members(&self, group: &str) -> Result<Vec<String>> {
        let broker = self.brokers.first().ok_or_else(|| Trouble("no broker".into()))?;
        remoting::members(&broker.address(), group)
    }

    /// Sum of the offsets a group committed in the first `queues` queues of a topic at each broker: how many messages
    /// it has done with, if it began at 0.
    pub fn committed(&self, group: &str, topic: &str, queues: u32) -> Result<u64> {
        let mut sum = 0;
        for broker in &self.brokers {
            for queue in 0..queues {
                let offset = remoting::committed(&broker.address(), group, topic, queue)?;
                sum += offset.unwrap_or(0).max(0) as u64;
            }
        }
        Ok(sum)
    }

    /// The official client, talking to this cluster.
    pub fn java(&self) -> Java<'_> {
        Java {
            class_path: &self.class_path,
            home: self.scratch.path(),
            name_server: self.name_server(),
            version: self.version,
        }
    }

    /// Keeps logs and stores when the cluster goes.
    pub fn keep(&self) {
        self.scratch.keep();
    }

    /// `kill -9` on the name server: whoever needs a route from now on has to have one.
    pub fn kill_name_server(&mut self) {
        if let Some(mut jvm) = self.name_server.take() {
            jvm.kill();
        }
    }

    /// `kill -9` on a broker. Its name is gone from the routes a moment later.
    pub fn kill_broker(&mut self, index: usize) {
        if let Some(broker) = self.brokers.get_mut(index) {
            broker.jvm = None;
        }
    }

    /// A signal to a broker: `STOP`, `CONT`, `TERM`.
    pub fn signal_broker(&self, index: usize, name: &str) -> Result<()> {
        let jvm = self.brokers.get(index).and_then(|broker| broker.jvm.as_ref());
        jvm.ok_or_else(|| Trouble("that broker does not run".into()))?.signal(name)
    }

    /// Starts a broker with the store it has, on the port it had, and waits until the name server routes to it.
    pub fn start_broker(&mut self, index: usize) -> Result<()> {
        let directory = self.scratch.path().to_owned();
        let name_server = self.name_server();
        let broker = self.brokers.get_mut(index).ok_or_else(|| Trouble("no such broker".into()))?;
        let fresh = broker.port == 0;
        let mut last = Trouble(String::new());
        for _ in 0..if fresh { ATTEMPTS } else { 1 } {
            if fresh {
                broker.port = free_port(&[-2, 0, 1])?;
            }
            match broker.launch(&self.class_path, &directory, &name_server) {
                Ok(()) => return Ok(()),
                Err(trouble) => last = trouble,
            }
        }
        Err(last)
    }

    fn unique(&self, what: &str) -> String {
        format!("{what}_{}", self.next_name.fetch_add(1, Ordering::Relaxed))
    }
}

impl Broker {
    fn launch(&mut self, class_path: &str, directory: &Path, name_server: &str) -> Result<()> {
        let home = home(directory, &self.name, "logback_broker.xml")?;
        let store = home.join("store");
        let conf = home.join("broker.conf");
        // Written anew for each start: a server rewrites the file with all of its several hundred properties.
        fs::write(
            &conf,
            format!(
                "{BROKER}brokerName={name}\nnamesrvAddr={name_server}\nlistenPort={port}\nhaListenPort={ha}\n\
                 storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\n{more}",
                name = self.name,
                port = self.port,
                ha = self.port + 1,
                store = store.display(),
                more = self.properties,
            ),
        )?;
        let main = "org.apache.rocketmq.broker.BrokerStartup";
        let mut flags = vec!["-Xms256m", "-Xmx256m", "-XX:MaxDirectMemorySize=256m"];
        flags.extend(self.flags.iter().map(String::as_str));
        let mut jvm = start_server(class_path, &self.name, &home, &flags, main, &conf)?;
        let address = self.address();
        wait_for(&format!("{} registered", self.name), START, || {
            if let Err(trouble) = jvm.check() {
                return Some(Err(trouble));
            }
            let route = remoting::route(name_server, "TBW102").ok()?;
            let known =
                route.broker_datas.iter().any(|data| data.broker_addrs.values().any(|at| *at == address));
            let answers = || remoting::call(&address, RequestCode::GET_BROKER_CONFIG, &NoFields, &[]).is_ok();
            (known && answers()).then_some(Ok(()))
        })??;
        self.jvm = Some(jvm);
        Ok(())
    }
}

fn start_name_server(class_path: &str, directory: &Path) -> Result<(Jvm, u16)> {
    let home = home(directory, "namesrv", "logback_namesrv.xml")?;
    let mut last = Trouble(String::new());
    for _ in 0..ATTEMPTS {
        let port = free_port(&[0])?;
        let conf = home.join("namesrv.conf");
        fs::write(&conf, format!("listenPort={port}\n"))?;
        let main = "org.apache.rocketmq.namesrv.NamesrvStartup";
        let mut jvm = start_server(class_path, "name server", &home, &["-Xms64m", "-Xmx64m"], main, &conf)?;
        let up = wait_for("name server", START, || {
            if let Err(trouble) = jvm.check() {
                return Some(Err(trouble));
            }
            TcpStream::connect(("127.0.0.1", port)).ok().map(|_| Ok(()))
        })?;
        match up {
            Ok(()) => return Ok((jvm, port)),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

fn start_server(
    class_path: &str,
    what: &str,
    home: &Path,
    flags: &[&str],
    main: &str,
    conf: &Path,
) -> Result<Jvm> {
    let command = ["Lifeline", main, "-c", &conf.display().to_string()].map(str::to_owned).to_vec();
    Jvm::start(Program { what, class_path, home, flags, command }, false)
}

/// A server's own directory, with the log configuration that 4.x wants to find in it.
fn home(directory: &Path, name: &str, logback: &str) -> Result<PathBuf> {
    let home = directory.join(name);
    fs::create_dir_all(home.join("conf"))?;
    fs::write(home.join("conf").join(logback), LOGBACK)?;
    Ok(home)
}

/// Where servers get their ports: below those that systems give to outgoing connections, of which one may take the port
/// of a broker that is down for the moment.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// A port that is free together with its neighbours at `offsets`, and that no caller was given before.
fn free_port(offsets: &[i32]) -> Result<u16> {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let given = given.get_or_insert_default();
    // Others may run beside this one.
    let start = std::process::id().wrapping_mul(97);
    for attempt in 0..200 {
        let place = start.wrapping_add(given.len() as u32 + attempt * 5) % (PORTS.end - PORTS.start);
        let port = (PORTS.start + place) as u16;
        let all: Option<Vec<u16>> =
            offsets.iter().map(|offset| u16::try_from(i32::from(port) + offset).ok()).collect();
        let Some(all) = all else { continue };
        // Servers bind all interfaces.
        let free = |port: &u16| !given.contains(port) && TcpListener::bind(("0.0.0.0", *port)).is_ok();
        if all.iter().all(free) {
            given.extend(all);
            return Ok(port);
        }
    }
    Err(Trouble("no free ports".into()))
}
