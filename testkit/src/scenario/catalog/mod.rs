//! Every scenario there is, and those that wait.
//!
//! | room | what |
//! |---|---|
//! | `sending` | sends of every kind, queues, topics that are made or missing |
//! | `content` | bodies, tags, keys, properties, what is refused |
//! | `trouble` | brokers that are busy, silent, cut off or wrong: what a send's ending says then |
//! | `consuming` | deliveries, settlements, flow control |
//! | `groups` | members that share, join, leave, die |
//! | `retry` | what comes back, how often, and where it ends |
//! | `offsets` | where a group begins and goes on |
//! | `filters` | tags, subscriptions that change |
//! | `outage` | brokers and name servers that go and come back |
//! | `waiting` | cases of other suites that wait for a feature |

mod consuming;
mod content;
mod filters;
mod groups;
mod offsets;
mod outage;
mod retry;
mod sending;
mod trouble;
mod waiting;

use super::{Need, Scenario};

pub use waiting::{WAITING, Waiting};

macro_rules! list {
    ($($room:ident::$name:ident [$($need:ident)*],)*) => {
        &[$(Scenario {
            name: concat!(stringify!($room), "::", stringify!($name)),
            needs: &[$(Need::$need),*],
            act: |stage| Box::pin($room::$name(stage)),
        }),*]
    };
}

/// Every scenario.
pub fn all() -> &'static [Scenario] {
    list![
        sending::one_after_the_other [],
        sending::pipelined [],
        sending::oneway [],
        sending::to_one_queue [],
        sending::to_a_queue_that_is_not_there [],
        sending::queues_take_turns [],
        sending::a_young_topic_has_the_queues_its_producer_wants [AutoCreate],
        sending::the_first_send_makes_the_topic [AutoCreate],
        sending::a_topic_nobody_has [NoAutoCreate],
        sending::two_clients_of_one_producer_group [],
        sending::delay_levels [],
        sending::shutdown_ends_every_send [],
        sending::a_cancelled_send_ends_once [],
        content::sizes_up_to_the_limit [],
        content::over_the_brokers_limit [],
        content::bodies_of_every_kind [],
        content::tags_and_keys [],
        content::user_properties [],
        content::properties_up_to_the_limit [],
        content::what_is_refused [],
        content::names_that_are_refused [],
        content::written_compressed [],
        content::written_as_a_batch [],
        trouble::busy_for_a_while [Faults],
        trouble::busy_for_ever [Faults],
        trouble::refused_for_good [Faults],
        trouble::stored_but_not_answered [Faults],
        trouble::cut_before_and_after_storing [Faults],
        trouble::no_answer_at_all [Faults],
        trouble::late_answers [Faults],
        trouble::another_broker_takes_it [Faults TwoBrokers],
        consuming::several_topics [],
        consuming::two_groups [],
        consuming::settled_out_of_order [],
        consuming::all_but_one_settled [],
        consuming::nothing_settled [],
        consuming::abandoned_comes_again_here [],
        consuming::suspended_comes_again_here [],
        consuming::forgotten_goes_back [],
        consuming::flow_control_by_count [],
        consuming::big_messages [],
        consuming::a_topic_that_comes_later [],
        consuming::pulls_fail_for_a_while [Faults],
        consuming::commits_fail_for_a_while [Faults],
        groups::two_share_evenly [],
        groups::four_share_evenly [],
        groups::more_members_than_queues [],
        groups::one_joins [],
        groups::one_leaves [],
        groups::two_join_and_two_leave [],
        groups::one_is_killed [],
        groups::queues_are_added [],
        groups::a_slow_listener_starves_nobody [],
        retry::steps_rise [],
        retry::a_chosen_level [],
        retry::one_of_many [],
        retry::into_the_dead_letters_in_the_end [],
        retry::no_retries_at_all [],
        retry::into_the_dead_letters_at_once [],
        retry::thirty_times [],
        retry::sending_back_fails [Faults],
        offsets::from_the_first_with_another_group [],
        offsets::a_young_topic_is_read_whole [],
        offsets::from_the_last [Faults],
        offsets::from_a_timestamp [Faults],
        offsets::goes_on_where_it_committed [],
        offsets::the_question_fails [Faults],
        filters::one_of_several_tags [],
        filters::everything_and_nothing [],
        filters::equal_hash_codes [],
        filters::case_and_blanks [],
        filters::many_tags [],
        filters::different_groups [],
        filters::changed_while_running [],
        filters::a_subscription_ends [],
        outage::the_first_name_server_refuses [],
        outage::the_first_name_server_is_silent [],
        outage::no_name_server_at_all [],
        outage::routes_outlive_the_name_server [KillNameServer],
        outage::one_of_two_brokers_is_killed [KillBroker TwoBrokers],
        outage::the_broker_restarts_while_sending [KillBroker],
        outage::the_broker_restarts_while_consuming [KillBroker],
        outage::a_topic_becomes_read_only [],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().iter().map(|scenario| scenario.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 30);
    }
}
