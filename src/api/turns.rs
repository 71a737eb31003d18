//! Work that takes long enough to keep others waiting, done beside the runtime, for one tenant after the other.

use crate::model::TenantId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::Weak;
use tokio::sync::Semaphore;

/// A body larger than this is worked on beside the runtime: some 1,200 series, which take an eighth of a millisecond, or two
/// milliseconds if nothing in it is larger than it need be. Below it, changing threads would cost more than it spares others.
const LARGE_BYTES: usize = 96 << 10;

/// As many at one time as there are processors, so that pushes of many megabytes keep neither a scrape nor a small push
/// waiting, nor fill the memory with what is made of them.
///
/// Of each tenant one stands in the line of all and the others behind it in the tenant's own, so that with each turn the
/// next tenant is served, however many wait of another. Clones share the turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    firsts: Arc<Mutex<Firsts>>,
    /// Whose are taken; `None` is a party as any other.
    tenant: Option<TenantId>,
    /// How many were taken.
    #[cfg(test)]
    taken: Arc<std::sync::atomic::AtomicUsize>,
}

/// The right to stand in the line of all, one for each tenant that has work.
type Firsts = HashMap<Option<TenantId>, Weak<Semaphore>>;

impl Turns {
    pub(super) fn for_each_processor() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    /// Half as many, for work of which there is no end: it leaves a processor for whatever else there is to do.
    pub(super) fn for_every_other_processor() -> Self {
        Self::of((std::thread::available_parallelism().map_or(1, NonZero::get) / 2).max(1))
    }

    pub(super) fn of(turns: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            firsts: Arc::default(),
            tenant: None,
            #[cfg(test)]
            taken: Arc::default(),
        }
    }

    /// The same turns, taken by this tenant.
    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Self {
        Self { tenant: Some(tenant.clone()), ..self.clone() }
    }

    /// Whether a body of so many bytes takes a turn.
    pub(super) fn are_for(bytes: usize) -> bool {
        bytes > LARGE_BYTES
    }

    /// What comes of `work` on a body of so many bytes: at once for a small one, in its turn for a large one. None if it
    /// panicked beside the runtime.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if !Self::are_for(bytes) {
            return Some(work());
        }
        self.take_beside(work).await
    }

    /// What comes of `work`, in its turn. None if it panicked.
    pub(super) async fn take_beside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let first = self.first();
        let turn = {
            let _first = first.acquire().await.ok()?;
            Arc::clone(&self.turns).acquire_owned().await.ok()?
        };
        #[cfg(test)]
        self.taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // The turn goes with the work: who hangs up does not make room before it is done.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.ok()
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn first(&self) -> Arc<Semaphore> {
        let mut firsts = self.firsts.lock();
        if let Some(first) = firsts.get(&self.tenant).and_then(Weak::upgrade) {
            return first;
        }
        // Nobody of these tenants has work any more.
        firsts.retain(|_, first| first.strong_count() > 0);
        let first = Arc::new(Semaphore::new(1));
        firsts.insert(self.tenant.clone(), Arc::downgrade(&first));
        first
    }
}

#[cfg(test)]
mod tests {
    use super::LARGE_BYTES;
    use super::Turns;
    use crate::model::TenantId;
    use parking_lot::Mutex;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Poll;

    type Waiting = Pin<Box<dyn Future<Output = Option<()>>>>;

    /// Someone with a large body who is in line.
    async fn waiting(turns: &Turns, tenant: &'static str, served: &Arc<Mutex<Vec<&'static str>>>) -> Waiting {
        let (turns, served) = (turns.of_tenant(&TenantId::parse(tenant).unwrap()), served.clone());
        let mut waiting: Waiting =
            Box::pin(async move { turns.take(LARGE_BYTES + 1, move || served.lock().push(tenant)).await });
        let first = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
        assert!(!first, "served without a turn");
        waiting
    }

    async fn drain(line: Vec<Waiting>) {
        let mut line: Vec<Option<Waiting>> = line.into_iter().map(Some).collect();
        let all = std::future::poll_fn(move |cx| {
            for one in &mut line {
                if one.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
                    *one = None;
                }
            }
            if line.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        });
        all.await;
    }

    #[tokio::test]
    async fn sixty_large_bodies_of_one_tenant_do_not_stand_before_the_one_of_another() {
        let (turns, served) = (Turns::of(0), Arc::default());
        let mut line = Vec::new();
        for _ in 0..60 {
            line.push(waiting(&turns, "red", &served).await);
        }
        line.push(waiting(&turns, "blue", &served).await);
        turns.turns.add_permits(1);
        drain(line).await;
        let served = served.lock();
        assert_eq!((served.len(), served.iter().position(|it| *it == "blue")), (61, Some(1)));
    }

    #[tokio::test]
    async fn who_leaves_the_line_makes_room_for_the_next() {
        let (turns, served) = (Turns::of(0), Arc::default());
        let gone = waiting(&turns, "red", &served).await;
        let stays = waiting(&turns, "red", &served).await;
        drop(gone);
        turns.turns.add_permits(1);
        drain(vec![stays]).await;
        assert_eq!(*served.lock(), ["red"]);
        assert_eq!(turns.turns.available_permits(), 1);
        // Of tenants without work nothing is kept.
        turns.of_tenant(&TenantId::parse("blue").unwrap()).first();
        assert_eq!(turns.firsts.lock().len(), 1);
    }
}
