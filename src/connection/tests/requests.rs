//! What becomes of requests, beside a list of them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::stream::frame;
use crate::connection::{ConnEvent, Connection, ConnectionConfig, Core, RequestId};
use crate::error::{CloseCause, Progress, RejectReason, RequestFailure};
use crate::time::Instant;
use crate::wire::fields::GetRouteInfoRequest;
use crate::wire::frame::SerializeType;
use crate::wire::header::Flag;

#[derive(Clone, Debug)]
enum Step {
    /// Length of the body, time-out in milliseconds.
    Request(usize, u64),
    Oneway(usize),
    Cancel(usize),
    Answer(usize),
    Write(usize),
    Advance(u64),
    Close,
    Eof,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3000_usize, 1..50_u64).prop_map(|(body, timeout)| Step::Request(body, timeout)),
        2 => (0..3000_usize).prop_map(Step::Oneway),
        2 => any::<usize>().prop_map(Step::Cancel),
        4 => any::<usize>().prop_map(Step::Answer),
        4 => prop_oneof![0..200_usize, 0..9000_usize].prop_map(Step::Write),
        2 => (0..30_u64).prop_map(Step::Advance),
        1 => prop_oneof![9 => Just(Step::Advance(0)), 1 => Just(Step::Close), 1 => Just(Step::Eof)],
    ]
}

/// One request as the model sees it.
struct Made {
    id: RequestId,
    oneway: bool,
    deadline: Instant,
    /// Place of its bytes among all that were ever queued and not taken back.
    len: usize,
    left: usize,
    open: bool,
}

struct World {
    connection: Connection<usize>,
    made: Vec<Made>,
    now: Instant,
    closed: bool,
    most: usize,
}

/// What ended in one step: its number, and the progress it was said to have made, if it failed.
type Endings = Vec<(usize, Option<(Progress, RequestFailure)>)>;

impl World {
    fn new(config: ConnectionConfig) -> Self {
        let most = config.max_in_flight;
        Self {
            connection: Connection::new(config, 9),
            made: Vec::new(),
            now: Instant::ZERO,
            closed: false,
            most,
        }
    }

    fn queued(&self) -> usize {
        let mut slices = alloc::vec![&[][..]; 4096];
        let count = self.connection.write_slices(&mut slices);
        slices[..count].iter().map(|slice| slice.len()).sum()
    }

    fn open(&self) -> usize {
        self.made.iter().filter(|made| made.open).count()
    }

    fn ask(&mut self, body: usize, timeout: u64, oneway: bool) -> Result<(), TestCaseError> {
        let fields = GetRouteInfoRequest { topic: "t".into(), ..Default::default() };
        let body = Bytes::from(alloc::vec![1; body]);
        let (context, before, timeout) = (self.made.len(), self.queued(), Duration::from_millis(timeout));
        let asked = if oneway {
            self.connection.oneway(&fields, &body, context)
        } else {
            self.connection.request(&fields, &body, context, timeout, self.now)
        };
        match asked {
            Ok(id) => {
                prop_assert!(!self.closed && self.open() < self.most);
                let len = self.queued() - before;
                let deadline = if oneway { Instant::FAR_FUTURE } else { self.now + timeout };
                self.made.push(Made { id, oneway, deadline, len, left: 0, open: true });
            }
            Err(rejected) => {
                prop_assert_eq!(rejected.returned, context);
                match rejected.reason {
                    RejectReason::Closed => {}
                    RejectReason::InFlightFull { limit } => {
                        prop_assert_eq!((limit, self.open()), (self.most, self.most));
                    }
                    RejectReason::WriteQueueFull { queued, limit } => {
                        prop_assert!(queued + body.len() > limit);
                    }
                    other => return Err(TestCaseError::fail(alloc::format!("{other:?}"))),
                }
                prop_assert_eq!(self.queued(), before, "nothing of it was done");
            }
        }
        Ok(())
    }

    fn write(&mut self, n: usize) {
        let mut n = n.min(self.queued());
        self.connection.handle_written(n);
        for made in &mut self.made {
            let step = n.min(made.len - made.left);
            made.left += step;
            n -= step;
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Request(body, timeout) => self.ask(body, timeout, false)?,
            Step::Oneway(body) => self.ask(body, 0, true)?,
            Step::Cancel(pick) if !self.made.is_empty() => {
                let made = &self.made[pick % self.made.len()];
                let (id, open) = (made.id, made.open);
                prop_assert_eq!(self.connection.cancel(id), open && !self.closed);
            }
            Step::Answer(pick) if !self.made.is_empty() && !self.closed => {
                let opaque = self.made[pick % self.made.len()].id.opaque();
                let bytes = frame(opaque as u32, Flag::RESPONSE, 5, SerializeType::Json);
                self.connection.handle_slice(&bytes, self.now);
            }
            Step::Write(n) => self.write(n),
            Step::Advance(ms) => {
                self.now = self.now + Duration::from_millis(ms);
                self.connection.handle_timeout(self.now);
            }
            Step::Close => self.connection.close(),
            Step::Eof => self.connection.handle_eof(self.now),
            _ => {}
        }
        Ok(())
    }

    /// Takes the events out; each request ends once.
    fn endings(&mut self) -> Result<Endings, TestCaseError> {
        let mut out = Endings::new();
        loop {
            let ended = match self.connection.poll_event() {
                None => break,
                Some(ConnEvent::Response { context, .. } | ConnEvent::Written { context }) => (context, None),
                Some(ConnEvent::RequestFailed { context, progress, cause, .. }) => {
                    (context, Some((progress, cause)))
                }
                Some(ConnEvent::Closed { .. }) => {
                    prop_assert!(!self.closed, "closed twice");
                    self.closed = true;
                    continue;
                }
                Some(other) => return Err(TestCaseError::fail(alloc::format!("{other:?}"))),
            };
            prop_assert!(!self.closed, "the end is the last word");
            let made = &mut self.made[ended.0];
            prop_assert!(core::mem::take(&mut made.open), "{} ended twice", ended.0);
            // What was taken back has no bytes any more.
            if matches!(ended.1, Some((Progress::NotWritten, _))) {
                made.len = made.left;
            }
            out.push(ended);
        }
        Ok(out)
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..120)
}

proptest! {
    #[test]
    fn each_request_ends_once_and_all_end_with_the_connection(steps in steps()) {
        let mut world = World::new(ConnectionConfig::default());
        for step in &steps {
            world.take(step)?;
            world.endings()?;
        }
        world.connection.handle_eof(world.now);
        world.endings()?;
        prop_assert!(world.closed);
        prop_assert_eq!(world.open(), 0);
    }

    #[test]
    fn progress_is_the_truth_about_bytes(steps in steps()) {
        let mut world = World::new(ConnectionConfig::default());
        for step in steps.iter().chain([&Step::Eof]) {
            world.take(step)?;
            let left: Vec<usize> = world.made.iter().map(|made| made.left).collect();
            for (number, failed) in world.endings()? {
                if let Some((progress, _)) = failed {
                    let truth = if left[number] == 0 { Progress::NotWritten } else { Progress::MayBeDelivered };
                    prop_assert_eq!(progress, truth, "request {} with {} bytes written", number, left[number]);
                }
            }
        }
    }

    #[test]
    fn deadlines_are_kept(steps in steps()) {
        let mut world = World::new(ConnectionConfig::default());
        for step in &steps {
            world.take(step)?;
            for (number, failed) in world.endings()? {
                if let Some((_, RequestFailure::DeadlineExceeded)) = failed {
                    prop_assert!(world.made[number].deadline <= world.now);
                }
            }
            if !world.closed {
                let next = world.made.iter().filter(|made| made.open && !made.oneway).map(|made| made.deadline).min();
                prop_assert_eq!(world.connection.poll_timeout(), next);
                let late = |made: &Made| made.open && made.deadline <= world.now;
                prop_assert!(!matches!(step, Step::Advance(_)) || !world.made.iter().any(late));
            }
        }
    }

    #[test]
    fn a_oneway_request_is_written_when_its_last_byte_has_left(steps in steps()) {
        let mut world = World::new(ConnectionConfig::default());
        let mut ended = BTreeMap::new();
        for step in &steps {
            world.take(step)?;
            for (number, failed) in world.endings()? {
                ended.insert(number, failed);
            }
            for (number, made) in world.made.iter().enumerate().filter(|(_, made)| made.oneway) {
                let whole = made.len > 0 && made.left == made.len;
                let said = matches!(ended.get(&number), Some(None));
                prop_assert!(said == whole || ended.get(&number).is_some_and(Option::is_some), "{number}: {said} {whole}");
            }
        }
    }

    #[test]
    fn limits_refuse_and_give_back(steps in steps(), max_in_flight in 1..6_usize, max_queued_bytes in 1..6000_usize) {
        let config = ConnectionConfig { max_in_flight, max_queued_bytes, ..ConnectionConfig::default() };
        let mut world = World::new(config);
        for step in &steps {
            world.take(step)?;
            world.endings()?;
            prop_assert!(world.open() <= max_in_flight);
            // One body may stand above the limit when nothing else waits; heads are not counted.
            prop_assert!(world.queued() <= max_queued_bytes.max(3000) + 400 * (max_in_flight + 2));
        }
    }
}

#[test]
fn a_closing_connection_lets_what_is_queued_leave_and_takes_nothing_more() {
    let mut connection = Connection::<u8>::new(ConnectionConfig::default(), 7);
    let ask = GetRouteInfoRequest { topic: "orders".into(), ..Default::default() };
    let request = |connection: &mut Connection<u8>, n| {
        connection.request(&ask, &Bytes::new(), n, Duration::from_secs(3), Instant::ZERO)
    };
    request(&mut connection, 1).expect("open");
    connection.close();
    let refused = request(&mut connection, 2).expect_err("closing");
    assert!(matches!(refused.reason, RejectReason::Closed), "{refused:?}");
    assert!(connection.poll_event().is_none() && connection.has_pending_write());
    let mut slices = [&[][..]; 4];
    let count = connection.write_slices(&mut slices);
    let written = slices[..count].iter().map(|slice| slice.len()).sum();
    connection.handle_written(written);
    let mut seen = Vec::new();
    while let Some(event) = connection.poll_event() {
        seen.push(match event {
            ConnEvent::RequestFailed { context, progress, .. } => (context, Some(progress)),
            ConnEvent::Closed { cause: CloseCause::Local } => (0, None),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, [(1, Some(Progress::MayBeDelivered)), (0, None)]);
}

#[test]
fn only_a_frame_that_has_begun_and_is_read_has_to_end_in_time() {
    let config = Arc::new(ConnectionConfig::default());
    let limit = Instant::ZERO + config.frame_timeout;
    let mut core = Core::<u8>::new(config, 7);
    for (held, begun, deadline) in
        [(false, false, None), (true, true, None), (true, false, None), (false, true, Some(limit))]
    {
        core.hold_frame_deadline(held, begun, Instant::ZERO);
        assert_eq!(core.next_deadline(), deadline, "held {held}, begun {begun}");
    }
}
