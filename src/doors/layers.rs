//! Where a request leads, as layers: looked up before anybody is asked who he is, told behind the guards, and at last passed.

use super::Door;
use super::Doors;
use super::Way;
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
use crate::relay::Around;
use crate::relay::Behind;
use crate::relay::Relayed;
use axum::response::IntoResponse;
use axum::response::Response;
use http::Method;
use http::StatusCode;
use std::sync::Arc;

/// What was found for a request's path.
#[derive(Debug)]
pub struct Sought {
    leads: Leads,
    way: Option<Arc<Way>>,
}

/// The door that a request is let to.
#[derive(Clone, Debug)]
pub struct Found {
    route: &'static str,
    door: Door,
}

impl Destination for Found {
    fn access(&self) -> Access {
        self.door.access
    }

    fn route(&self) -> &'static str {
        self.route
    }
}

/// Looks up where requests lead. What is open to anybody is answered at once; everything else, unknown paths and wrong
/// methods too, has to pass what lies behind: a stranger learns nothing but 401.
#[derive(Clone, Debug)]
pub struct Lead {
    pub paths: Paths,
    pub doors: Arc<Doors>,
    pub api: Api,
}

impl<S> Behind<Relayed<Peer>> for Around<Lead, S>
where
    S: Behind<Relayed<Peer, Sought>, Outcome = Answer>,
{
    type Outcome = Outcome;

    async fn meet(&self, mut relayed: Relayed<Peer>) -> Outcome {
        let Lead { paths, doors, api } = &self.what;
        let head = &mut *relayed.head;
        let leads = paths.lead(&head.method, &mut head.uri);
        let way = if leads == Leads::Within { doors.at(head.uri.path()).cloned() } else { None };
        let route = way.as_ref().map(|way| way.path());
        let asks_for_methods = head.method == Method::OPTIONS;
        // Told to whoever passes the guards, and rarely to be told at all.
        let without_door = way.as_ref().filter(|way| asks_for_methods || way.door(&head.method).is_err());
        let methods = without_door.and_then(|way| way.methods());
        let answer = match way {
            Some(way) if way.is_open() => open(&way, api, relayed).await,
            way => self.behind.meet(relayed.lead(Sought { leads, way })).await,
        };
        let tells_methods = match &answer {
            Ok(_) => asks_for_methods,
            Err(refusal) => matches!(refusal, Rejection::Api(ApiError::MethodNotAllowed)),
        };
        Outcome { route, methods: methods.filter(|_| tells_methods), answer }
    }
}

/// Doors that ask for nobody.
async fn open(way: &Way, api: &Api, relayed: Relayed<Peer>) -> Result<Response, Rejection> {
    let Some(door) = way.door(&relayed.head.method)? else { return Ok(StatusCode::OK.into_response()) };
    door.pass(Call::of(relayed.hand(|_| ()), api), None).await
}

/// Tells whoever has passed the guards where his request leads: to a door, elsewhere, or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Find;

impl<S> Behind<Relayed<Permit, Sought>> for Around<Find, S>
where
    S: Behind<Relayed<Permit, Found>, Outcome = Answer>,
{
    type Outcome = Answer;

    async fn meet(&self, relayed: Relayed<Permit, Sought>) -> Answer {
        match end_of(&relayed)? {
            End::Door(found) => self.behind.meet(relayed.lead(found)).await,
            End::Answer(answer) => Ok(answer),
        }
    }
}

/// Where a way ends: at a door, or with an answer that needs none.
enum End {
    Door(Found),
    Answer(Response),
}

fn end_of(relayed: &Relayed<Permit, Sought>) -> Result<End, Rejection> {
    let way = match &relayed.to {
        Sought { leads: Leads::Within, way: Some(way) } => way,
        Sought { leads: Leads::Away(moved), .. } => {
            return moved.answer().map(End::Answer).ok_or(ApiError::NotFound.into());
        }
        _ => return Err(ApiError::NotFound.into()),
    };
    // To whoever comes from the other side it is not there.
    namespace::admit_side(way.side(), &relayed.baton)?;
    Ok(match way.door(&relayed.head.method)? {
        Some(door) => End::Door(Found { route: way.path(), door: door.clone() }),
        None => End::Answer(StatusCode::OK.into_response()),
    })
}

/// The last of the services: the row's handler.
#[derive(Clone, Debug)]
pub struct Handlers(pub Api);

impl Behind<Relayed<View, Found>> for Handlers {
    type Outcome = Answer;

    async fn meet(&self, relayed: Relayed<View, Found>) -> Answer {
        let Relayed { baton: view, to, initiator, head, body } = relayed;
        let call = Call { api: self.0.clone(), scope: (), initiator, head, body };
        to.door.pass(call, Some(view)).await
    }
}
