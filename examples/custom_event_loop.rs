//! The engine in a plain poll(2) loop, without any adapter: sends some messages to a topic and consumes them.
//!
//! ```text
//! cargo run --example custom_event_loop -- 127.0.0.1:9876 demo-topic 100
//! ```

use std::collections::BTreeMap;
use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant as Clock, SystemTime, UNIX_EPOCH};

use rocketmq_engine::{
    Action, Client, ClientConfig, ConnId, ConsumeFrom, Endpoint, Event, Instant, Message, ProducerConfig,
    PushConsumerConfig, SendOptions, SendOutcome, Settlement, TagFilter, TransportError,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The sockets, by connection: all I/O and the only clock are in here.
struct Sockets {
    start: Clock,
    open: BTreeMap<ConnId, TcpStream>,
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

    /// Sleeps until a socket is ready or `until` is reached; says which sockets are readable and writable.
    fn wait(&self, client: &Client, until: Option<Instant>) -> io::Result<Vec<(ConnId, bool, bool)>> {
        let interest = |conn| {
            if client.has_pending_write(conn) { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
        };
        let mut fds: Vec<_> =
            self.open.iter().map(|(conn, stream)| PollFd::new(stream, interest(*conn))).collect();
        let timeout = until.map(|until| Timespec::try_from(until - self.now()).unwrap_or_default());
        poll(&mut fds, timeout.as_ref())?;
        let ready = fds.iter().map(PollFd::revents).map(|found| {
            let broken = PollFlags::HUP | PollFlags::ERR;
            (found.intersects(PollFlags::IN | broken), found.contains(PollFlags::OUT))
        });
        Ok(self.open.keys().zip(ready).map(|(conn, (read, write))| (*conn, read, write)).collect())
    }
}

/// What the application does with events.
#[derive(Default)]
struct App {
    acknowledged: u32,
    lost: u32,
    consumed: u32,
}

impl App {
    fn on_event(&mut self, event: Event, client: &mut Client, now: Instant) {
        match event {
            Event::Sent { outcome: SendOutcome::Acknowledged(_), .. } => self.acknowledged += 1,
            Event::Sent { outcome: SendOutcome::Failed(why) | SendOutcome::Indeterminate(why), .. } => {
                eprintln!("not sent: {why}");
                self.lost += 1;
            }
            Event::Delivered(delivery) => {
                self.consumed += delivery.len() as u32;
                client.settle(delivery, Settlement::Done, now).expect("our own delivery");
            }
            other => println!("{other:?}"),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: custom_event_loop NAME_SERVER TOPIC MESSAGES";
    let (name_server, topic) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?);
    let messages: u32 = args.next().ok_or(usage)?.parse()?;

    let mut sockets = Sockets { start: Clock::now(), open: BTreeMap::new() };
    let unix_now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&unix_now.as_nanos().to_be_bytes());
    let mut config = ClientConfig::new(&name_server)?;
    config.process_id = std::process::id();
    let mut client = Client::new(config, seed, sockets.now(), unix_now)?;

    let now = sockets.now();
    let topic = client.topic(&topic)?;
    let producer = client.create_producer(ProducerConfig::new("loop-producer"), now)?;
    let config = PushConsumerConfig::new("loop-consumer").consume_from(ConsumeFrom::First);
    for n in 0..messages {
        let message = Message::builder(&topic, format!("message {n}")).tag("demo").build()?;
        client.send(producer, message, SendOptions::default(), now)?;
    }
    let mut config = Some(config);
    let mut app = App::default();
    let mut stopping = false;
    loop {
        while let Some(event) = client.poll_event() {
            if let Event::Stopped(report) = event {
                println!("acknowledged {}, consumed {}; {report:?}", app.acknowledged, app.consumed);
                return if app.lost == 0 { Ok(()) } else { Err("messages were lost".into()) };
            }
            app.on_event(event, &mut client, sockets.now());
        }
        // The topic is there once the sends have ended: time to consume it.
        if app.acknowledged + app.lost == messages
            && let Some(config) = config.take()
        {
            let consumer = client.create_push_consumer(config, sockets.now())?;
            client.subscribe(consumer, &topic, TagFilter::parse("demo")?, sockets.now())?;
        }
        if app.consumed >= messages && !stopping {
            stopping = true;
            client.shutdown(Duration::from_secs(5), sockets.now());
        }
        let wait = loop {
            match client.poll_action() {
                Action::Connect { conn, endpoint } => sockets.dial(&mut client, conn, &endpoint),
                Action::Write { conn } => sockets.flush(&mut client, conn),
                Action::SetRead { .. } => {} // `read_buf` gives no buffer while reading pauses.
                Action::Close { conn, .. } => drop(sockets.open.remove(&conn)),
                Action::Wait(wait) => break wait,
            }
        };
        if wait.events {
            continue;
        }
        for (conn, readable, writable) in sockets.wait(&client, wait.until)? {
            if readable {
                sockets.fill(&mut client, conn);
            }
            if writable {
                sockets.flush(&mut client, conn);
            }
        }
        client.handle_timeout(sockets.now());
        while let Some(notice) = client.poll_notice() {
            eprintln!("{notice:?}");
        }
    }
}
