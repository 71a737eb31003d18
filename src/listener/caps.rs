//! How many connections there may be: in all, and from one address.
//!
//! A socket over a cap is not refused at once: it waits, unread, since the clients of this protocol do not retry. An
//! address waits for its own slots before it stands in line for those of all, so one that is over its cap takes nobody
//! else's place.

use super::accept::Arrival;
use super::accept::Connection;
use super::events::Cap;
use super::events::CloseReason;
use super::events::ListenerEvents;
use super::newcomer::Standing;
use super::room::Room;
use super::room::Seat;
use crate::config::AddressRule;
use crate::config::Listener;
use crate::config::ProxyProtocol;
use crate::model::SharedClock;
use crate::model::Subscriber;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower::Service;
use tower::ServiceExt;

/// An address may have so many times its cap of sockets, open and waiting: a thousand cron jobs behind one NAT that all
/// start at midnight, each with a connection of its own, find room by the default cap of 256.
const ADDRESS_ROOM: usize = 4;

/// The sockets of one address.
struct Address {
    slots: Arc<Semaphore>,
    /// Open and waiting. At zero the address is forgotten.
    sockets: usize,
    waiting: usize,
}

/// The caps of one listener.
pub(super) struct Caps {
    all: Arc<Room>,
    /// Open and waiting sockets together may be twice the cap: a waiting room as large as the house. Beyond it a socket is
    /// closed at once. So the map holds no more addresses than that, either.
    sockets_max: usize,
    per_address_max: usize,
    rules: Vec<AddressRule>,
    proxy: Option<ProxyProtocol>,
    wait_max: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Open and waiting.
    sockets: usize,
    addresses: HashMap<Subscriber, Address>,
}

impl fmt::Debug for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caps").field("free", &self.all.free()).finish_non_exhaustive()
    }
}

impl Caps {
    pub(super) fn new(listener: &Listener) -> Self {
        let slots = listener.connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            all: Room::new(slots),
            sockets_max: slots.saturating_mul(2),
            per_address_max: listener.connections_per_address_max,
            rules: listener.address_rules.clone(),
            proxy: listener.proxy_protocol.clone(),
            wait_max: listener.connections_wait_max,
            state: Mutex::new(State::default()),
        }
    }

    fn max_of(&self, address: IpAddr) -> usize {
        let address = address.to_canonical();
        self.rules
            .iter()
            .find(|rule| rule.networks.iter().any(|network| network.contains(&address)))
            .map_or(self.per_address_max, |rule| rule.connections_max)
            .min(Semaphore::MAX_PERMITS)
    }

    /// A place to wait in; none where the waiting room is full.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state.lock();
        if state.sockets >= self.sockets_max {
            return None;
        }
        state.sockets += 1;
        Some(Place { caps: Arc::clone(self) })
    }

    /// The same among those of an address.
    fn enter_address(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let key = Subscriber::of(address);
        let max = self.max_of(address);
        let mut state = self.state.lock();
        let free = self.sockets_max.saturating_sub(state.sockets);
        let entry = state.addresses.entry(key).or_insert_with(|| Address {
            slots: Arc::new(Semaphore::new(max)),
            sockets: 0,
            waiting: 0,
        });
        // An entry made here has no sockets yet; it stays only if this one may come in. `free` has this one's place already.
        if entry.sockets >= max.saturating_mul(ADDRESS_ROOM) || entry.waiting > free {
            if entry.sockets == 0 {
                state.addresses.remove(&key);
            }
            return None;
        }
        entry.sockets += 1;
        entry.waiting += 1;
        let slots = Arc::clone(&entry.slots);
        Some(AddressPlace { caps: Arc::clone(self), key, slots, waits: true })
    }

    /// A slot, at once or after at most `connections_wait_max`.
    pub(super) async fn admit(self: &Arc<Self>, address: IpAddr, clock: &SharedClock) -> Result<Slot, Cap> {
        let place = self.enter().ok_or(Cap::WaitingRoom)?;
        // Whom a trusted proxy speaks for is not known yet; `AddressCaps` asks again when it is.
        let of_address = match self.proxy.as_ref().is_some_and(|proxy| proxy.trusts(address)) {
            true => None,
            false => Some(self.enter_address(address).ok_or(Cap::WaitingRoom)?),
        };
        let slot = async {
            let mut of_address = match of_address {
                Some(place) => Some(place.slot().await?),
                None => None,
            };
            let of = of_address.as_ref().map(|slot| slot.place.key);
            let of_all = self.all.seat(of, clock).await?;
            if let Some(of_address) = &mut of_address {
                of_address.place.waits_no_more();
            }
            Some(Slot { of_all, _of_address: of_address, _place: place })
        };
        self.in_time(slot, clock).await
    }

    async fn in_time<T>(&self, slot: impl Future<Output = Option<T>>, clock: &SharedClock) -> Result<T, Cap> {
        let too_late = clock.sleep_until(clock.tick().after(self.wait_max));
        tokio::select! {
            biased;
            slot = slot => slot.ok_or(Cap::Waited),
            () = too_late => Err(Cap::Waited),
        }
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.all.free()
    }

    #[cfg(test)]
    pub(super) fn newcomers(&self) -> usize {
        self.all.newcomers()
    }

    #[cfg(test)]
    pub(super) fn addresses(&self) -> usize {
        self.state.lock().addresses.len()
    }
}

/// One socket's place among those open and waiting.
struct Place {
    caps: Arc<Caps>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.caps.state.lock();
        state.sockets = state.sockets.saturating_sub(1);
    }
}

/// And among those of its address.
struct AddressPlace {
    caps: Arc<Caps>,
    key: Subscriber,
    slots: Arc<Semaphore>,
    waits: bool,
}

impl AddressPlace {
    async fn slot(self) -> Option<AddressSlot> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        Some(AddressSlot { _slot: slot, place: self })
    }

    fn waits_no_more(&mut self) {
        if std::mem::take(&mut self.waits)
            && let Some(address) = self.caps.state.lock().addresses.get_mut(&self.key)
        {
            address.waiting = address.waiting.saturating_sub(1);
        }
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        self.waits_no_more();
        let mut state = self.caps.state.lock();
        if let Some(address) = state.addresses.get_mut(&self.key) {
            address.sockets = address.sockets.saturating_sub(1);
            if address.sockets == 0 {
                state.addresses.remove(&self.key);
            }
        }
    }
}

/// The right to have a connection open, for as long as it is held.
pub(super) struct Slot {
    of_all: Seat,
    _of_address: Option<AddressSlot>,
    _place: Place,
}

impl Slot {
    pub(super) fn standing(&self) -> Standing {
        Standing::of(&self.of_all)
    }
}

/// The right of an address to one more.
pub(super) struct AddressSlot {
    _slot: OwnedSemaphorePermit,
    place: AddressPlace,
}

/// The caps of addresses alone, for whoever learns an address later.
#[derive(Clone, Debug)]
pub(super) struct AddressCaps(Arc<Caps>);

impl AddressCaps {
    /// A slot, at once or after at most `connections_wait_max`.
    pub(super) async fn admit(&self, address: IpAddr, clock: &SharedClock) -> Result<AddressSlot, Cap> {
        let place = self.0.enter_address(address).ok_or(Cap::WaitingRoom)?;
        let mut slot = self.0.in_time(place.slot(), clock).await?;
        slot.place.waits_no_more();
        Ok(slot)
    }
}

/// [`Arrival`] in, [`Arrival`] out, when it has its slot.
#[derive(Clone)]
pub struct CapsLayer {
    caps: Arc<Caps>,
    clock: SharedClock,
    shutdown: CancellationToken,
    events: Arc<dyn ListenerEvents>,
}

impl fmt::Debug for CapsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.caps.fmt(f)
    }
}

impl CapsLayer {
    pub fn new(
        listener: &Listener,
        clock: SharedClock,
        shutdown: CancellationToken,
        events: Arc<dyn ListenerEvents>,
    ) -> Self {
        Self { caps: Arc::new(Caps::new(listener)), clock, shutdown, events }
    }

    pub(super) fn of_addresses(&self) -> AddressCaps {
        AddressCaps(Arc::clone(&self.caps))
    }
}

impl<S> Layer<S> for CapsLayer {
    type Service = CapsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CapsService { layer: self.clone(), inner }
    }
}

/// See [`CapsLayer`].
#[derive(Clone, Debug)]
pub struct CapsService<S> {
    layer: CapsLayer,
    inner: S,
}

impl<S> Service<Arrival> for CapsService<S>
where
    S: Service<Arrival, Response = CloseReason, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = CloseReason;
    type Error = Infallible;
    type Future = Connection;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut arrival: Arrival) -> Connection {
        let layer = self.layer.clone();
        let inner = self.inner.clone();
        Box::pin(async move {
            let admitted = layer.caps.admit(arrival.address().ip(), &layer.clock);
            // Whoever has been accepted and finds a slot is served, also while the gateway stops; nobody waits for one then.
            let admitted = tokio::select! {
                biased;
                admitted = admitted => admitted,
                () = layer.shutdown.cancelled() => return Ok(CloseReason::Shutdown),
            };
            let slot = match admitted {
                Ok(slot) => slot,
                Err(cap) => {
                    layer.events.connection_refused(cap);
                    return Ok(CloseReason::Refused);
                }
            };
            layer.events.connection_opened();
            let standing = slot.standing();
            arrival.stands(standing.clone());
            let mut closed = Closed { events: layer.events, why: CloseReason::Done, _slot: slot };
            let connection = inner.oneshot(arrival);
            let why = tokio::select! {
                biased;
                // It is looked at first: what has come from it is heard before it has to go.
                ended = connection => match ended {
                    Ok(why) => why,
                },
                () = standing.makes_room() => CloseReason::MadeRoom,
            };
            closed.why = why;
            Ok(why)
        })
    }
}

/// Counts the end of a connection however it comes, a panic included.
struct Closed {
    events: Arc<dyn ListenerEvents>,
    why: CloseReason,
    _slot: Slot,
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.events.connection_closed(self.why);
    }
}
