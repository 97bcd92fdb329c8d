//! A cluster behind loopback listeners: one thread for all machines, asleep until a socket or a deadline wants it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Instant as Clock, SystemTime, UNIX_EPOCH};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rocketmq_engine::Instant;

use crate::broker::Keep;
use crate::cluster::{Cluster, ClusterBuilder, Node, Unmet};
use crate::peer::{Now, PeerId};

/// Between two looks of somebody who waits.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
const WAKE: Token = Token(usize::MAX);
/// Bytes read from one connection before the others have their turn.
const READ_BUDGET: usize = 1 << 20;
const CHUNK: usize = 256 * 1024;

/// How a [`TcpCluster`] is set up.
#[derive(Clone, Debug, Default)]
pub struct TcpClusterBuilder {
    cluster: ClusterBuilder,
    name_server_port: u16,
}

impl TcpClusterBuilder {
    /// Number of brokers: 1.
    #[must_use]
    pub fn brokers(mut self, brokers: usize) -> Self {
        self.cluster = self.cluster.brokers(brokers);
        self
    }

    /// Whether a send to an unknown topic makes it: yes.
    #[must_use]
    pub fn auto_create(mut self, auto_create: bool) -> Self {
        self.cluster = self.cluster.auto_create(auto_create);
        self
    }

    /// How long each delay level keeps a message: Java's 1 s to 2 h.
    #[must_use]
    pub fn delay_levels(mut self, levels: impl Into<Vec<std::time::Duration>>) -> Self {
        self.cluster = self.cluster.delay_levels(levels);
        self
    }

    /// Number of slaves each master has: none.
    #[must_use]
    pub fn slaves(mut self, slaves: usize) -> Self {
        self.cluster = self.cluster.slaves(slaves);
        self
    }

    /// Number of name servers: 1. Clients are given all of them.
    #[must_use]
    pub fn name_servers(mut self, name_servers: usize) -> Self {
        self.cluster = self.cluster.name_servers(name_servers);
        self
    }

    /// Most queues at each broker of a topic made by a send: 8, of which clients ask for 4.
    #[must_use]
    pub fn default_queues(mut self, queues: u32) -> Self {
        self.cluster = self.cluster.default_queues(queues);
        self
    }

    /// What is kept of what brokers did and answered: nothing.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.cluster = self.cluster.keep(keep);
        self
    }

    /// Makes a topic with that many queues at each broker.
    #[must_use]
    pub fn topic(mut self, name: impl Into<String>, queues: u32) -> Self {
        self.cluster = self.cluster.topic(name, queues);
        self
    }

    /// Port of the first name server: one that is free.
    #[must_use]
    pub fn name_server_port(mut self, port: u16) -> Self {
        self.name_server_port = port;
        self
    }

    /// Starts it. Errors are those of binding loopback ports and starting a thread.
    pub fn start(self) -> io::Result<TcpCluster> {
        let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let ports = std::iter::once(self.name_server_port).chain(std::iter::repeat(0));
        let name_servers: Vec<TcpListener> =
            ports.take(self.cluster.name_servers).map(bind).collect::<io::Result<_>>()?;
        let listeners: Vec<TcpListener> =
            (0..self.cluster.addresses()).map(|_| bind(0)).collect::<io::Result<_>>()?;
        let addresses: Vec<SocketAddr> =
            listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let told: Vec<SocketAddr> =
            name_servers.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let cluster = Arc::new(Mutex::new(self.cluster.build(&addresses)));
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let stop = Arc::new(AtomicBool::new(false));
        let start = Clock::now();
        let mut server = Server {
            poll,
            listeners: Vec::new(),
            connections: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            next_token: 0,
            cluster: cluster.clone(),
            start,
            buffer: vec![0; CHUNK],
        };
        for (index, listener) in name_servers.into_iter().enumerate() {
            server.listen(Node::NameServer(index), listener)?;
        }
        for (index, listener) in listeners.into_iter().enumerate() {
            server.listen(Node::Broker(index), listener)?;
        }
        let (flag, name) = (stop.clone(), "rocketmq-testkit".to_string());
        let thread = std::thread::Builder::new().name(name).spawn(move || server.run(&flag))?;
        Ok(TcpCluster { cluster, name_servers: told, start, stop, waker, thread: Some(thread) })
    }
}

/// An embedded cluster on loopback ports. It ends when it is dropped.
#[derive(Debug)]
pub struct TcpCluster {
    cluster: Arc<Mutex<Cluster>>,
    name_servers: Vec<SocketAddr>,
    start: Clock,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl TcpCluster {
    /// One broker that makes topics by itself.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// See [`TcpClusterBuilder`].
    pub fn builder() -> TcpClusterBuilder {
        TcpClusterBuilder::default()
    }

    /// `host:port` of the name server: all a client needs to know. Of several: all, `;` between.
    pub fn name_server(&self) -> String {
        self.name_servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
    }

    /// Waits until something is so, and returns what it found; `None`: it did not become so in that time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let cluster = rocketmq_testkit::TcpCluster::start().unwrap();
    /// # cluster.with(|cluster| cluster.seed("orders", 0, "order 1"));
    /// let order = cluster.wait(Duration::from_secs(5), |cluster| cluster.log("orders").pop()).expect("an order");
    /// assert_eq!(order.body(), b"order 1");
    /// ```
    pub fn wait<R>(
        &self,
        at_most: std::time::Duration,
        mut look: impl FnMut(&mut Cluster) -> Option<R>,
    ) -> Option<R> {
        let until = Clock::now() + at_most;
        loop {
            let found = self.with(&mut look);
            if found.is_some() || Clock::now() >= until {
                return found;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until an expectation is met; when the time is over, panics with what is there instead.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let cluster = rocketmq_testkit::TcpCluster::start().unwrap();
    /// # cluster.with(|cluster| cluster.seed("orders", 0, "order 1"));
    /// cluster.eventually(Duration::from_secs(5), |cluster| cluster.expect_stored("orders", 1));
    /// ```
    #[track_caller]
    pub fn eventually(&self, at_most: std::time::Duration, expect: impl Fn(&Cluster) -> Result<(), Unmet>) {
        if self.wait(at_most, |cluster| expect(cluster).ok()).is_none() {
            let unmet = self.with(|cluster| expect(cluster));
            assert!(
                unmet.is_ok(),
                "not within {at_most:?}: {}",
                unmet.err().map_or_else(String::new, |e| e.to_string())
            );
        }
    }

    /// Looks at the cluster, or changes it; the machines wait meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&mut Cluster) -> R) -> R {
        let mut cluster = lock(&self.cluster);
        cluster.observe(now(self.start));
        let result = look(&mut cluster);
        drop(cluster);
        // What was changed may have output or another deadline.
        let _ = self.waker.wake();
        result
    }
}

impl Drop for TcpCluster {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(cluster: &Mutex<Cluster>) -> MutexGuard<'_, Cluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now(start: Clock) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::ZERO + start.elapsed(), unix_ms: unix.as_millis() as i64 }
}

struct Connection {
    stream: TcpStream,
    node: Node,
    peer: PeerId,
}

struct Server {
    poll: Poll,
    listeners: Vec<(Node, TcpListener)>,
    connections: BTreeMap<Token, Connection>,
    by_peer: BTreeMap<(Node, PeerId), Token>,
    next_token: usize,
    cluster: Arc<Mutex<Cluster>>,
    start: Clock,
    buffer: Vec<u8>,
}

impl Server {
    fn listen(&mut self, node: Node, mut listener: TcpListener) -> io::Result<()> {
        let token = Token(self.listeners.len());
        self.poll.registry().register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push((node, listener));
        self.next_token = self.listeners.len();
        Ok(())
    }

    fn now(&self) -> Now {
        now(self.start)
    }

    fn run(&mut self, stop: &AtomicBool) {
        let mut events = Events::with_capacity(256);
        let cluster = self.cluster.clone();
        while !stop.load(Ordering::Acquire) {
            let deadline = lock(&cluster).next_deadline();
            let now = self.now().instant;
            // Rounded up: a sleep that ends early would be repeated.
            let sleep = deadline
                .map(|at| (at - now) + std::time::Duration::from_micros(if at > now { 999 } else { 0 }));
            match self.poll.poll(&mut events, sleep) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
                Ok(()) => {}
            }
            let mut cluster = lock(&cluster);
            for event in &events {
                let token = event.token();
                if token.0 < self.listeners.len() {
                    self.accept(token.0, &mut cluster);
                } else if token != WAKE {
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.read(token, &mut cluster);
                    }
                    if event.is_writable() {
                        self.write(token, &mut cluster);
                    }
                }
            }
            cluster.handle_timeout(self.now());
            self.flush(&mut cluster);
        }
    }

    fn accept(&mut self, index: usize, cluster: &mut Cluster) {
        loop {
            let Some((node, listener)) = self.listeners.get(index) else { return };
            let Ok((mut stream, from)) = listener.accept() else { return };
            let node = *node;
            // A stopped broker refuses: the connection is dropped at once.
            let Some(peer) = cluster.handle_open(node, from) else { continue };
            let _ = stream.set_nodelay(true);
            let token = Token(self.next_token);
            self.next_token += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, token, interest).is_err() {
                cluster.handle_close(node, peer);
                continue;
            }
            self.by_peer.insert((node, peer), token);
            self.connections.insert(token, Connection { stream, node, peer });
        }
    }

    fn read(&mut self, token: Token, cluster: &mut Cluster) {
        let mut budget = READ_BUDGET;
        loop {
            let now = self.now();
            let Some(connection) = self.connections.get_mut(&token) else { return };
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => return self.close(token, cluster),
                Ok(n) => {
                    let (node, peer) = (connection.node, connection.peer);
                    cluster.handle_bytes(node, peer, self.buffer.get(..n).unwrap_or_default(), now);
                    budget = budget.saturating_sub(n);
                    if budget == 0 {
                        // Readiness is told once: the rest is asked for by registering again.
                        self.rearm(token);
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.close(token, cluster),
            }
        }
    }

    fn rearm(&mut self, token: Token) {
        if let Some(connection) = self.connections.get_mut(&token) {
            let interest = Interest::READABLE | Interest::WRITABLE;
            let _ = self.poll.registry().reregister(&mut connection.stream, token, interest);
        }
    }

    fn write(&mut self, token: Token, cluster: &mut Cluster) {
        loop {
            let Some(connection) = self.connections.get_mut(&token) else { return };
            let (node, peer) = (connection.node, connection.peer);
            let output = cluster.output(node, peer);
            if output.is_empty() {
                return;
            }
            match connection.stream.write(output) {
                Ok(n) => cluster.handle_written(node, peer, n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.close(token, cluster),
            }
        }
    }

    /// Sends what the machines have to say and closes what they want closed.
    fn flush(&mut self, cluster: &mut Cluster) {
        for node in cluster.nodes() {
            while let Some(peer) = cluster.poll_output(node) {
                if let Some(token) = self.by_peer.get(&(node, peer)).copied() {
                    self.write(token, cluster);
                }
            }
            while let Some(peer) = cluster.poll_close(node) {
                if let Some(token) = self.by_peer.remove(&(node, peer)) {
                    self.connections.remove(&token);
                }
            }
        }
    }

    fn close(&mut self, token: Token, cluster: &mut Cluster) {
        if let Some(connection) = self.connections.remove(&token) {
            self.by_peer.remove(&(connection.node, connection.peer));
            cluster.handle_close(connection.node, connection.peer);
        }
    }
}
