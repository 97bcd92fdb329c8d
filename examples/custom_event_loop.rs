//! The engine in a plain poll(2) loop, without any adapter: sends some messages to a topic and consumes them.
//!
//! ```text
//! cargo run --example custom_event_loop                     # a cluster of its own
//! cargo run --example custom_event_loop -- localhost:9876   # yours
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant as Clock, SystemTime, UNIX_EPOCH};

use rocketmq_engine::{
    Action, Client, ClientConfig, CloseHow, ConnId, ConsumeFrom, Endpoint, Event, Instant, Message,
    ProducerConfig, PushConsumerConfig, SendOptions, SendOutcome, Settlement, ShutdownReport, TagFilter,
    Topic, TransportError,
};
use rocketmq_testkit::TcpCluster;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const GRACE: Duration = Duration::from_secs(5);

enum Ready {
    Readable(ConnId),
    Writable(ConnId),
}

/// The sockets, by connection: all I/O and the only clock are in here.
struct Sockets {
    start: Clock,
    open: BTreeMap<ConnId, TcpStream>,
    paused: BTreeSet<ConnId>,
}

impl Sockets {
    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// Dialling blocks, to keep this short; a busy application would dial in a thread.
    fn dial(&mut self, client: &mut Client, conn: ConnId, endpoint: &Endpoint) {
        let connect = || {
            let mut addresses = (endpoint.host(), endpoint.port()).to_socket_addrs()?;
            let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, client.config().connect_timeout)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok::<_, io::Error>(stream)
        };
        match connect() {
            Ok(stream) => {
                self.open.insert(conn, stream);
                client.handle_connected(conn, self.now());
            }
            Err(_) => client.handle_connect_failed(conn, TransportError::Refused, self.now()),
        }
    }

    /// Writes what waits, as far as the socket takes it.
    fn flush(&mut self, client: &mut Client, conn: ConnId) {
        while let Some(stream) = self.open.get_mut(&conn).filter(|_| client.has_pending_write(conn)) {
            let mut slices: [&[u8]; 32] = [&[]; 32];
            let count = client.write_slices(conn, &mut slices);
            let wrote = stream.write_vectored(&slices.map(IoSlice::new)[..count]);
            match wrote {
                Ok(n) => client.handle_written(conn, n, self.now()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return client.handle_transport_error(conn, TransportError::Reset, self.now()),
            }
        }
    }

    /// Reads once; poll(2) says so again if there is more.
    fn fill(&mut self, client: &mut Client, conn: ConnId) {
        let (Some(stream), Some(buffer)) = (self.open.get_mut(&conn), client.read_buf(conn)) else { return };
        match stream.read(buffer) {
            Ok(0) => client.handle_eof(conn, self.now()),
            Ok(n) => client.handle_read(conn, n, self.now()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => client.handle_transport_error(conn, TransportError::Reset, self.now()),
        }
    }

    fn set_read(&mut self, conn: ConnId, enabled: bool) {
        if enabled {
            self.paused.remove(&conn)
        } else {
            self.paused.insert(conn)
        };
    }

    fn close(&mut self, conn: ConnId, _how: CloseHow) {
        self.paused.remove(&conn);
        self.open.remove(&conn);
    }

    /// Sleeps until a socket is ready or `until` is reached; says which sockets are.
    fn wait(&self, client: &Client, until: Option<Instant>) -> io::Result<Vec<Ready>> {
        let interest = |conn| {
            let read = if self.paused.contains(conn) { PollFlags::empty() } else { PollFlags::IN };
            if client.has_pending_write(*conn) { read | PollFlags::OUT } else { read }
        };
        let mut fds: Vec<_> =
            self.open.iter().map(|(conn, stream)| PollFd::new(stream, interest(conn))).collect();
        let timeout = until.map(|until| Timespec::try_from(until - self.now()).unwrap_or_default());
        poll(&mut fds, timeout.as_ref())?;
        let mut ready = Vec::new();
        for (conn, found) in self.open.keys().zip(fds.iter().map(PollFd::revents)) {
            if found.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                ready.push(Ready::Readable(*conn));
            }
            if found.contains(PollFlags::OUT) {
                ready.push(Ready::Writable(*conn));
            }
        }
        Ok(ready)
    }
}

/// The application: sends messages, then consumes them, then stops.
struct App {
    topic: Topic,
    messages: usize,
    sent: usize,
    consumed: usize,
    stopped: Option<ShutdownReport>,
}

impl App {
    fn on_event(&mut self, event: Event, client: &mut Client, now: Instant) {
        match event {
            Event::Sent { outcome, .. } => {
                if let SendOutcome::Failed(why) | SendOutcome::Indeterminate(why) = outcome {
                    eprintln!("not acknowledged: {why}");
                    return client.shutdown(GRACE, now);
                }
                self.sent += 1;
                if self.sent == self.messages {
                    self.consume(client, now);
                }
            }
            Event::Delivered(delivery) => {
                self.consumed += delivery.len();
                client.settle(delivery, Settlement::Done, now).expect("a delivery of this client");
                if self.consumed >= self.messages {
                    client.shutdown(GRACE, now);
                }
            }
            Event::Stopped(report) => self.stopped = Some(report),
            other => println!("{other:?}"),
        }
    }

    /// The topic is there now, made by the first send.
    fn consume(&mut self, client: &mut Client, now: Instant) {
        let config = PushConsumerConfig::new("loop-consumer").consume_from(ConsumeFrom::First);
        let consumer = client.create_push_consumer(config, now).expect("the group's first");
        client.subscribe(consumer, &self.topic, TagFilter::all(), now).expect("a running consumer");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };
    let mut sockets = Sockets { start: Clock::now(), open: BTreeMap::new(), paused: BTreeSet::new() };
    let unix_now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&unix_now.as_nanos().to_be_bytes());
    let mut config = ClientConfig::new(&name_server)?;
    config.process_id = std::process::id();
    let mut client = Client::new(config, seed, sockets.now(), unix_now)?;

    let (topic, messages) = (client.topic("custom-event-loop")?, 1000);
    let producer = client.create_producer(ProducerConfig::new("loop-producer"), sockets.now())?;
    for n in 0..messages {
        let message = Message::builder(&topic, format!("message {n}")).tag("demo").build()?;
        client.send(producer, message, SendOptions::default(), sockets.now())?;
    }
    let mut app = App { topic, messages, sent: 0, consumed: 0, stopped: None };
    while app.stopped.is_none() {
        let wait = loop {
            match client.poll_action() {
                Action::Connect { conn, endpoint } => sockets.dial(&mut client, conn, &endpoint),
                Action::Write { conn } => sockets.flush(&mut client, conn),
                Action::SetRead { conn, enabled } => sockets.set_read(conn, enabled),
                Action::Close { conn, how } => sockets.close(conn, how),
                Action::Wait(wait) => break wait,
            }
        };
        if wait.events {
            while let Some(event) = client.poll_event() {
                app.on_event(event, &mut client, sockets.now());
            }
            continue;
        }
        for ready in sockets.wait(&client, wait.until)? {
            match ready {
                Ready::Readable(conn) => sockets.fill(&mut client, conn),
                Ready::Writable(conn) => sockets.flush(&mut client, conn),
            }
        }
        client.handle_timeout(sockets.now());
    }
    println!("sent {}, consumed {}, {:?}", app.sent, app.consumed, app.stopped);
    if app.consumed < messages { Err("not everything was consumed".into()) } else { Ok(()) }
}
