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
use parking_lot::Mutex;
use std::collections::HashMap;
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
pub(super) struct Bodies {
    pool: Arc<Mutex<Pool>>,
    clock: SharedClock,
}

/// What the lock guards. It is held for some tens of nanoseconds; with a line, for a look at each who waits in it.
#[derive(Debug)]
struct Pool {
    max: u64,
    tenants: u64,
    taken: u64,
    /// Of that, what tenants have beyond their parts.
    common: u64,
    /// Who has anything.
    of: HashMap<TenantId, u64>,
    line: VecDeque<Waiting>,
    tickets: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    tenant: TenantId,
    more: u64,
    granted: oneshot::Sender<()>,
}

impl Pool {
    /// What each tenant always has.
    fn part(&self) -> u64 {
        self.max / 2 / self.tenants.max(1)
    }

    /// What is for whoever comes first.
    fn common_max(&self) -> u64 {
        self.max.saturating_sub(self.part().saturating_mul(self.tenants.max(1)))
    }

    /// How much of the common half `more` would take, if there is room for it now.
    fn room(&self, tenant: &TenantId, more: u64, behind_others: bool) -> Option<u64> {
        let (part, has) = (self.part(), self.of.get(tenant).copied().unwrap_or_default());
        let beyond = |bytes: u64| bytes.saturating_sub(part);
        let common = beyond(has.saturating_add(more)).saturating_sub(beyond(has));
        let all_in = self.taken.saturating_add(more) <= self.max;
        let is_room = common == 0 || !behind_others && self.common.saturating_add(common) <= self.common_max();
        (all_in && is_room).then_some(common)
    }

    /// Takes so much if there is room for it now and it overtakes nobody; whether it did.
    fn try_take(&mut self, tenant: &TenantId, more: u64) -> bool {
        let room = self.room(tenant, more, !self.line.is_empty());
        if let Some(common) = room {
            self.take(tenant, more, common);
        }
        room.is_some()
    }

    fn take(&mut self, tenant: &TenantId, more: u64, common: u64) {
        self.taken = self.taken.saturating_add(more);
        self.common = self.common.saturating_add(common);
        let has = self.of.entry(tenant.clone()).or_default();
        *has = has.saturating_add(more);
    }

    fn give_back(&mut self, tenant: &TenantId, bytes: u64) {
        let part = self.part();
        if let Some(has) = self.of.get_mut(tenant) {
            let left = has.saturating_sub(bytes);
            self.common = self.common.saturating_sub(has.saturating_sub(part) - left.saturating_sub(part));
            *has = left;
            if left == 0 {
                self.of.remove(tenant);
            }
        }
        self.taken = self.taken.saturating_sub(bytes);
        self.serve_line();
    }

    /// Lets in who can be, in order: of those who need some of the common half, nobody before the first of them.
    fn serve_line(&mut self) {
        let (mut kept, mut blocked) = (VecDeque::with_capacity(self.line.len()), false);
        while let Some(waiting) = self.line.pop_front() {
            match self.room(&waiting.tenant, waiting.more, blocked) {
                Some(common) => {
                    self.take(&waiting.tenant, waiting.more, common);
                    // Whoever has gone meanwhile gives it back: see `Ticket`.
                    let _ = waiting.granted.send(());
                }
                None => {
                    blocked = true;
                    kept.push_back(waiting);
                }
            }
        }
        self.line = kept;
    }
}

impl Bodies {
    pub(super) fn new(max: u64, tenants: usize, clock: SharedClock) -> Self {
        let (of, line) = (HashMap::new(), VecDeque::new());
        let pool = Pool { max, tenants: tenants as u64, taken: 0, common: 0, of, line, tickets: 0 };
        Self { pool: Arc::new(Mutex::new(pool)), clock }
    }

    /// For bytes to come. What is taken stays, also where it is more than may be.
    pub(super) fn resize(&self, max: u64, tenants: usize) {
        let mut pool = self.pool.lock();
        (pool.max, pool.tenants) = (max, tenants as u64);
        let part = pool.part();
        pool.common = pool.of.values().fold(0, |sum, has| sum.saturating_add(has.saturating_sub(part)));
        pool.serve_line();
    }

    pub(super) fn taken(&self) -> u64 {
        self.pool.lock().taken
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
        let Some(mut ticket) = self.enter(more)? else {
            return Ok(());
        };
        let clock = &self.bodies.clock;
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
        let taken = self.bodies.pool.lock().try_take(&self.tenant, more);
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
            self.bodies.pool.lock().give_back(&self.tenant, fewer);
        }
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.has
    }

    /// Takes `more` if there is room, else a place in line.
    fn enter(&mut self, more: u64) -> Result<Option<Ticket>, LimitsError> {
        let mut pool = self.bodies.pool.lock();
        if pool.try_take(&self.tenant, more) {
            self.has = self.has.saturating_add(more);
            return Ok(None);
        }
        // Alone in the gateway it would not get in either.
        let never = self.has.saturating_add(more) > pool.common_max().saturating_add(pool.part());
        if never || pool.line.len() >= LINE_MAX || self.patience.is_zero() {
            return Err(full(pool.max));
        }
        let (granted, asked) = oneshot::channel();
        let ticket = pool.tickets;
        pool.tickets = ticket.wrapping_add(1);
        pool.line.push_back(Waiting { ticket, tenant: self.tenant.clone(), more, granted });
        let (pool, tenant) = (self.bodies.pool.clone(), self.tenant.clone());
        Ok(Some(Ticket { pool, tenant, ticket, more, granted: asked, taken_over: false }))
    }

    fn full(&self) -> LimitsError {
        full(self.bodies.pool.lock().max)
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
    pool: Arc<Mutex<Pool>>,
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
        let mut pool = self.pool.lock();
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
