use super::Course;
use super::RequestId;
use super::Verdict;
use crate::config::Deadlines;
use crate::listener::events::CloseReason;
use crate::model::Tick;
use proptest::prelude::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn at(seconds: u64) -> Tick {
    Tick::from_nanos(seconds * 1_000_000_000)
}

fn course() -> Course {
    Course::new(Deadlines::default(), HOUR, at(0))
}

fn waiting() -> Course {
    let mut course = course();
    course.secured(at(0));
    course
}

fn serving(has_body: bool) -> (Course, RequestId) {
    let mut course = waiting();
    course.bytes_arrived(at(0));
    let id = course.request_began(at(0), has_body);
    (course, id)
}

#[test]
fn a_handshake_has_its_ten_seconds_and_no_more() {
    let mut course = course();
    assert_eq!(course.due(at(9)), None);
    assert_eq!(course.due(at(10)), Some(Verdict::Cut(CloseReason::Handshake)));
}

#[test]
fn a_first_request_is_waited_for_five_seconds() {
    let mut course = course();
    course.secured(at(3));
    assert_eq!(course.due(at(7)), None);
    assert_eq!(course.due(at(8)), Some(Verdict::Cut(CloseReason::FirstRequest)));
}

#[test]
fn a_head_has_its_time_from_its_first_byte_and_more_bytes_give_no_more() {
    let mut course = waiting();
    course.bytes_arrived(at(4));
    course.bytes_arrived(at(13));
    assert_eq!(course.due(at(13)), None);
    assert_eq!(course.due(at(14)), Some(Verdict::Cut(CloseReason::Headers)));
}

#[test]
fn a_body_earns_a_second_for_sixteen_kibibytes() {
    let (mut course, id) = serving(true);
    course.body_awaited(id, at(0));
    course.body_received(id, at(10), 5 * 16 * 1024);
    course.body_awaited(id, at(10));
    assert_eq!(course.due(at(34)), None);
    assert_eq!(course.due(at(35)), Some(Verdict::BodyTooSlow(id)));
    assert!(course.body_expired(id));
}

#[test]
fn a_body_has_five_minutes_at_most() {
    let (mut course, id) = serving(true);
    course.body_received(id, at(0), u64::MAX);
    course.body_awaited(id, at(0));
    assert_eq!(course.due(at(299)), None);
    assert_eq!(course.due(at(300)), Some(Verdict::BodyTooSlow(id)));
}

#[test]
fn a_client_is_not_slow_while_nobody_reads_its_body() {
    let (mut course, id) = serving(true);
    assert_eq!(course.due(at(1000)), None, "waiting in line for a rate");
    course.body_awaited(id, at(1000));
    assert_eq!(course.due(at(1029)), None);
    assert_eq!(course.due(at(1030)), Some(Verdict::BodyTooSlow(id)));
}

#[test]
fn after_a_body_that_was_too_slow_the_answer_has_an_answers_time() {
    let (mut course, id) = serving(true);
    course.body_awaited(id, at(0));
    assert_eq!(course.due(at(30)), Some(Verdict::BodyTooSlow(id)));
    assert_eq!(course.due(at(149)), None);
    assert_eq!(course.due(at(150)), Some(Verdict::Cut(CloseReason::Body)));
}

#[test]
fn a_handler_is_not_cut_for_working() {
    let (mut course, id) = serving(true);
    course.body_ended(id, 0);
    assert_eq!(course.due(at(3599)), None);
    assert_eq!(course.due(at(3600)), Some(Verdict::End(CloseReason::Age)));
    assert_eq!(course.due(at(9000)), None, "age does not cut a handler either");
    course.answer_began(id, at(9000));
    course.request_ended(id, at(9001));
    assert_eq!(course.due(at(9019)), None);
    assert_eq!(course.due(at(9020)), Some(Verdict::Cut(CloseReason::Age)));
}

#[test]
fn a_request_that_came_after_the_asking_holds_nothing_off() {
    let (mut course, first) = serving(false);
    assert_eq!(course.due(at(3600)), Some(Verdict::End(CloseReason::Age)));
    course.request_began(at(3601), false);
    course.request_ended(first, at(3610));
    assert_eq!(course.due(at(3630)), Some(Verdict::Cut(CloseReason::Age)));
}

#[test]
fn a_stop_gives_a_handler_the_drain_and_no_more() {
    let (mut course, _) = serving(false);
    course.ask_to_end(at(5), CloseReason::Shutdown);
    assert_eq!(course.due(at(24)), None);
    assert_eq!(course.due(at(25)), Some(Verdict::Cut(CloseReason::Shutdown)));
}

#[test]
fn a_stop_gives_a_handshake_and_a_first_request_a_second_each() {
    let half_past = |seconds| at(seconds).after(Duration::from_millis(500));
    for is_secured in [false, true] {
        let mut course = course();
        course.ask_to_end(at(2), CloseReason::Shutdown);
        assert_eq!(course.due(half_past(2)), None);
        if is_secured {
            course.secured(half_past(2));
            assert_eq!(course.due(at(3)), None);
        }
        let end = if is_secured { half_past(3) } else { at(3) };
        assert_eq!(course.due(end), Some(Verdict::Cut(CloseReason::Shutdown)));
    }
}

#[test]
fn a_stop_outranks_old_age() {
    let (mut course, _) = serving(false);
    assert_eq!(course.due(at(3600)), Some(Verdict::End(CloseReason::Age)));
    course.ask_to_end(at(3700), CloseReason::Shutdown);
    assert_eq!(course.due(at(3720)), Some(Verdict::Cut(CloseReason::Shutdown)));
}

#[test]
fn an_answer_has_two_minutes_from_its_head() {
    let (mut course, id) = serving(false);
    course.answer_began(id, at(8));
    assert_eq!(course.due(at(127)), None);
    assert_eq!(course.due(at(128)), Some(Verdict::Cut(CloseReason::Answer)));
}

#[test]
fn a_write_that_stalls_is_cut_and_one_that_moves_is_not() {
    let (mut course, id) = serving(false);
    course.answer_began(id, at(0));
    course.write_blocked(at(0));
    course.write_blocked(at(20));
    assert_eq!(course.due(at(29)), None);
    course.wrote();
    course.write_blocked(at(29));
    assert_eq!(course.due(at(58)), None);
    assert_eq!(course.due(at(59)), Some(Verdict::Cut(CloseReason::StalledWrite)));
}

#[test]
fn an_idle_connection_is_asked_to_end_and_then_cut() {
    let (mut course, id) = serving(false);
    course.request_ended(id, at(10));
    assert_eq!(course.due(at(99)), None);
    assert_eq!(course.due(at(100)), Some(Verdict::End(CloseReason::Idle)));
    assert_eq!(course.due(at(119)), None);
    assert_eq!(course.due(at(120)), Some(Verdict::Cut(CloseReason::Idle)));
}

#[test]
fn a_connection_is_idle_only_when_its_last_request_has_ended() {
    let (mut course, first) = serving(false);
    let second = course.request_began(at(1), false);
    course.request_ended(first, at(2));
    assert_eq!(course.due(at(500)), None);
    course.request_ended(second, at(500));
    assert_eq!(course.due(at(590)), Some(Verdict::End(CloseReason::Idle)));
}

#[test]
fn the_rest_of_a_body_that_nobody_read_is_no_head() {
    let (mut course, id) = serving(true);
    course.body_ended(id, 100);
    assert!(!course.body_left(id), "so little is read away");
    course.request_ended(id, at(1));
    course.bytes_arrived(at(2));
    assert_eq!(course.due(at(90)), None);
    assert_eq!(course.due(at(91)), Some(Verdict::End(CloseReason::Idle)));
}

#[test]
fn a_connection_ends_with_an_answer_to_a_body_of_which_much_is_left() {
    let (mut course, id) = serving(true);
    assert!(course.body_left(id));
    course.body_ended(id, 8193);
    assert!(course.body_left(id));
    let (mut course, id) = serving(true);
    course.body_ended(id, 0);
    course.body_ended(id, u64::MAX);
    assert!(!course.body_left(id), "what has arrived whole has arrived");
}

#[test]
fn a_deadline_longer_than_the_age_is_kept_within_it() {
    let mut course = waiting();
    let id = course.request_began(at(0), false);
    course.request_ended(id, at(3590));
    assert_eq!(course.due(at(3600)), Some(Verdict::End(CloseReason::Age)));
    assert_eq!(course.due(at(3620)), Some(Verdict::Cut(CloseReason::Age)));
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Secured,
    Bytes,
    Began,
    Awaited,
    Received(u64),
    Answered,
    Ended,
    Blocked,
    Wrote,
    Stop,
    Asked,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Secured),
        Just(Event::Bytes),
        Just(Event::Began),
        Just(Event::Awaited),
        (0_u64..100_000).prop_map(Event::Received),
        Just(Event::Answered),
        Just(Event::Ended),
        Just(Event::Blocked),
        Just(Event::Wrote),
        Just(Event::Stop),
        Just(Event::Asked),
    ]
}

proptest! {
    /// The client may do what it likes: unless we owe it something, there is a moment at which it must have moved.
    #[test]
    fn a_connection_whose_client_is_waited_for_always_has_a_deadline(
        events in prop::collection::vec((event(), 0_u64..30_000), 0..80),
    ) {
        let mut course = course();
        let mut now = at(0);
        let mut last = None;
        for (event, millis) in events {
            now = now.after(Duration::from_millis(millis));
            match (event, last) {
                (Event::Secured, _) => course.secured(now),
                (Event::Bytes, _) => course.bytes_arrived(now),
                (Event::Began, _) => {
                    let id = course.request_began(now, true);
                    // The service reads the body at once, as ours does when it has let the request in.
                    course.body_awaited(id, now);
                    last = Some(id);
                }
                (Event::Awaited, Some(id)) => course.body_awaited(id, now),
                (Event::Received(bytes), Some(id)) => {
                    course.body_received(id, now, bytes);
                    course.body_awaited(id, now);
                }
                (Event::Answered, Some(id)) => course.answer_began(id, now),
                (Event::Ended, Some(id)) => course.request_ended(id, now),
                (Event::Blocked, _) => course.write_blocked(now),
                (Event::Wrote, _) => course.wrote(),
                (Event::Stop, _) => course.ask_to_end(now, CloseReason::Shutdown),
                (Event::Asked, _) => drop(course.due(now)),
                _ => {}
            }
            prop_assert!(course.next_deadline().is_some(), "{event:?} left {course:?} without one");
        }
        // And left alone it is cut, in a number of steps that its requests bound.
        for _ in 0..200 {
            let Some((tick, _)) = course.next_deadline() else { break };
            if let Some(Verdict::Cut(_)) = course.due(tick.max(now)) {
                return Ok(());
            }
        }
        prop_assert!(false, "never cut: {course:?}");
    }

    /// What a timer relies on that is not asked after each step of a request.
    #[test]
    fn no_step_of_a_request_brings_a_deadline_nearer_than_it_says(
        events in prop::collection::vec((event(), 0_u64..30_000), 0..80),
    ) {
        let mut course = course();
        course.secured(at(0));
        let mut now = at(0);
        let mut last = None;
        for (event, millis) in events {
            now = now.after(Duration::from_millis(millis));
            let (before, far) = (course.next_deadline(), course.brings_none_before());
            match (event, last) {
                (Event::Bytes, _) => course.bytes_arrived(now),
                (Event::Began, _) => last = Some(course.request_began(now, true)),
                (Event::Received(bytes), Some(id)) => course.body_received(id, now, bytes),
                (Event::Answered, Some(id)) => course.answer_began(id, now),
                (Event::Ended, Some(id)) => course.request_ended(id, now),
                (Event::Blocked, _) => course.write_blocked(now),
                (Event::Wrote, _) => course.wrote(),
                (Event::Awaited, Some(id)) => {
                    course.body_awaited(id, now);
                    continue;
                }
                (Event::Stop, _) => {
                    course.ask_to_end(now, CloseReason::Shutdown);
                    continue;
                }
                (Event::Asked, _) => {
                    course.due(now);
                    continue;
                }
                _ => continue,
            }
            let after = course.next_deadline().map(|(tick, _)| tick);
            if let (Some(far), Some(after)) = (far, after) {
                let before = before.map_or(after, |(tick, _)| tick);
                prop_assert!(after >= before.min(now.after(far)), "{event:?}: {before:?}, {after:?}, {course:?}");
            }
        }
    }
}
