//! What scenarios are played on.

use rocketmq_testkit::scenario::{Controls, Embedded, Need};

/// A place for scenarios.
pub(crate) trait Site: Sync {
    /// A cluster for one scenario with these needs; else why it cannot be had.
    fn controls(&self, needs: &[Need]) -> Result<Box<dyn Controls>, String>;

    /// Scenarios share one cluster.
    fn is_shared(&self) -> bool;

    /// How many may be played at the same time.
    fn at_once(&self) -> usize;
}

/// Whether this runner plays on that cluster at all.
pub(crate) fn has(_cluster: &str, _runner: &str) -> bool {
    true
}

/// Opens the place with this name.
pub(crate) fn open(cluster: &str) -> Result<Box<dyn Site>, String> {
    match cluster {
        "embedded" => Ok(Box::new(EachItsOwn)),
        other => Err(format!("there is no cluster {other:?}: embedded, 5.5.0, 4.9.7")),
    }
}

/// An embedded cluster for each scenario.
struct EachItsOwn;

impl Site for EachItsOwn {
    fn controls(&self, needs: &[Need]) -> Result<Box<dyn Controls>, String> {
        let embedded = Embedded::start(needs).map_err(|error| error.to_string())?;
        needs.iter().try_for_each(|need| embedded.can(*need))?;
        Ok(Box::new(embedded))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn at_once(&self) -> usize {
        usize::MAX
    }
}
