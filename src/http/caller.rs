//! Who is calling: a credential becomes an identity, as things are now, and the route's policy judges it.
//!
//! The order is the contract's: who are you (401), not too often (429), may you (403), and only then is anything that
//! was sent looked at. A caller whom the route does not admit learns nothing from it.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::{
    error::{Error, Result, problems},
    http::{context::RequestContext, credential::Sent, gate, live_key, live_session},
    security::{
        access::{Access, Credential, Identity, Public, Scope},
        audit::Event,
    },
    state::App,
    types::Timestamp,
};

/// Proof that the caller passed policy `A`. Its fields are private: nothing but the extractor below can make one.
#[derive(Clone)]
pub struct Caller<A: Access> {
    who: A::Who,
    context: RequestContext,
}

impl<A: Access> Caller<A> {
    pub fn context(&self) -> &RequestContext {
        &self.context
    }
}

impl<A: Access<Who = Identity>> Caller<A> {
    pub fn id(&self) -> uuid::Uuid {
        self.who.user_id
    }

    /// The session that is calling. Policies that want one have let nobody else in; this does not rely on it.
    pub fn session_id(&self) -> Result<uuid::Uuid> {
        match self.who.credential {
            Credential::Session { session_id, .. } => Ok(session_id),
            Credential::ApiKey { .. } => Err(problems::FORBIDDEN.because("an API key has no session")),
        }
    }

    /// Whether the credential of these headers still admits, as things are now: for an answer that goes on after its
    /// request, which a revocation must end like any other.
    pub async fn is_still_admitted(app: &App, headers: &HeaderMap) -> bool {
        let now = app.givens.now();
        identify(app, headers, now).await.is_ok_and(|who| A::POLICY.admits(&who, now).is_ok())
    }

    /// Whether another policy would have admitted this caller too: for a route that shows more to some.
    pub fn passes<B: Access>(&self, now: Timestamp) -> bool {
        B::POLICY.admits(&self.who, now).is_ok()
    }
}

impl FromRequestParts<App> for Caller<Public> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let context = RequestContext::of(&parts.extensions)?;
        gate::charge_principal(app, &context).await?;
        gate::no_stray_query(parts, &context)?;
        Ok(Self { who: (), context })
    }
}

impl<A: Access<Who = Identity>> FromRequestParts<App> for Caller<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let context = RequestContext::of(&parts.extensions)?;
        let now = app.givens.now();
        let who = identify(app, &parts.headers, now).await?;
        context.identified(who.user_id);
        gate::charge_principal(app, &context).await?;
        A::POLICY.admits(&who, now).inspect_err(|refused| {
            let (route, code) = (context.route_path(), refused.problem().code);
            app.audit.note(&context.refusal(None), Event::AccessRefused { route, code });
        })?;
        gate::no_stray_query(parts, &context)?;
        Ok(Self { who, context })
    }
}

async fn identify(app: &App, headers: &HeaderMap, now: Timestamp) -> Result<Identity> {
    match Sent::with(headers)? {
        Sent::Token(token) => holder_of(app, token, now).await,
        Sent::ApiKey(key) => live_key::identify(app, key, now).await,
    }
}

// ANCHOR: session-liveness
async fn holder_of(app: &App, token: &str, now: Timestamp) -> Result<Identity> {
    let token = app.jwt.verify(token, now).map_err(|refusal| problems::INVALID_CREDENTIAL.because(refusal.reason()))?;
    let live = live_session::of(app, token.user_id, token.session_id).await?;
    let session = live.ok_or(problems::INVALID_CREDENTIAL.because("the session has ended"))?;
    if session.expires_at <= now {
        return Err(problems::INVALID_CREDENTIAL.because("the session has expired"));
    }
    if session.generation != token.generation || session.role.name() != token.role {
        return Err(problems::INVALID_CREDENTIAL.because("issued before a change of role or password"));
    }
    Ok(Identity {
        user_id: token.user_id,
        role: session.role,
        scopes: token.scope.split(' ').filter_map(Scope::named).collect(),
        // The time is the token's own: one stolen before a step-up must not profit from it.
        credential: Credential::Session { session_id: token.session_id, auth_time: token.auth_time },
    })
}
// ANCHOR_END: session-liveness
