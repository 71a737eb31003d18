//! Time as a value that is handed in, so that a test can hold it still.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

/// A moment on the calendar: nanoseconds since the Unix epoch. Reaches to the year 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Beyond the year 2262 it is the last moment there is.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Rounded down, before 1970 too.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Seconds since the epoch as Prometheus writes them: a float, exact to about a quarter of a microsecond today.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus' own time is a float")]
    pub fn as_unix_seconds_f64(self) -> f64 {
        // The fraction is added to the whole seconds, as Go does, so that both round alike.
        self.unix_seconds() as f64 + self.0.rem_euclid(1_000_000_000) as f64 / 1e9
    }

    /// This moment and `duration` more, or the last moment there is.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// A moment on the monotonic clock: nanoseconds since an arbitrary start. Never goes backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment and `duration` more, or the last moment there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// What [`Clock::sleep_until`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where every stage gets its time from. The real one is [`SystemClock`]; tests hold one that only they move.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, for what is written down or compared with an expiry.
    fn now(&self) -> Timestamp;

    /// The monotonic time, for deadlines and rates.
    fn tick(&self) -> Tick;

    /// Completes when [`Clock::tick`] has reached `deadline`.
    fn sleep_until(&self, deadline: Tick) -> Sleep;
}

/// A clock as it is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Its monotonic time starts now, at 0.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }

    fn tick(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, deadline: Tick) -> Sleep {
        match self.start.checked_add(Duration::from_nanos(deadline.0)) {
            Some(instant) => Box::pin(tokio::time::sleep_until(instant.into())),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// A moment as operators read it: `2027-01-31T00:00:00Z`, to the second.
pub fn rfc3339(at: Timestamp) -> String {
    rfc3339_nanos(Timestamp::from_unix_seconds(at.unix_seconds()))
}

/// The same to the nanosecond, without zeros at the end.
pub fn rfc3339_nanos(at: Timestamp) -> String {
    time::OffsetDateTime::from_unix_timestamp_nanos(at.0.into())
        .ok()
        .and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| at.unix_seconds().to_string())
}
