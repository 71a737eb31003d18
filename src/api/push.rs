//! PUT and POST of a group.

use super::ApiError;
use super::body::Encoding;
use super::body::Taken;
use super::body::Terms;
use super::body::body_of;
use super::call::Call;
use super::grouping::key_of;
use super::read::Decoded;
use super::read::Read;
use super::state::Api;
use super::state::TenantReading;
use super::turns::Turns;
use crate::config::AuditPushes;
use crate::exposition;
use crate::exposition::Mould;
use crate::exposition::Original;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
use crate::limits::InFlightBytes;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use crate::store::Method;
use crate::store::Push;
use crate::store::Refusal;
use crate::store::Written;
use crate::telemetry::ACCEPTED;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body::Body as HttpBody;
use tokio::runtime::Handle;

/// What the labels of a group take where they are nothing special: a job, an instance and one more. The labels stand on
/// every line that is written, so a body counts as often for its work as its group's labels are longer.
const LABEL_BYTES: usize = 256;

/// PUT: the group becomes what the body says.
pub fn replace(call: Call<Scope>) -> impl Future<Output = Result<StatusCode, Rejection>> + Send + use<> {
    push(Method::Replace, call)
}

/// POST: the families in the body replace those of their names.
pub fn merge(call: Call<Scope>) -> impl Future<Output = Result<StatusCode, Rejection>> + Send + use<> {
    push(Method::Merge, call)
}

async fn push(method: Method, call: Call<Scope>) -> Result<StatusCode, Rejection> {
    let (api, tenant) = (call.api.clone(), call.scope.tenant().clone());
    let outcome = accept(method, call).await;
    let code = outcome.as_ref().map_or_else(Rejection::code, |()| ACCEPTED);
    api.metrics.pushed(&tenant, code);
    outcome.map(|()| StatusCode::OK)
}

/// From path and body to the store. What is refused before the store's judgement leaves no trace.
async fn accept(method: Method, call: Call<Scope>) -> Result<(), Rejection> {
    let Call { api, scope, initiator, head, body } = call;
    let headers = &head.headers;
    let reading = api.reading_of(scope.tenant())?;
    // The labels of a group are shown as in the push that created it, whatever empty ones this push spells.
    let key = scope.bind(key_of(head.uri.path(), reading.names).map_err(ApiError::from)?)?;
    let key = api.store.spelling(&scope, key);
    let bounds = bounds_of(&reading, &key)?;
    if api.audit.pushes() != AuditPushes::Off {
        initiator.aims_at(key.clone());
    }
    let encoding = Encoding::of(headers)?;
    if encoding == Encoding::Identity {
        // What says that it is too long need not come.
        scope.meter().fits(body.size_hint().lower())?;
    }
    let turns = api.turns.of_tenant(scope.tenant());
    let account = || api.ceilings.body(scope.tenant());
    let terms = Terms { bounds: &reading.bounds, meter: scope.meter(), account: &account, turns: &turns };
    let body = body_of(encoding, body, terms).await?;
    api.metrics.size(body.bytes.len());
    let format = PushFormat::of(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
    // The body took its time: what counts is what the credential grants now.
    let room = api.ceilings.prepared(scope.tenant());
    // What has arrived, and what it has become, are accounted for until it is stored.
    let mut arrived = Box::new(Arrived { api, scope, method, key, bounds, reading, format, body });
    arrived.renew().await?;
    let (arrived, written, decoded) = arrived.handed_over(&turns, room).await?;
    let outcome = written.outcome().await;
    arrived.api.readers.relieve(&arrived.api.store);
    outcome?;
    if let Some(decoded) = decoded {
        arrived.makes_mould(decoded, turns);
    }
    Ok(())
}

/// The bounds for a push of this group, whose own labels may be over them.
fn bounds_of(reading: &TenantReading, key: &GroupingKey) -> Result<GroupBounds, ApiError> {
    let over = |over| ApiError::over(over, format!("the push is too large: {over} in the path"));
    reading.bounds.of_group(key).map_err(over)
}

/// A push whose body is there whole.
struct Arrived {
    api: Api,
    scope: Scope,
    method: Method,
    key: GroupingKey,
    bounds: GroupBounds,
    reading: TenantReading,
    format: PushFormat,
    body: Taken,
}

/// As how long a body counts for the work that it is.
fn work_bytes(body_bytes: usize, key: &GroupingKey) -> usize {
    body_bytes.saturating_mul(1 + key.heap_bytes() / LABEL_BYTES)
}

/// What became of it in its turn.
enum Outcome {
    /// The store has it, whose answer may yet be awaited; and what it was, unless it was a cast or was refused.
    HandedOver(Written, Option<Decoded>),
    /// Nothing yet: its samples cannot be charged without a wait.
    OverRate { samples: u64 },
    /// Nothing yet, its samples aside: there is not so much room for what it becomes.
    NoRoom { bytes: u64 },
}

/// A push that the store has, and the account of what it holds meanwhile: also if nobody waits for it any more.
struct Accounted(Option<(Written, InFlightBytes)>);

impl Accounted {
    async fn outcome(mut self) -> Result<(), Refusal> {
        match &mut self.0 {
            Some((written, _)) => {
                let outcome = written.await;
                self.0 = None;
                outcome
            }
            None => Err(Refusal::Unavailable),
        }
    }
}

impl Drop for Accounted {
    fn drop(&mut self) {
        if let (Some((written, room)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // Nobody is told any more.
                let _ = written.await;
                drop(room);
            });
        }
    }
}

impl Arrived {
    /// Goes on under what the credential grants now.
    async fn renew(&mut self) -> Result<(), Rejection> {
        if let Some(scope) = self.scope.renewed().await? {
            self.key = scope.bind(self.key.clone())?;
            self.bounds = bounds_of(&self.reading, &self.key)?;
            self.scope = scope;
        }
        Ok(())
    }

    /// To the store, as soon as its samples can be charged and there is room for what it becomes.
    async fn handed_over(
        self: Box<Self>,
        turns: &Turns,
        mut room: InFlightBytes,
    ) -> Result<(Box<Self>, Accounted, Option<Decoded>), Rejection> {
        let (mut arrived, mut charged) = (self, false);
        loop {
            let bytes = work_bytes(arrived.body.bytes.len(), &arrived.key);
            let outcome = match Turns::are_for(bytes) {
                false => arrived.store(&mut room, charged)?,
                true => {
                    let work = move || arrived.store(&mut room, charged).map(|outcome| (arrived, room, outcome));
                    let stored =
                        Box::pin(turns.take(bytes, work)).await.unwrap_or(Err(Rejection::Misassembled("a panic")));
                    let outcome;
                    (arrived, room, outcome) = stored?;
                    outcome
                }
            };
            // In line it holds its body alone, and no turn.
            match outcome {
                Outcome::HandedOver(written, decoded) => {
                    return Ok((arrived, Accounted(Some((written, room))), decoded));
                }
                Outcome::OverRate { samples } => arrived.scope.meter().samples(samples).await?,
                Outcome::NoRoom { bytes } => {
                    room.shrink(room.bytes());
                    room.grow(bytes).await?;
                }
            }
            arrived.renew().await?;
            charged = true;
        }
    }

    /// Parses, charges the samples unless they are, prepares, and hands to the store. Of what it is prepared as `room` has
    /// been given an account before it is there.
    fn store(&self, room: &mut InFlightBytes, charged: bool) -> Result<Outcome, Rejection> {
        let Self { api, scope, method, key, .. } = self;
        let read = self.read()?;
        let samples = read.line_count();
        if !charged && !scope.meter().try_samples(samples)? {
            return Ok(Outcome::OverRate { samples });
        }
        // As upstream: the time of a push is the moment after its body was read.
        let at = api.clock.now();
        let bytes_max = api.store.push_bytes_max(scope)?;
        let bytes = read.prepared_bytes(self.body.bytes.len() as u64, key).max(room.bytes()).min(bytes_max);
        let more = bytes.saturating_sub(room.bytes());
        if more > 0 && !room.try_grow(more) {
            return Ok(Outcome::NoRoom { bytes });
        }
        let is_cast = matches!(read, Read::Cast(_));
        let families = match read.prepare(key, api, bytes) {
            Ok(families) => families,
            Err(Unfit::Inconsistent(inconsistent)) => {
                let refusal = Refusal::Inconsistent(inconsistent.to_string());
                return Ok(Outcome::HandedOver(api.store.refuse(scope, key, at, refusal), None));
            }
            // It was guessed too low.
            Err(Unfit::TooLarge) if bytes < bytes_max => {
                return Ok(Outcome::NoRoom { bytes: bytes.saturating_mul(4).min(bytes_max) });
            }
            Err(Unfit::TooLarge) => {
                return Ok(Outcome::HandedOver(api.store.refuse_too_large(scope, key, at), None));
            }
        };
        let decoded = (!is_cast).then_some(Decoded { families: families.len(), lines: samples });
        let taken: u64 = families.iter().map(PreparedFamily::stored_bytes).sum();
        room.shrink(room.bytes().saturating_sub(taken));
        Ok(Outcome::HandedOver(api.store.push(scope, Push::new(key.clone(), *method, families, at)), decoded))
    }

    /// The body as one before it that it is like, or as its content type says it is written.
    fn read(&self) -> Result<Read<'_>, ApiError> {
        let cast = self.reading.moulds.cast(self.format, &self.body.bytes, &self.key);
        cast.map_or_else(|| self.decoded(&self.body.bytes).map(Read::Decoded), |cast| Ok(Read::Cast(cast)))
    }

    fn decoded<'b>(&self, bytes: &'b [u8]) -> Result<PushedFamilies<'b>, ApiError> {
        let Self { bounds, reading: TenantReading { dialect, names, .. }, .. } = self;
        match self.format {
            PushFormat::Text => exposition::text::parse_within(bytes, *dialect, *names, bounds)
                .map_err(|error| ApiError::unread(&error, error.bound())),
            PushFormat::Protobuf => exposition::protobuf::parse_within(bytes, *names, bounds)
                .map_err(|error| ApiError::unread(&error, error.bound())),
        }
    }

    /// Makes a mould of it where one is due: at once where that is soon done, and else in a turn, for which nobody waits.
    fn makes_mould(self: Box<Self>, decoded: Decoded, turns: Turns) {
        let Some(attempt) = self.reading.moulds.missed(self.body.bytes.len(), decoded.families) else { return };
        let bytes = decoded.making_bytes(self.body.bytes.len());
        let make = move || attempt.keep(self.mould());
        if Turns::are_for(bytes) {
            Handle::current().spawn(async move {
                // If the runtime ends before it, nothing is lost.
                let _ = turns.take(bytes, make).await;
            });
        } else {
            make();
        }
    }

    /// What those to come that are like it are cast in.
    fn mould(&self) -> Option<Mould> {
        let original = Original {
            format: self.format,
            body: &self.body.bytes,
            key: &self.key,
            hasher: &self.api.hasher,
            namespace_label: &self.api.reading.namespace_label,
            line_bytes_max: self.bounds.push().line_bytes_max,
        };
        original.mould(|bytes| self.decoded(bytes).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::Accounted;
    use super::replace;
    use super::work_bytes;
    use crate::api::Call;
    use crate::exposition;
    use crate::limits::Ceilings;
    use crate::model::Durability;
    use crate::model::GroupingKey;
    use crate::model::Quota;
    use crate::model::SeriesHasher;
    use crate::model::TenantId;
    use crate::model::Timestamp;
    use crate::namespace::Scope;
    use crate::store::Entry;
    use crate::store::Journal;
    use crate::store::JournalError;
    use crate::store::Method;
    use crate::store::Push;
    use crate::store::Store;
    use crate::store::TenantTerms;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::sync::mpsc;

    #[test]
    fn a_body_counts_for_its_work_as_often_as_its_group_has_long_labels() {
        let usual = GroupingKey::new("nightly-backup", [("instance", "db-1.example.org")]).unwrap();
        let long = GroupingKey::new("nightly-backup", [("text", "x".repeat(4096))]).unwrap();
        assert_eq!(work_bytes(1000, &usual), 1000);
        assert!(work_bytes(1000, &long) > 16_000, "4 KiB on every line");
    }

    /// How much a push takes while it is under way, beside its body.
    fn bytes_of<F>(_: fn(Call<Scope>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_push_under_way_is_small_whatever_a_decoder_takes() {
        assert!(bytes_of(replace) < 4 << 10, "{}", bytes_of(replace));
    }

    /// Commits when the test lets it.
    #[derive(Debug)]
    struct Held(Mutex<mpsc::Receiver<()>>);

    impl Journal for Held {
        fn commit(&self, _: &[Entry], _: Durability) -> Result<(), JournalError> {
            self.0.lock().recv().map_err(|_| JournalError("nobody lets it".to_owned()))
        }
    }

    #[tokio::test]
    async fn what_the_store_still_has_is_accounted_for_though_its_client_is_gone() {
        let (tenant, (goes, disk)) = (TenantId::parse("red").unwrap(), mpsc::channel());
        let quota = Quota { groups_max: 9, series_max: 9, stored_bytes_max: 1 << 20 };
        let terms = TenantTerms { quota, durability: Durability::Fsync };
        let identify = Arc::new(exposition::StoredSeries(SeriesHasher::with_key([1; 16])));
        let disk = Arc::new(Held(Mutex::new(disk)));
        let store = Store::new([(tenant.clone(), terms)], &[], disk, exposition::OWN_GAUGES, identify);
        let (key, ceilings) = (GroupingKey::new::<&str, &str>("j", []).unwrap(), Ceilings::default());
        let mut room = ceilings.prepared(&tenant);
        room.grow(1000).await.unwrap();
        let push = Push::new(key, Method::Replace, Vec::new(), Timestamp::from_unix_seconds(1));
        let written = store.push(&Scope::for_test("red"), push);
        drop(Accounted(Some((written, room))));
        tokio::task::yield_now().await;
        assert_eq!(ceilings.usage().0, 1000);
        goes.send(()).unwrap();
        while ceilings.usage().0 > 0 {
            tokio::task::yield_now().await;
        }
    }
}
