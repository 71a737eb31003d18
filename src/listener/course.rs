//! What a connection owes, and by when: the deadlines of [`Deadlines`] as one state machine without IO.
//!
//! The socket and the requests tell it what happened and when; it answers when it next wants to be asked, and then what
//! is to be done. A connection always has a next deadline, except while the gateway itself owes a client the answer to
//! a request that has arrived whole: a handler is never cut for working.

use super::events::CloseReason;
use crate::config::Deadlines;
use crate::model::Tick;
use std::time::Duration;

/// A body earns a second for as many bytes: what the configuration promises (`Deadlines::body`).
const BODY_BYTES_PER_SECOND: u64 = 16 * 1024;
/// What a body may take in all, however large, unless its deadline is configured longer than that.
const BODY_MAX: Duration = Duration::from_secs(300);
/// What is left unread of a body up to this many bytes is read away, if it is there, and the connection kept: what hyper
/// reads at first.
pub(super) const LITTLE: u64 = 8 * 1024;

/// Chosen: what a connection that was asked to end before its first request has for it, and for its handshake. Some round
/// trips around the world.
const EACH_STEP_AT_THE_END: Duration = Duration::from_secs(1);

/// Names a request within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RequestId(u64);

impl RequestId {
    /// Whether it is the first of its connection.
    pub(super) fn is_first(self) -> bool {
        self.0 == 0
    }
}

/// What is to be done now that a deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Drop the connection.
    Cut(CloseReason),
    /// Ask the client to end it: GOAWAY, or `Connection: close`.
    End(CloseReason),
    /// Let the body of this request end in an error.
    BodyTooSlow(RequestId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Since the socket was accepted.
    Handshake(Tick),
    /// Handshake done, no byte of a first request yet (HTTP/2: no request).
    Waiting(Tick),
    /// HTTP/1 only: the first byte of a head came then.
    Head(Tick),
    /// At least one request under way.
    Serving,
    /// The last request ended then.
    Idle(Tick),
}

#[derive(Clone, Copy, Debug)]
enum Body {
    /// Arrived whole, or there was none.
    Done,
    /// No longer wanted, and so many bytes of it are still to come.
    Left(u64),
    /// Only the time somebody waits for bytes counts: while the gateway does not read, the client is not slow.
    Open {
        received: u64,
        spent: Duration,
        awaited: Option<Tick>,
    },
    Expired(Tick),
}

#[derive(Clone, Copy, Debug)]
struct Request {
    began: Tick,
    body: Body,
    answer: Option<Tick>,
}

impl Request {
    /// Whether the gateway, and not the client, is what is being waited for.
    fn working(&self) -> bool {
        let waiting_for_client = matches!(self.body, Body::Open { awaited: Some(_), .. } | Body::Expired(_));
        self.answer.is_none() && !waiting_for_client
    }
}

/// A connection that was asked to end.
#[derive(Clone, Copy, Debug)]
struct Ending {
    asked: Tick,
    /// From when `drain` counts: when it was asked, or when the last request that held it off was worked through.
    from: Tick,
    why: CloseReason,
}

#[derive(Debug)]
pub(super) struct Course {
    deadlines: Deadlines,
    /// `connection_age`, less what this connection's jitter takes.
    age: Duration,
    opened: Tick,
    phase: Phase,
    /// In no order. One for HTTP/1, and as many as there may be streams for HTTP/2.
    requests: Vec<(RequestId, Request)>,
    next_id: u64,
    /// Since when the socket has taken no byte that was offered to it.
    blocked: Option<Tick>,
    ending: Option<Ending>,
    /// The next bytes may be the rest of a body that nobody read, and no head. If they are one, `idle` still bounds it.
    remains: bool,
}

impl Course {
    pub(super) fn new(deadlines: Deadlines, age: Duration, now: Tick) -> Self {
        Self {
            deadlines,
            age,
            opened: now,
            phase: Phase::Handshake(now),
            requests: Vec::new(),
            next_id: 0,
            blocked: None,
            ending: None,
            remains: false,
        }
    }

    /// The handshake is over, or there is none on this listener.
    pub(super) fn secured(&mut self, now: Tick) {
        if matches!(self.phase, Phase::Handshake(_)) {
            self.phase = Phase::Waiting(now);
        }
    }

    /// HTTP/1: bytes arrived. The first after a silence begins a head.
    pub(super) fn bytes_arrived(&mut self, now: Tick) {
        let remains = std::mem::take(&mut self.remains);
        if matches!(self.phase, Phase::Waiting(_)) || (matches!(self.phase, Phase::Idle(_)) && !remains) {
            self.phase = Phase::Head(now);
        }
    }

    /// A head is there whole and its request goes to the service.
    pub(super) fn request_began(&mut self, now: Tick, has_body: bool) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let body = if has_body { Body::Open { received: 0, spent: Duration::ZERO, awaited: None } } else { Body::Done };
        self.requests.push((id, Request { began: now, body, answer: None }));
        self.phase = Phase::Serving;
        id
    }

    fn request(&self, id: RequestId) -> Option<&Request> {
        self.requests.iter().find(|(own, _)| *own == id).map(|(_, request)| request)
    }

    fn request_mut(&mut self, id: RequestId) -> Option<&mut Request> {
        self.requests.iter_mut().find(|(own, _)| *own == id).map(|(_, request)| request)
    }

    /// Somebody wants more of the body and there is none yet.
    pub(super) fn body_awaited(&mut self, id: RequestId, now: Tick) {
        if let Some(Request { body: Body::Open { awaited, .. }, .. }) = self.request_mut(id) {
            awaited.get_or_insert(now);
        }
    }

    pub(super) fn body_received(&mut self, id: RequestId, now: Tick, bytes: u64) {
        if let Some(Request { body: Body::Open { received, spent, awaited }, .. }) = self.request_mut(id) {
            *received = received.saturating_add(bytes);
            if let Some(since) = awaited.take() {
                *spent = spent.saturating_add(now.since(since));
            }
        }
    }

    /// Whether somebody waits for bytes of this body.
    pub(super) fn awaits_body(&self, id: RequestId) -> bool {
        matches!(self.request(id), Some(Request { body: Body::Open { awaited: Some(_), .. }, .. }))
    }

    /// The body failed or is no longer wanted, with at most so many bytes of it to come; none when it arrived whole.
    pub(super) fn body_ended(&mut self, id: RequestId, left: u64) {
        if let Some(request) = self.request_mut(id)
            && !matches!(request.body, Body::Done)
        {
            request.body = if left == 0 { Body::Done } else { Body::Left(left) };
        }
    }

    /// What was left of the body has come and was read away.
    pub(super) fn body_read_away(&mut self, id: RequestId) {
        if let Some(request) = self.request_mut(id) {
            request.body = Body::Done;
        }
    }

    /// Whether more of the body may come than is read away in passing.
    pub(super) fn body_left(&self, id: RequestId) -> bool {
        match self.request(id).map(|request| request.body) {
            None | Some(Body::Done) => false,
            Some(Body::Left(left)) => left > LITTLE,
            Some(Body::Open { .. } | Body::Expired(_)) => true,
        }
    }

    pub(super) fn body_expired(&self, id: RequestId) -> bool {
        matches!(self.request(id), Some(request) if matches!(request.body, Body::Expired(_)))
    }

    /// Since when the oldest request has been there that the gateway is at work on.
    pub(super) fn works_since(&self) -> Option<Tick> {
        self.requests.iter().filter(|(_, request)| request.working()).map(|(_, request)| request.began).min()
    }

    /// The head of the answer is made.
    pub(super) fn answer_began(&mut self, id: RequestId, now: Tick) {
        if let Some(request) = self.request_mut(id) {
            let worked = request.working();
            request.answer.get_or_insert(now);
            self.held_until(worked, now);
        }
    }

    /// The answer is made to its end, or nobody wants it any more.
    pub(super) fn request_ended(&mut self, id: RequestId, now: Tick) {
        if let Some(at) = self.requests.iter().position(|(own, _)| *own == id) {
            let (_, request) = self.requests.swap_remove(at);
            self.held_until(request.working(), now);
            self.remains = matches!(request.body, Body::Left(_));
            if self.requests.is_empty() {
                self.phase = Phase::Idle(now);
            }
        }
    }

    /// A write or flush is pending.
    pub(super) fn write_blocked(&mut self, now: Tick) {
        self.blocked.get_or_insert(now);
    }

    /// The socket took bytes.
    pub(super) fn wrote(&mut self) {
        self.blocked = None;
    }

    /// The gateway stops, or the connection is old: whoever is asked first gives the reason.
    pub(super) fn ask_to_end(&mut self, now: Tick, why: CloseReason) {
        let ending = self.ending.get_or_insert(Ending { asked: now, from: now, why });
        // A stop does not wait for what age and silence wait for.
        if why == CloseReason::Shutdown && ending.why != CloseReason::Shutdown {
            *ending = Ending { asked: now, from: now, why };
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Why the connection was asked to end, if it was.
    pub(super) fn why_ending(&self) -> Option<CloseReason> {
        self.ending.map(|ending| ending.why)
    }

    /// Whether a head is to come: part of one has arrived, or the connection has not had its first.
    pub(super) fn owes_head(&self) -> bool {
        matches!(self.phase, Phase::Head(_) | Phase::Waiting(_))
    }

    /// How far from now the next deadline is at least that a step of a request may bring, the wait for a body aside. `None`:
    /// the connection was asked to end, and its deadlines are as near as they are.
    pub(super) fn brings_none_before(&self) -> Option<Duration> {
        let Deadlines { headers, stalled_write, answer, idle, .. } = self.deadlines;
        match self.ending {
            None => Some(headers.min(stalled_write).min(answer).min(idle)),
            Some(_) => None,
        }
    }

    /// When [`Course::due`] next has something to say, unless something happens before.
    pub(super) fn next_deadline(&self) -> Option<(Tick, Verdict)> {
        let whole = [self.phase_deadline(), self.blocked_deadline(), self.ending_deadline()];
        let requests = self.requests.iter().map(|(id, request)| self.request_deadline(*id, request));
        whole.into_iter().chain(requests).flatten().min_by_key(|(tick, _)| *tick)
    }

    /// What is to be done now, one thing at a time. Has taken note of it when it returns.
    pub(super) fn due(&mut self, now: Tick) -> Option<Verdict> {
        let (_, verdict) = self.next_deadline().filter(|(tick, _)| *tick <= now)?;
        match verdict {
            Verdict::End(why) => self.ask_to_end(now, why),
            Verdict::BodyTooSlow(id) => {
                if let Some(request) = self.request_mut(id) {
                    request.body = Body::Expired(now);
                }
            }
            Verdict::Cut(_) => {}
        }
        Some(verdict)
    }

    fn phase_deadline(&self) -> Option<(Tick, Verdict)> {
        let limits = &self.deadlines;
        match self.phase {
            Phase::Handshake(since) => Some(self.at_the_end(since, (limits.handshake, CloseReason::Handshake))),
            Phase::Waiting(since) => Some(self.at_the_end(since, (limits.first_request, CloseReason::FirstRequest))),
            Phase::Head(since) => Some((since.after(limits.headers), Verdict::Cut(CloseReason::Headers))),
            Phase::Idle(since) if self.ending.is_none() => {
                Some((since.after(limits.idle), Verdict::End(CloseReason::Idle)))
            }
            Phase::Serving | Phase::Idle(_) => None,
        }
    }

    /// A stop lets whoever was just accepted go through the handshake and send what it came for: no restart is to cost a push.
    fn at_the_end(&self, since: Tick, (usual, why): (Duration, CloseReason)) -> (Tick, Verdict) {
        let usual = (since.after(usual), Verdict::Cut(why));
        let Some(Ending { from, why, .. }) = self.ending else { return usual };
        let early = from.max(since).after(EACH_STEP_AT_THE_END);
        if early < usual.0 { (early, Verdict::Cut(why)) } else { usual }
    }

    fn blocked_deadline(&self) -> Option<(Tick, Verdict)> {
        let verdict = Verdict::Cut(CloseReason::StalledWrite);
        Some((self.blocked?.after(self.deadlines.stalled_write), verdict))
    }

    fn ending_deadline(&self) -> Option<(Tick, Verdict)> {
        match self.ending {
            None if matches!(self.phase, Phase::Handshake(_)) => None,
            None => Some((self.opened.after(self.age), Verdict::End(CloseReason::Age))),
            Some(ending) if self.held_by_work(&ending) => None,
            Some(ending) => Some((ending.from.after(self.deadlines.drain), Verdict::Cut(ending.why))),
        }
    }

    fn request_deadline(&self, id: RequestId, request: &Request) -> Option<(Tick, Verdict)> {
        let limits = &self.deadlines;
        let body = match request.body {
            Body::Open { received, spent, awaited: Some(since) } => {
                let left = body_allowance(limits.body, received).saturating_sub(spent);
                Some((since.after(left), Verdict::BodyTooSlow(id)))
            }
            // The handler has been told; what it makes of that is an answer and has an answer's time.
            Body::Expired(at) => Some((at.after(limits.answer), Verdict::Cut(CloseReason::Body))),
            Body::Done | Body::Left(_) | Body::Open { awaited: None, .. } => None,
        };
        let answer = request.answer.map(|at| (at.after(limits.answer), Verdict::Cut(CloseReason::Answer)));
        body.into_iter().chain(answer).min_by_key(|(tick, _)| *tick)
    }

    /// Age and silence do not cut a handler at work on a request that was there before the asking. Later requests do
    /// not count, or a client could keep an old connection for ever by sending more of them.
    fn held_by_work(&self, ending: &Ending) -> bool {
        ending.why != CloseReason::Shutdown
            && self.requests.iter().any(|(_, request)| request.began <= ending.asked && request.working())
    }

    /// The answer to a request that held the end off gets the time of a whole `drain`.
    fn held_until(&mut self, worked: bool, now: Tick) {
        if let Some(ending) = self.ending.as_mut()
            && worked
            && ending.why != CloseReason::Shutdown
        {
            ending.from = ending.from.max(now);
        }
    }
}

/// What a body of which so much has come may take.
fn body_allowance(base: Duration, received: u64) -> Duration {
    let earned = Duration::from_millis(received.saturating_mul(1000) / BODY_BYTES_PER_SECOND);
    base.saturating_add(earned).min(BODY_MAX.max(base))
}

#[cfg(test)]
mod tests;
