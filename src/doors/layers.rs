//! Where a request leads, as layers: looked up before anybody is asked who he is, told behind the guards, and at last passed.

use super::Door;
use super::Doors;
use super::Way;
use crate::answered::Led;
use crate::answered::Outcome;
use crate::api::Api;
use crate::api::ApiError;
use crate::api::Call;
use crate::limits::Permit;
use crate::listener::Peer;
use crate::namespace;
use crate::namespace::Access;
use crate::namespace::Destination;
use crate::namespace::View;
use crate::paths::Leads;
use crate::paths::Paths;
use crate::rejection::Rejection;
use crate::relay::Answer;
use crate::relay::Relayed;
use axum::response::IntoResponse;
use axum::response::Response;
use http::Method;
use http::StatusCode;
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tower::Layer;
use tower::Service;

/// What was found for a request's path.
#[derive(Debug)]
pub struct Sought<'s> {
    leads: Leads,
    way: Option<&'s Way>,
}

/// The door that a request is let to.
#[derive(Clone, Copy, Debug)]
pub struct Found<'s> {
    way: &'s Way,
    door: &'s Door,
}

impl Destination for Found<'_> {
    fn access(&self) -> Access {
        self.door.access
    }

    fn route(&self) -> &'static str {
        self.way.path()
    }
}

/// Looks up where requests lead. What is open to anybody is answered at once; everything else, unknown paths and wrong
/// methods too, has to pass what lies behind: a stranger learns nothing but 401.
#[derive(Clone, Debug)]
pub struct LeadLayer {
    pub paths: Paths,
    pub doors: Arc<Doors>,
    pub api: Api,
}

/// What [`LeadLayer`] makes, and what lies behind it.
#[derive(Debug)]
pub struct Leading<S> {
    layer: LeadLayer,
    behind: S,
}

impl<S> Layer<S> for LeadLayer {
    type Service = Leading<S>;

    fn layer(&self, behind: S) -> Leading<S> {
        Leading { layer: self.clone(), behind }
    }
}

impl<'s, S> Service<Relayed<Peer>> for &'s Leading<S>
where
    S: Sync,
    &'s S: Service<Relayed<Peer, Sought<'s>>, Response = Response, Error = Rejection, Future = Answer<'s>>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = Led<'s>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut relayed: Relayed<Peer>) -> Led<'s> {
        let Leading { layer: LeadLayer { paths, doors, api }, behind } = *self;
        Box::pin(async move {
            let leads = paths.lead(&relayed.head.method, &mut relayed.head.uri);
            let way = if leads == Leads::Within { doors.at(relayed.head.uri.path()) } else { None };
            let asks_for_methods = relayed.head.method == Method::OPTIONS;
            let mut behind = behind;
            let answer = match way {
                Some(way) if way.is_open() => open(way, api, relayed).await,
                way => behind.call(relayed.lead(Sought { leads, way })).await,
            };
            let tells_methods = match &answer {
                Ok(_) => asks_for_methods,
                Err(refusal) => matches!(refusal, Rejection::Api(ApiError::MethodNotAllowed)),
            };
            let methods = way.filter(|_| tells_methods).and_then(Way::methods);
            Ok(Outcome { route: way.map(Way::path), methods, answer })
        })
    }
}

/// Doors that ask for nobody.
async fn open(way: &Way, api: &Api, relayed: Relayed<Peer>) -> Result<Response, Rejection> {
    let Some(door) = way.door(&relayed.head.method)? else { return Ok(StatusCode::OK.into_response()) };
    door.pass(Call::of(relayed.hand(|_| ()), api), None).await
}

/// Tells whoever has passed the guards where his request leads: to a door, elsewhere, or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct FindLayer;

/// What [`FindLayer`] makes, and what lies behind it.
#[derive(Debug)]
pub struct Finding<S> {
    behind: S,
}

impl<S> Layer<S> for FindLayer {
    type Service = Finding<S>;

    fn layer(&self, behind: S) -> Finding<S> {
        Finding { behind }
    }
}

impl<'s, S> Service<Relayed<Permit, Sought<'s>>> for &'s Finding<S>
where
    S: Sync,
    &'s S: Service<Relayed<Permit, Found<'s>>, Response = Response, Error = Rejection, Future = Answer<'s>>,
{
    type Response = Response;
    type Error = Rejection;
    type Future = Answer<'s>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, relayed: Relayed<Permit, Sought<'s>>) -> Answer<'s> {
        match end_of(&relayed) {
            Ok(End::Door(found)) => {
                let mut behind = &self.behind;
                behind.call(relayed.lead(found))
            }
            Ok(End::Answer(answer)) => Box::pin(ready(Ok(answer))),
            Err(refusal) => Box::pin(ready(Err(refusal))),
        }
    }
}

/// Where a way ends: at a door, or with an answer that needs none.
enum End<'s> {
    Door(Found<'s>),
    Answer(Response),
}

fn end_of<'s>(relayed: &Relayed<Permit, Sought<'s>>) -> Result<End<'s>, Rejection> {
    let way = match &relayed.to {
        Sought { leads: Leads::Within, way: Some(way) } => *way,
        Sought { leads: Leads::Away(moved), .. } => {
            return moved.answer().map(End::Answer).ok_or(ApiError::NotFound.into());
        }
        _ => return Err(ApiError::NotFound.into()),
    };
    // To whoever comes from the other side it is not there.
    namespace::admit_side(way.side(), &relayed.baton)?;
    Ok(match way.door(&relayed.head.method)? {
        Some(door) => End::Door(Found { way, door }),
        None => End::Answer(StatusCode::OK.into_response()),
    })
}

/// The last of the services: the row's handler.
#[derive(Clone, Debug)]
pub struct Handlers(pub Api);

impl<'s> Service<Relayed<View, Found<'s>>> for &'s Handlers {
    type Response = Response;
    type Error = Rejection;
    type Future = Answer<'s>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, relayed: Relayed<View, Found<'s>>) -> Answer<'s> {
        let Relayed { baton: view, to, initiator, head, body } = relayed;
        let call = Call { api: self.0.clone(), scope: (), initiator, head, body };
        to.door.pass(call, Some(view))
    }
}
