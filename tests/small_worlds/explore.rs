//! All orders of everything that may happen, depth first; a state is gone on from once.
//!
//! Orders that change nothing are left out. What waits for a client which no fault can befall any more is experienced
//! by it before anything happens elsewhere: it meets the others through queues alone, first in, first out, and each
//! order left out has an equal among those tried. So does what a client and a name server, who only answers, have to
//! say to each other before there is a connection to a broker. `without_the_reduction_the_same_ends_are_reached`
//! holds it.

use std::collections::HashSet;
use std::time::Duration;

use crate::truth::Violation;
use crate::world::{Choice, World};

/// All must be at rest so long after the horizon: twice two rebalances, a long poll, a heartbeat.
const LIVENESS: Duration = Duration::from_secs(160);
/// A path with more steps is one where a machine spins.
const LONGEST: usize = 20_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Different states.
    pub(crate) states: usize,
    /// Steps between them.
    pub(crate) steps: usize,
    /// Different states in which everything is done.
    pub(crate) ends: HashSet<u64>,
    /// The longest path.
    pub(crate) longest: usize,
    /// What did not hold, with the steps that lead there.
    pub(crate) broken: Option<(Violation, Vec<String>)>,
}

struct Level {
    world: World,
    choices: Vec<Choice>,
    next: usize,
}

/// Tries everything from a state on.
pub(crate) struct Explorer {
    reduced: bool,
    most: usize,
    seen: HashSet<u64>,
    report: Report,
    stack: Vec<Level>,
    start: World,
}

impl Explorer {
    /// `most` states, in case a world is larger than it should be; `reduced`: see above.
    pub(crate) fn new(start: World, reduced: bool, most: usize) -> Self {
        let (seen, report, stack) = (HashSet::new(), Report::default(), Vec::new());
        Self { reduced, most, seen, report, stack, start }
    }

    pub(crate) fn run(mut self) -> Report {
        let start = self.start.clone();
        self.enter(start);
        while self.report.broken.is_none() {
            let Some(level) = self.stack.last_mut() else { break };
            let Some(choice) = level.choices.get(level.next).copied() else {
                self.stack.pop();
                continue;
            };
            level.next += 1;
            let mut world = level.world.clone();
            self.report.steps += 1;
            match world.step(choice) {
                Ok(()) => self.enter(world),
                Err(violation) => self.blame(violation),
            }
        }
        std::mem::take(&mut self.report)
    }

    fn enter(&mut self, world: World) {
        let digest = world.digest();
        if !self.seen.insert(digest) {
            return;
        }
        self.report.states += 1;
        self.report.longest = self.report.longest.max(self.stack.len());
        assert!(self.report.states <= self.most, "more than {} states", self.most);
        if self.stack.len() > LONGEST {
            return self.blame(Violation("I24", "it goes on and on".into()));
        }
        let mut choices = self.choices(&world);
        if let Some(since) = world.healed() {
            choices.truncate(1);
            match world.rest() {
                Ok(()) => {
                    self.report.ends.insert(digest);
                    return;
                }
                Err(missing) if since > LIVENESS => return self.blame(missing),
                Err(_) => {}
            }
        }
        self.stack.push(Level { world, choices, next: 0 });
    }

    fn choices(&self, world: &World) -> Vec<Choice> {
        if let Some(choice) = world.at_once() {
            return vec![choice];
        }
        let reduced = self.reduced || world.healed().is_some();
        let mut first = (0..world.clients()).filter(|client| reduced && world.goes_first(*client));
        first.next().map_or_else(|| world.choices(), |client| world.first_choices(client))
    }

    fn blame(&mut self, violation: Violation) {
        self.report.broken = Some((violation, self.trail()));
    }

    /// The steps that lead here, in words.
    fn trail(&self) -> Vec<String> {
        let mut world = self.start.clone();
        let taken = self.stack.iter().map(|level| level.choices[level.next.max(1) - 1]);
        taken
            .map(|choice| {
                let words = format!("{:?} {}", world.now, world.describe(choice));
                let _ = world.step(choice);
                words
            })
            .collect()
    }
}

impl Drop for Explorer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The last step may be the one that panics: it is named, not repeated.
            let last =
                self.stack.last().map(|level| level.world.describe(level.choices[level.next.max(1) - 1]));
            eprintln!("{} steps led here; the last: {last:?}", self.stack.len());
        }
    }
}
