//! Law 9: the same seed and inputs give the same state and outputs, and so does a clone from where it was made.

use std::collections::BTreeSet;

use crate::harness::World;
use crate::life::STEPS;

#[test]
fn two_engines_with_the_same_inputs_have_the_same_digest_after_every_step() {
    let (mut one, mut two) = (World::new(), World::new());
    let mut digests = BTreeSet::new();
    for (number, step) in STEPS.iter().enumerate() {
        step(&mut one);
        step(&mut two);
        let digest = one.client.digest();
        assert_eq!(digest, two.client.digest(), "after step {number}");
        assert_eq!(one.outputs(), two.outputs(), "after step {number}");
        digests.insert(digest);
    }
    assert!(digests.len() > STEPS.len() - 5, "the digest follows the state: {} different", digests.len());
}

#[test]
fn a_clone_goes_on_identically() {
    for at in 0..STEPS.len() {
        let mut original = World::new();
        STEPS[..at].iter().for_each(|step| step(&mut original));
        let mut clone = original.fork();
        assert_eq!(original.client.digest(), clone.client.digest());
        for (number, step) in STEPS.iter().enumerate().skip(at) {
            step(&mut original);
            step(&mut clone);
            assert_eq!(
                original.client.digest(),
                clone.client.digest(),
                "cloned at {at}, after step {number}"
            );
        }
        assert_eq!(original.outputs(), clone.outputs(), "cloned at {at}");
    }
}

#[test]
fn whatever_is_pending_counts() {
    let mut world = World::new();
    let idle = world.client.digest();
    let topic = world.topic("T");
    let named = world.client.digest();
    assert_ne!(idle, named);
    // Asking for a route leaves a connection to be made: an action that nobody has taken out.
    let _ = world.client.writable_queues(&topic, world.now);
    let asking = world.client.digest();
    assert_ne!(named, asking);
    let _ = world.client.poll_action();
    assert_ne!(asking, world.client.digest());
}
