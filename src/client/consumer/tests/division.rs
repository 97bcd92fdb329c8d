//! Properties of dividing queues among members, whatever the group looks like.

use alloc::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct ByFirstLetter;

impl RoomResolver for ByFirstLetter {
    fn of_queue(&self, queue: &QueueName<'_>) -> String {
        queue.broker[..1].to_string()
    }

    fn of_member(&self, member: &str) -> String {
        member[..1].to_string()
    }
}

/// Broker and number of each queue, sorted as strategies want them.
fn queues() -> impl Strategy<Value = Vec<(String, u32)>> {
    prop::collection::btree_set(("[a-c]@[x-z]", 0..6_u32), 0..24).prop_map(|set| set.into_iter().collect())
}

fn members() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("[a-d][0-9]", 1..9).prop_map(|set| set.into_iter().collect())
}

fn names(queues: &[(String, u32)]) -> Vec<QueueName<'_>> {
    queues.iter().map(|(broker, id)| QueueName { topic: "t", broker, id: *id }).collect()
}

/// What each member gets.
fn divided(strategy: &dyn AllocateStrategy, queues: &[(String, u32)], members: &[String]) -> Vec<Vec<usize>> {
    let (names, list) = (names(queues), members.iter().map(String::as_str).collect::<Vec<_>>());
    members.iter().map(|own| strategy.allocate(own, &names, &list)).collect()
}

/// Every queue has one owner.
fn is_complete(parts: &[Vec<usize>], queues: usize) -> bool {
    let mut all = parts.concat();
    all.sort_unstable();
    all.into_iter().eq(0..queues)
}

proptest! {
    #[test]
    fn averaging_gives_every_queue_one_owner_and_all_the_same_share(queues in queues(), members in members()) {
        for strategy in [&Average as &dyn AllocateStrategy, &AverageByCircle] {
            let parts = divided(strategy, &queues, &members);
            prop_assert!(is_complete(&parts, queues.len()), "{}: {:?}", strategy.name(), parts);
            let sizes = parts.iter().map(Vec::len);
            let (most, least) = (sizes.clone().max().unwrap_or(0), sizes.min().unwrap_or(0));
            prop_assert!(most - least <= 1, "{}: {:?}", strategy.name(), parts);
        }
    }

    #[test]
    fn averaging_gives_runs_of_neighbours(queues in queues(), members in members()) {
        for part in divided(&Average, &queues, &members) {
            prop_assert!(part.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
    }

    #[test]
    fn who_is_not_listed_gets_nothing(queues in queues(), members in members()) {
        let (names, list) = (names(&queues), members.iter().map(String::as_str).collect::<Vec<_>>());
        for strategy in [&Average as &dyn AllocateStrategy, &AverageByCircle, &MachineRoom { rooms: vec_of(&["a"]) }] {
            prop_assert_eq!(strategy.allocate("z9", &names, &list), Vec::<usize>::new());
            prop_assert_eq!(strategy.allocate("z9", &names, &[]), Vec::<usize>::new());
        }
    }

    #[test]
    fn a_machine_rooms_queues_have_one_owner_and_others_none(queues in queues(), members in members(), rooms in prop::collection::btree_set("[a-d]", 0..4)) {
        let strategy = MachineRoom { rooms: rooms.iter().cloned().collect() };
        let mut all = divided(&strategy, &queues, &members).concat();
        all.sort_unstable();
        let wanted = queues.iter().enumerate().filter(|(_, queue)| rooms.contains(&queue.0[..1]));
        prop_assert_eq!(all, wanted.map(|(at, _)| at).collect::<Vec<_>>());
    }

    #[test]
    fn nearby_rooms_leave_no_queue_without_an_owner(queues in queues(), members in members()) {
        let strategy = MachineRoomNearby::new(alloc::sync::Arc::new(Average), alloc::sync::Arc::new(ByFirstLetter));
        let parts = divided(&strategy, &queues, &members);
        prop_assert!(is_complete(&parts, queues.len()), "{parts:?}");
        let rooms: BTreeSet<&str> = members.iter().map(|member| &member[..1]).collect();
        for (member, part) in members.iter().zip(parts) {
            let mut near = part.iter().map(|at| &queues[*at].0[..1]);
            prop_assert!(near.all(|room| room == &member[..1] || !rooms.contains(room)));
        }
    }

    #[test]
    fn configured_queues_are_ours_whoever_is_there(queues in queues(), members in members(), wanted in prop::collection::vec(("[a-c]@[x-z]", 0..6_u32), 0..9)) {
        let strategy = Configured { queues: wanted.clone() };
        let expected: Vec<usize> = queues.iter().enumerate().filter(|(_, queue)| wanted.contains(queue)).map(|(at, _)| at).collect();
        for part in divided(&strategy, &queues, &members) {
            prop_assert_eq!(&part, &expected);
        }
    }

    #[test]
    fn names_are_ordered_by_their_utf16_units(a in "[a-z\u{e000}-\u{f000}\u{10000}-\u{10fff}]{0,4}", b in "[a-z\u{e000}-\u{f000}\u{10000}-\u{10fff}]{0,4}") {
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        prop_assert_eq!(java_order(&a, &b), units(&a).cmp(&units(&b)));
        prop_assert_eq!(java_order(&a, &b), java_order(&b, &a).reverse());
    }

    #[test]
    fn queues_are_ordered_by_topic_broker_number(mut list in prop::collection::vec(("[ab]", "[ab]", 0..12_u32), 0..12)) {
        let mut names: Vec<QueueName<'_>> = list.iter().map(|(topic, broker, id)| QueueName { topic, broker, id: *id }).collect();
        names.sort_by(queue_order);
        let sorted: Vec<_> = names.iter().map(|name| (name.topic.to_string(), name.broker.to_string(), name.id)).collect();
        list.sort();
        prop_assert_eq!(sorted, list);
    }
}

fn vec_of(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_string()).collect()
}
