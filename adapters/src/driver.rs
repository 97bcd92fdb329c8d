//! What all drivers share: the clock, the pumps between a socket and the engine, gathering, name resolution, the
//! seed, and the words for what went wrong. No socket type is named here: the pumps take closures.

mod gather;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rocketmq_engine::{Client, ConnId, Instant, TransportError};

pub use gather::{GATHER, Gather};

/// Slices given to one vectored write. Heads and small bodies lie behind each other in one slice, so few suffice.
const SLICES: usize = 64;

/// Addresses of one host name that are tried, in the order the resolver gives them.
pub const MAX_ADDRESSES: usize = 8;

/// How long connecting to one address may take before the next is tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often the wall clock is compared with the monotonic one, and how far they may drift apart unnoticed.
const CLOCK_CHECK: Duration = Duration::from_secs(10);
const CLOCK_DRIFT: Duration = Duration::from_millis(500);

/// The host's clocks, on the engine's scale: nanoseconds since the clock was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    unix_origin: Duration,
    checked: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now(), unix_origin: unix_now(), checked: Instant::ZERO }
    }

    /// Monotonic time.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Time left until `until`; `None` if that never comes.
    pub fn left(&self, until: Option<Instant>) -> Option<Duration> {
        until.filter(|until| *until != Instant::FAR_FUTURE).map(|until| until - self.now())
    }

    /// Tells the engine when the wall clock was stepped. Cheap: looks at it every ten seconds of use.
    pub fn check(&mut self, client: &mut Client, now: Instant) {
        if now - self.checked < CLOCK_CHECK {
            return;
        }
        self.checked = now;
        let (unix, expected) = (unix_now(), self.unix_origin + (now - Instant::ZERO));
        if unix.abs_diff(expected) > CLOCK_DRIFT {
            self.unix_origin = unix.saturating_sub(now - Instant::ZERO);
            client.handle_unix_time(unix, now);
        }
    }
}

/// Wall-clock time since 1970.
pub fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A seed for [`Client::new`], from the operating system's randomness by way of the keys of std's hash maps.
pub fn seed() -> [u8; 32] {
    let (state, mut seed) = (RandomState::new(), [0; 32]);
    for (part, chunk) in seed.chunks_exact_mut(8).enumerate() {
        let mut hasher = state.build_hasher();
        hasher.write_usize(part);
        hasher.write_u128(unix_now().as_nanos());
        chunk.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    seed
}

/// What an error of a socket is called in the engine.
pub fn transport_error(error: &io::Error) -> TransportError {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => TransportError::Refused,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::NotConnected
        | Kind::UnexpectedEof => TransportError::Reset,
        Kind::TimedOut | Kind::WouldBlock => TransportError::TimedOut,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
            TransportError::Unreachable
        }
        Kind::NotFound => TransportError::NameNotFound,
        _ => TransportError::Other,
    }
}

/// The address `host` itself is, if it is no name: nothing has to be asked then.
pub fn literal_address(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// What a resolver's failure is told as, whatever its system calls it.
pub fn name_not_found(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, error)
}

/// The addresses of a host, at most [`MAX_ADDRESSES`]. Blocks while the system looks a name up.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = (host, port).to_socket_addrs().map_err(name_not_found)?.take(MAX_ADDRESSES).collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
    }
    Ok(found)
}

/// How far a pump may go in one turn, so that one busy connection does not keep the others waiting.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes after which a pump stops.
    pub bytes: usize,
    /// Go on until the socket says that it would block. Without it a short read or write counts as that, which
    /// saves a system call each time; epoll and kqueue allow it, Windows and polled futures do not.
    pub until_blocked: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 1 << 20, until_blocked: cfg!(windows) }
    }
}

/// How a pump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a pump that was stopped by its budget has to go on next turn"]
pub enum Pump {
    /// The socket has or takes no more: wait until it is ready.
    Blocked,
    /// There may be more: go on next turn, after the others.
    BudgetSpent,
    /// The engine takes no more before its events are polled, or has nothing to write.
    Idle,
    /// The connection is over; the engine has been told.
    Gone,
}

/// Moves bytes from a socket into the engine: `io` is its `read`.
pub fn pump_read(
    client: &mut Client,
    conn: ConnId,
    budget: Budget,
    now: Instant,
    mut io: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Pump {
    let mut left = budget.bytes;
    while left > 0 {
        let Some(free) = client.read_buf(conn) else { return Pump::Idle };
        let room = free.len();
        match io(free) {
            Ok(0) => {
                client.handle_eof(conn, now);
                return Pump::Gone;
            }
            Ok(n) => {
                client.handle_read(conn, n, now);
                left = left.saturating_sub(n);
                if n < room && !budget.until_blocked {
                    return Pump::Blocked;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => {
                    client.handle_read(conn, 0, now);
                    return Pump::Blocked;
                }
                _ => {
                    client.handle_transport_error(conn, transport_error(&error), now);
                    return Pump::Gone;
                }
            },
        }
    }
    Pump::BudgetSpent
}

/// Moves bytes from the engine into a socket: `io` is its `write_vectored`.
pub fn pump_write(
    client: &mut Client,
    conn: ConnId,
    budget: Budget,
    now: Instant,
    mut io: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> Pump {
    let mut left = budget.bytes;
    while left > 0 {
        let mut slices = [&[][..]; SLICES];
        let count = client.write_slices(conn, &mut slices).min(SLICES);
        if count == 0 {
            return Pump::Idle;
        }
        let slices = slices.map(IoSlice::new);
        let shown: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        match io(&slices[..count]) {
            Ok(0) => {
                client.handle_transport_error(conn, TransportError::Reset, now);
                return Pump::Gone;
            }
            Ok(n) => {
                client.handle_written(conn, n, now);
                left = left.saturating_sub(n);
                if n < shown && !budget.until_blocked {
                    return Pump::Blocked;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => return Pump::Blocked,
                _ => {
                    client.handle_transport_error(conn, transport_error(&error), now);
                    return Pump::Gone;
                }
            },
        }
    }
    if client.has_pending_write(conn) { Pump::BudgetSpent } else { Pump::Idle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_differ() {
        assert_ne!(seed(), seed());
    }

    #[test]
    fn literals_need_no_resolver() {
        assert_eq!(literal_address("::1", 9876).map(|a| a.to_string()).as_deref(), Some("[::1]:9876"));
        assert_eq!(literal_address("localhost", 9876), None);
        assert!(resolve("127.0.0.1", 1).expect("a literal").len() == 1);
        let error = resolve("host.invalid", 1).expect_err("no such name");
        assert_eq!(transport_error(&error), TransportError::NameNotFound);
    }

    #[test]
    fn errors_keep_their_meaning() {
        let of = |kind: io::ErrorKind| transport_error(&kind.into());
        assert_eq!(of(io::ErrorKind::ConnectionRefused), TransportError::Refused);
        assert_eq!(of(io::ErrorKind::BrokenPipe), TransportError::Reset);
        assert_eq!(of(io::ErrorKind::TimedOut), TransportError::TimedOut);
        assert_eq!(of(io::ErrorKind::PermissionDenied), TransportError::Other);
    }
}
