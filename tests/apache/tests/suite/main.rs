//! Our client against real Apache RocketMQ, version by version and adapter by adapter.
//!
//! | room | what |
//! |---|---|
//! | `journeys` | what an application goes through |
//! | `ledger` | what was sent, how it ended, what came |
//! | `adapter` | the same few things asked of every adapter |
//!
//! A test is called `VERSION::ADAPTER::journeys::NAME` or `VERSION::ADAPTER::smoke::NAME`; `tests/apache/run` picks.

#![allow(unreachable_pub)] // a program: nothing of it is reached from elsewhere

mod adapter;
mod journeys;
mod ledger;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use rocketmq_apache::{Cluster, Result, Version};

use adapter::Connect;

/// One cluster at a time, kept from test to test of the same version: two servers are enough for a small machine.
static CLUSTER: Mutex<Option<Cluster>> = Mutex::new(None);

fn run(version: Version, connect: Connect, journey: fn(&mut Cluster, Connect) -> Result<()>) {
    let mut slot = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.as_ref().is_none_or(|cluster| cluster.version() != version) {
        *slot = None;
        *slot = Some(Cluster::start(version).unwrap_or_else(|trouble| panic!("{trouble}")));
    }
    let Some(cluster) = slot.as_mut() else { return };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        journey(cluster, connect).unwrap_or_else(|trouble| panic!("{trouble}"));
    }));
    if let Err(panic) = ended {
        // The next test gets fresh servers; these leave their logs.
        cluster.keep();
        *slot = None;
        resume_unwind(panic);
    }
}

macro_rules! matrix {
    ($($version:ident = $Version:ident),*) => { $(
        mod $version {
            matrix!(@adapters $Version: blocking, mio, tokio, async_std);
        }
    )* };
    (@adapters $Version:ident: $($adapter:ident),*) => { $(
        mod $adapter {
            mod journeys {
                matrix!(@tests $Version $adapter: everything_arrives_once, tags_are_filtered, java_reads_ours,
                    ours_reads_java, a_group_shared_with_java, a_consumer_goes_on_where_it_committed);
            }
            mod smoke {
                matrix!(@tests $Version $adapter: the_broker_restarts_in_the_middle);
            }
        }
    )* };
    (@tests $Version:ident $adapter:ident: $($journey:ident),*) => { $(
        #[test]
        #[ignore = "needs Java: tests/apache/run"]
        fn $journey() {
            crate::run(rocketmq_apache::Version::$Version, crate::adapter::$adapter, crate::journeys::$journey);
        }
    )* };
}

matrix!(v5_5_0 = V5_5_0, v4_9_7 = V4_9_7);
