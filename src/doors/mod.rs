//! The table of routes as it is asked: to which door a path and a method lead, and how what stands behind it is called.

mod layers;

use crate::api::ApiError;
use crate::api::Call;
use crate::model::OperatorScope;
use crate::model::Service;
use crate::model::Verb;
use crate::namespace::Access;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use crate::namespace::Side;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::routes::Route;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderValue;
use http::Method;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

pub use layers::Find;
pub use layers::Handlers;
pub use layers::Lead;

/// What a handler makes of a request.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Rejection>> + Send>>;

type Handle<B> = Arc<dyn Fn(Call<B>) -> Answer + Send + Sync>;

/// A handler, by the baton that it takes: one for a tenant alone has no other case to forget.
#[derive(Clone)]
enum Handler {
    Open(Handle<()>),
    Tenant(Handle<Scope>),
    Fleet(Handle<FleetScope>),
    Either(Handle<View>),
}

/// Who may pass, and what is behind it.
#[derive(Clone)]
pub struct Door {
    pub access: Access,
    handler: Handler,
}

fn handle<B, F, A>(handler: fn(Call<B>) -> F) -> Handle<B>
where
    B: Send + 'static,
    F: Future<Output = Result<A, Rejection>> + Send + 'static,
    A: IntoResponse + 'static,
{
    // Called within: what a handler's future takes, some kilobytes, is then laid where it stays.
    Arc::new(move |call| Box::pin(async move { handler(call).await.map(IntoResponse::into_response) }))
}

/// For anybody.
pub fn open<F, A>(handler: fn(Call<()>) -> F) -> Door
where
    F: Future<Output = Result<A, Rejection>> + Send + 'static,
    A: IntoResponse + 'static,
{
    Door { access: Access::Open, handler: Handler::Open(handle(handler)) }
}

/// For a tenant's credential with this verb.
pub fn tenant<F, A>(verb: Verb, handler: fn(Call<Scope>) -> F) -> Door
where
    F: Future<Output = Result<A, Rejection>> + Send + 'static,
    A: IntoResponse + 'static,
{
    Door { access: Access::Tenant(verb), handler: Handler::Tenant(handle(handler)) }
}

/// For an operator's with this scope.
pub fn fleet<F, A>(scope: OperatorScope, handler: fn(Call<FleetScope>) -> F) -> Door
where
    F: Future<Output = Result<A, Rejection>> + Send + 'static,
    A: IntoResponse + 'static,
{
    Door { access: Access::Fleet(scope), handler: Handler::Fleet(handle(handler)) }
}

/// For either.
pub fn either<F, A>(verb: Verb, scope: OperatorScope, handler: fn(Call<View>) -> F) -> Door
where
    F: Future<Output = Result<A, Rejection>> + Send + 'static,
    A: IntoResponse + 'static,
{
    Door { access: Access::Either(verb, scope), handler: Handler::Either(handle(handler)) }
}

impl Door {
    /// What is behind it, for whoever comes with that view; `None`: without one.
    pub fn pass(&self, call: Call<()>, view: Option<View>) -> Answer {
        match (&self.handler, view) {
            (Handler::Open(handle), None) => handle(call),
            (Handler::Tenant(handle), Some(View::Tenant(scope))) => handle(call.holding(scope)),
            (Handler::Fleet(handle), Some(View::Fleet(scope))) => handle(call.holding(scope)),
            (Handler::Either(handle), Some(view)) => handle(call.holding(view)),
            _ => Box::pin(ready(Err(Rejection::Misassembled("a view that does not fit the door")))),
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.access.fmt(f)
    }
}

/// What a variable rest of a path stands for in the table: one character at least, slashes too.
const REST: &str = "{*group}";

/// The doors of one listener, by their paths.
#[derive(Debug)]
pub struct Doors(Vec<Arc<Way>>);

/// The doors at one path, one for each method.
#[derive(Debug)]
pub struct Way {
    /// As the table writes it.
    path: &'static str,
    /// What stands before the rest of it, if it has one.
    stem: Option<&'static str>,
    side: Side,
    routes: Vec<Route>,
}

impl Doors {
    /// Those of the table that a listener with these services serves. What it does not serve is not there.
    pub fn of(table: Vec<Route>, serves: &BTreeSet<Service>) -> Self {
        let mut ways: Vec<Way> = Vec::new();
        for route in table {
            let side = match route.served(serves) {
                (false, false) => continue,
                (true, false) if matches!(route.door.access, Access::Either(..)) => Side::Tenants,
                (false, true) if matches!(route.door.access, Access::Either(..)) => Side::Operators,
                _ => Side::Both,
            };
            match ways.iter_mut().find(|way| way.path == route.path) {
                Some(way) => way.routes.push(route),
                None => {
                    let (path, stem) = (route.path, route.path.strip_suffix(REST));
                    ways.push(Way { path, stem, side, routes: vec![route] });
                }
            }
        }
        Self(ways.into_iter().map(Arc::new).collect())
    }

    /// The doors at a path. A look at each of a dozen lengths: cheaper than any tree.
    pub fn at(&self, path: &str) -> Option<&Arc<Way>> {
        self.0.iter().find(|way| match way.stem {
            Some(stem) => path.len() > stem.len() && path.starts_with(stem),
            None => path == way.path,
        })
    }

    /// The paths without a variable part, and the beginning of a push path: Pushgateway leads `/metrics/job/` there too.
    pub fn exact(&self) -> Vec<&'static str> {
        let pushes = self.0.iter().any(|way| way.routes.iter().any(|route| route.serves == Service::Push));
        let pushes = pushes.then_some("/metrics/job");
        self.0.iter().filter(|way| way.stem.is_none()).map(|way| way.path).chain(pushes).collect()
    }
}

impl Way {
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// To whom it is there.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether it is open to anybody, by whatever method.
    pub fn is_open(&self) -> bool {
        self.routes.iter().all(|route| route.door.access == Access::Open)
    }

    /// The door of this method. GET's answers HEAD too. OPTIONS, which has none, is no error.
    pub fn door(&self, method: &Method) -> Result<Option<&Door>, ApiError> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        match self.routes.iter().find(|route| route.method == *wanted) {
            Some(route) => Ok(Some(&route.door)),
            None if method == Method::OPTIONS => Ok(None),
            None => Err(ApiError::MethodNotAllowed),
        }
    }

    /// The methods it has doors for, and OPTIONS, which every path has; in order, as Pushgateway names them.
    pub fn methods(&self) -> Option<HeaderValue> {
        let reads = self.routes.iter().any(|route| route.method == Method::GET);
        let methods = self.routes.iter().map(|route| route.method.as_str());
        let mut methods: Vec<&str> = methods.chain(reads.then_some("HEAD")).chain(["OPTIONS"]).collect();
        methods.sort_unstable();
        HeaderValue::from_str(&methods.join(", ")).ok()
    }
}
