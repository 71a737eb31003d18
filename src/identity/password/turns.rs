//! Who may compute a hash now, who waits, and who is told to come again.
//!
//! As many hashes are computed at one time as the machine is given for it, and so many attempts wait. Who proved this very
//! password before goes first. Everybody else takes turns address by address: one address never computes more than half of
//! what is computed at one time, and when the queue is full the newest of the address with the most in it gives way. So
//! one address alone has the whole queue, and one that fills it keeps nobody else out.

use crate::model::Subscriber;
use argon2::Block;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How many hashes are computed at one time, and how many wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) concurrency: usize,
    pub(super) queue: usize,
}

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This very password was proved before, and is only to be proved anew.
    Proved,
    /// Somebody at this address, who may be anybody.
    Stranger(Subscriber),
}

/// The turns of this process: one set of them, whatever is reloaded.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    bounds: Bounds,
    running: usize,
    proved: VecDeque<oneshot::Sender<Turn>>,
    /// Of addresses with somebody waiting or running, the next to be served first: at most as many as those together.
    lines: VecDeque<Line>,
    /// In all lines.
    strangers: usize,
}

#[derive(Debug)]
struct Line {
    source: Subscriber,
    running: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to compute one hash, until it is dropped, and the memory for it. The memory goes to whoever comes next and is
/// given back when nobody waits; it is not wiped, as neither password nor hash can be read from it.
pub(super) struct Turn {
    turns: Turns,
    whose: Whose,
    pub(super) memory: Vec<Block>,
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Place(oneshot::Receiver<Turn>);

impl Place {
    /// The turn, when it comes. `None`: the queue is full, and somebody else has the better right to wait.
    pub(super) async fn turn(self) -> Option<Turn> {
        self.0.await.ok()
    }
}

impl Turns {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (proved, lines) = (VecDeque::new(), VecDeque::new());
        Self { state: Arc::new(Mutex::new(State { bounds, running: 0, proved, lines, strangers: 0 })) }
    }

    /// Whoever computes or waits already is not touched.
    pub(super) fn set_bounds(&self, bounds: Bounds) {
        self.state.lock().bounds = bounds;
    }

    pub(super) fn enter(&self, whose: Whose) -> Place {
        let (sender, receiver) = oneshot::channel();
        let next = {
            let mut state = self.state.lock();
            state.join(whose, sender);
            let next = state.next();
            state.drop_whom_there_is_no_room_for();
            next
        };
        self.hand_over(next, Vec::new());
        Place(receiver)
    }

    fn hand_over(&self, next: Option<(oneshot::Sender<Turn>, Whose)>, memory: Vec<Block>) {
        if let Some((sender, whose)) = next {
            // Who does not wait any more gives the turn back by dropping it.
            let _ = sender.send(Turn { turns: self.clone(), whose, memory });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.turns.state.lock();
            state.end(self.whose);
            state.next()
        };
        self.turns.hand_over(next, std::mem::take(&mut self.memory));
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("whose", &self.whose).finish_non_exhaustive()
    }
}

impl State {
    fn join(&mut self, whose: Whose, sender: oneshot::Sender<Turn>) {
        let Whose::Stranger(source) = whose else {
            return self.proved.push_back(sender);
        };
        self.strangers += 1;
        match self.lines.iter_mut().find(|line| line.source == source) {
            Some(line) => line.waiting.push_back(sender),
            None => self.lines.push_back(Line { source, running: 0, waiting: VecDeque::from([sender]) }),
        }
    }

    /// Who is to compute now, if anybody may.
    fn next(&mut self) -> Option<(oneshot::Sender<Turn>, Whose)> {
        if self.running >= self.bounds.concurrency {
            return None;
        }
        if let Some(sender) = self.proved.pop_front() {
            self.running += 1;
            return Some((sender, Whose::Proved));
        }
        let share = self.bounds.concurrency.div_ceil(2);
        let at = self.lines.iter().position(|line| !line.waiting.is_empty() && line.running < share)?;
        let mut line = self.lines.remove(at)?;
        let sender = line.waiting.pop_front();
        line.running += 1;
        let whose = Whose::Stranger(line.source);
        self.lines.push_back(line);
        self.strangers -= 1;
        self.running += 1;
        sender.map(|sender| (sender, whose))
    }

    fn end(&mut self, whose: Whose) {
        self.running -= 1;
        if let Whose::Stranger(source) = whose {
            if let Some(line) = self.lines.iter_mut().find(|line| line.source == source) {
                line.running -= 1;
            }
            self.lines.retain(|line| line.running > 0 || !line.waiting.is_empty());
        }
    }

    /// Dropping a sender tells its place.
    fn drop_whom_there_is_no_room_for(&mut self) {
        while self.proved.len() > self.bounds.queue {
            self.proved.pop_back();
        }
        while self.strangers > self.bounds.queue {
            // Of several the last, which is the newest to come or the last to be served.
            let Some(longest) = self.lines.iter_mut().max_by_key(|line| line.waiting.len()) else { return };
            longest.waiting.pop_back();
            self.strangers -= 1;
        }
        self.lines.retain(|line| line.running > 0 || !line.waiting.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use super::Place;
    use super::Turn;
    use super::Turns;
    use super::Whose;
    use crate::model::Subscriber;
    use std::net::IpAddr;

    fn stranger(n: u8) -> Whose {
        Whose::Stranger(Subscriber::of(IpAddr::from([192, 0, 2, n])))
    }

    fn turns(concurrency: usize, queue: usize) -> Turns {
        Turns::new(Bounds { concurrency, queue })
    }

    /// What has become of a place by now.
    fn turn(place: &mut Place) -> Option<Turn> {
        place.0.try_recv().ok()
    }

    fn is_refused(place: &mut Place) -> bool {
        matches!(place.0.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Closed))
    }

    #[test]
    fn one_address_has_half_of_the_turns_and_all_of_the_queue_while_it_is_alone() {
        let turns = turns(2, 3);
        let mut mine: Vec<_> = (0..5).map(|_| turns.enter(stranger(1))).collect();
        let first = turn(&mut mine[0]).unwrap();
        assert!(turn(&mut mine[1]).is_none());
        assert_eq!([1, 2, 3, 4].map(|n| is_refused(&mut mine[n])), [false, false, false, true]);
        let mut other = turns.enter(stranger(2));
        let second = turn(&mut other).unwrap();
        drop(first);
        assert!(turn(&mut mine[1]).is_some());
        drop(second);
    }

    #[test]
    fn whoever_fills_the_queue_gives_way_to_everybody_else() {
        let turns = turns(1, 4);
        let mut flood: Vec<_> = (0..5).map(|_| turns.enter(stranger(1))).collect();
        let running = turn(&mut flood[0]).unwrap();
        let others: Vec<_> = (2..4).map(|n| turns.enter(stranger(n))).collect();
        assert_eq!([1, 2, 3, 4].map(|n| is_refused(&mut flood[n])), [false, false, true, true]);
        // And they take turns: each is dropped as soon as it is seen, which hands on the next.
        drop(running);
        let mut places: Vec<_> = flood.drain(1..3).chain(others).collect();
        let mut order = Vec::new();
        while order.len() < places.len() {
            let next = places.iter_mut().position(|place| turn(place).is_some());
            order.push(next.expect("somebody's turn"));
        }
        assert_eq!(order, [0, 2, 3, 1]);
    }

    #[test]
    fn who_was_proved_before_goes_first() {
        let turns = turns(1, 1);
        let mut running = turns.enter(stranger(1));
        let running = turn(&mut running).unwrap();
        let (mut waiting, mut proved) = (turns.enter(stranger(2)), turns.enter(Whose::Proved));
        drop(running);
        assert!(turn(&mut waiting).is_none());
        drop(turn(&mut proved).unwrap());
        assert!(turn(&mut waiting).is_some());
    }

    #[test]
    fn a_place_that_nobody_waits_at_any_more_is_passed_over() {
        let turns = turns(1, 8);
        let mut running = turns.enter(stranger(1));
        let running = turn(&mut running).unwrap();
        for n in 2..6 {
            drop(turns.enter(stranger(n)));
        }
        let mut last = turns.enter(stranger(9));
        drop(running);
        assert!(turn(&mut last).is_some());
        assert!(turns.state.lock().lines.is_empty());
    }

    #[test]
    fn memory_goes_on_to_who_waits_and_is_given_back_when_nobody_does() {
        let turns = turns(1, 8);
        let mut places = [(); 2].map(|()| turns.enter(stranger(1)));
        let mut first = turn(&mut places[0]).unwrap();
        first.memory = vec![argon2::Block::new(); 3];
        drop(first);
        assert_eq!(turn(&mut places[1]).unwrap().memory.len(), 3);
        assert!(turn(&mut turns.enter(stranger(1))).unwrap().memory.is_empty());
    }
}
