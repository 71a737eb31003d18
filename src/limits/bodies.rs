//! The bytes of bodies that are in memory, over all tenants.
//!
//! Half of the ceiling is divided among the tenants that are configured: a tenant that stays within its *part* is let in at
//! once, whatever the others do, so nobody's trickling bodies keep it out. The other half is for whoever comes first. A
//! body that needs some of it and finds none waits in line, in order, for [`WAIT_MAX`]; nobody who needs some of it
//! overtakes. Bodies that wait for each other's bytes do not wait for ever: the first one's time is up first, and what it
//! gives back lets the next one go on.
//!
//! What bodies become when they are prepared for the store has a pool of its own, of the same size: who waits for that
//! holds a body, and of bodies alone there could be so many that nobody ever had room to go on.

use super::Ceiling;
use super::LimitsError;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::TenantMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Of one body, over all that it waits for. Chosen as `limits.wait_max` is: longer no client of this protocol is kept
/// without a word.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Bodies that may wait at one time; one more is refused at once. Each holds a connection and what it has brought so far.
const LINE_MAX: usize = 1024;

/// Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Bodies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Mutex<Pool>,
    clock: SharedClock,
}

/// What the lock guards. It is held for some tens of nanoseconds; with a line, for a look at each who waits in it.
#[derive(Debug)]
struct Pool {
    level: Level,
    /// What tenants have; some may have nothing any more.
    of: TenantMap<u64>,
    line: VecDeque<Waiting>,
    tickets: u64,
}

/// How much there is, and how much of it is taken.
#[derive(Debug)]
struct Level {
    max: u64,
    /// What each tenant always has.
    part: u64,
    /// What is for whoever comes first.
    common_max: u64,
    taken: u64,
    /// Of that, what tenants have beyond their parts.
    common: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    tenant: TenantId,
    more: u64,
    granted: oneshot::Sender<()>,
}

impl Level {
    fn divide(&mut self, max: u64, tenants: usize) {
        let tenants = (tenants as u64).max(1);
        self.max = max;
        self.part = max / 2 / tenants;
        self.common_max = max.saturating_sub(self.part.saturating_mul(tenants));
    }

    fn beyond(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.part)
    }

    /// Takes `more` for a tenant that `has` so much, if there is room for it now; how much it has then.
    fn take(&mut self, has: u64, more: u64, behind_others: bool) -> Option<u64> {
        let then = has.saturating_add(more);
        let common = self.beyond(then).saturating_sub(self.beyond(has));
        let all_in = self.taken.saturating_add(more) <= self.max;
        let is_room = common == 0 || !behind_others && self.common.saturating_add(common) <= self.common_max;
        if !all_in || !is_room {
            return None;
        }
        self.taken = self.taken.saturating_add(more);
        self.common = self.common.saturating_add(common);
        Some(then)
    }
}

impl Pool {
    /// Takes so much if there is room for it now, none of the common half if that would overtake others; whether it did.
    fn try_take(&mut self, tenant: &TenantId, more: u64, behind_others: bool) -> bool {
        if let Some(has) = self.of.get_mut(tenant) {
            let then = self.level.take(*has, more, behind_others);
            *has = then.unwrap_or(*has);
            return then.is_some();
        }
        let Some(then) = self.level.take(0, more, behind_others) else { return false };
        // Who has nothing is kept in mind, since he pushes again, for as long as there is room.
        if self.of.len() == self.of.capacity() {
            self.of.retain(|_, has| *has > 0);
            self.of.reserve(self.of.len().max(16));
        }
        self.of.insert(tenant.clone(), then);
        true
    }

    /// The same for who comes now.
    fn try_take_now(&mut self, tenant: &TenantId, more: u64) -> bool {
        self.try_take(tenant, more, !self.line.is_empty())
    }

    fn give_back(&mut self, tenant: &TenantId, bytes: u64) {
        let level = &mut self.level;
        if let Some(has) = self.of.get_mut(tenant) {
            let left = has.saturating_sub(bytes);
            level.common = level.common.saturating_sub(level.beyond(*has).saturating_sub(level.beyond(left)));
            *has = left;
        }
        level.taken = level.taken.saturating_sub(bytes);
        if !self.line.is_empty() {
            self.serve_line();
        }
    }

    /// Lets in who can be, in order: of those who need some of the common half, nobody before the first of them.
    fn serve_line(&mut self) {
        let (mut kept, mut blocked) = (VecDeque::with_capacity(self.line.len()), false);
        while let Some(waiting) = self.line.pop_front() {
            if self.try_take(&waiting.tenant, waiting.more, blocked) {
                // Whoever has gone meanwhile gives it back: see `Ticket`.
                let _ = waiting.granted.send(());
            } else {
                blocked = true;
                kept.push_back(waiting);
            }
        }
        self.line = kept;
    }
}

impl Bodies {
    pub(super) fn new(max: u64, tenants: usize, clock: SharedClock) -> Self {
        let (of, line) = (TenantMap::default(), VecDeque::new());
        let mut level = Level { max, part: 0, common_max: 0, taken: 0, common: 0 };
        level.divide(max, tenants);
        let pool = Pool { level, of, line, tickets: 0 };
        Self(Arc::new(Shared { pool: Mutex::new(pool), clock }))
    }

    /// For bytes to come. What is taken stays, also where it is more than may be.
    pub(super) fn resize(&self, max: u64, tenants: usize) {
        let mut pool = self.0.pool.lock();
        pool.level.divide(max, tenants);
        pool.level.common = pool.of.values().fold(0, |sum, has| sum.saturating_add(pool.level.beyond(*has)));
        pool.serve_line();
    }

    pub(super) fn taken(&self) -> u64 {
        self.0.pool.lock().level.taken
    }

    /// For a body of this tenant's that begins. It has nothing yet.
    pub(super) fn body(&self, tenant: &TenantId) -> InFlightBytes {
        InFlightBytes { bodies: self.clone(), tenant: tenant.clone(), has: 0, patience: WAIT_MAX }
    }
}

/// Bytes of one body that are in memory, given back when it is dropped.
#[derive(Debug)]
pub struct InFlightBytes {
    bodies: Bodies,
    tenant: TenantId,
    has: u64,
    /// How long it may still wait.
    patience: Duration,
}

impl InFlightBytes {
    /// Reserves so many bytes more, waiting in line if there is no room, for up to 5 s over all calls. Nothing more is
    /// reserved where it is refused; what was before stays.
    pub async fn grow(&mut self, more: u64) -> Result<(), LimitsError> {
        match self.enter(more)? {
            // Behind a box: within, each push would carry the room for its wait, and be moved with it.
            Some(ticket) => Box::pin(self.wait(ticket, more)).await,
            None => Ok(()),
        }
    }

    async fn wait(&mut self, mut ticket: Ticket, more: u64) -> Result<(), LimitsError> {
        let clock = &self.bodies.0.clock;
        let began = clock.tick();
        let granted = tokio::select! {
            biased;
            _ = &mut ticket.granted => true,
            () = clock.sleep_until(began.after(self.patience)) => false,
        };
        self.patience = self.patience.saturating_sub(clock.tick().since(began));
        if !granted {
            return Err(self.full());
        }
        ticket.taken_over = true;
        self.has = self.has.saturating_add(more);
        Ok(())
    }

    /// Reserves so many bytes more if there is room for them now, and whether there was.
    pub fn try_grow(&mut self, more: u64) -> bool {
        let taken = self.bodies.0.pool.lock().try_take_now(&self.tenant, more);
        if taken {
            self.has = self.has.saturating_add(more);
        }
        taken
    }

    /// Gives some of it back: what came compressed and is decompressed now, say.
    pub fn shrink(&mut self, fewer: u64) {
        let fewer = fewer.min(self.has);
        self.has -= fewer;
        if fewer > 0 {
            self.bodies.0.pool.lock().give_back(&self.tenant, fewer);
        }
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.has
    }

    /// Takes `more` if there is room, else a place in line.
    fn enter(&mut self, more: u64) -> Result<Option<Ticket>, LimitsError> {
        let mut pool = self.bodies.0.pool.lock();
        if pool.try_take_now(&self.tenant, more) {
            self.has = self.has.saturating_add(more);
            return Ok(None);
        }
        // Alone in the gateway it would not get in either.
        let never = self.has.saturating_add(more) > pool.level.common_max.saturating_add(pool.level.part);
        if never || pool.line.len() >= LINE_MAX || self.patience.is_zero() {
            return Err(full(pool.level.max));
        }
        let (granted, asked) = oneshot::channel();
        let ticket = pool.tickets;
        pool.tickets = ticket.wrapping_add(1);
        pool.line.push_back(Waiting { ticket, tenant: self.tenant.clone(), more, granted });
        let (bodies, tenant) = (self.bodies.clone(), self.tenant.clone());
        Ok(Some(Ticket { bodies, tenant, ticket, more, granted: asked, taken_over: false }))
    }

    fn full(&self) -> LimitsError {
        full(self.bodies.0.pool.lock().level.max)
    }
}

fn full(limit: u64) -> LimitsError {
    LimitsError::GatewayFull { ceiling: Ceiling::Bodies, limit }
}

impl Drop for InFlightBytes {
    fn drop(&mut self) {
        self.shrink(self.has);
    }
}

/// A place in line, left when it is dropped; what was granted a moment before goes back.
#[derive(Debug)]
struct Ticket {
    bodies: Bodies,
    tenant: TenantId,
    ticket: u64,
    more: u64,
    granted: oneshot::Receiver<()>,
    taken_over: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.taken_over {
            return;
        }
        let mut pool = self.bodies.0.pool.lock();
        match pool.line.iter().position(|waiting| waiting.ticket == self.ticket) {
            // Whoever stood behind may not need what this one needed.
            Some(at) => {
                pool.line.remove(at);
                pool.serve_line();
            }
            None => pool.give_back(&self.tenant, self.more),
        }
    }
}

#[cfg(test)]
mod tests;
