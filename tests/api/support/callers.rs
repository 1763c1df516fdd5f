//! Kinds of caller, made by hand (a login for each would hash passwords for minutes), and what they can ask of a route.

use drawbridge::{
    http::route::Route,
    security::{
        access::{Policy, Role, Scope},
        api_key::ApiKey,
        jwt::Grant,
    },
    types::Givens,
};
use time::Duration;
use uuid::Uuid;

use super::{Client, TestApp, TestEntropy};

/// For walks, which ask more often than anyone may.
pub const UNLIMITED: [(&str, &str); 7] = [
    ("RATE_LIMIT_READ", "token-bucket 100000/1m"),
    ("RATE_LIMIT_WRITE", "token-bucket 100000/1m"),
    ("RATE_LIMIT_LOGIN", "token-bucket 100000/1m"),
    ("RATE_LIMIT_REGISTER", "token-bucket 100000/1m"),
    ("RATE_LIMIT_RECOVERY", "token-bucket 100000/1m"),
    ("RATE_LIMIT_TOKEN", "token-bucket 100000/1m"),
    ("RATE_LIMIT_EXPENSIVE", "token-bucket 100000/1m"),
];

/// Resources of the service, each a table of texts that somebody owns.
const TEXTS: &[&str] = &["articles"];

/// A role that the policy admits.
pub fn role_for(policy: Policy) -> Role {
    match policy {
        Policy::Role(roles) => roles[0],
        Policy::Public | Policy::Session | Policy::Fresh | Policy::Scope(_) => Role::User,
    }
}

impl TestApp {
    /// Someone of this user's, signed in just now at an address of their own.
    pub async fn session(&self, user: Uuid, role: Role) -> Client {
        self.session_of(user, role, Duration::ZERO, Duration::ZERO).await
    }

    /// With a token that was issued so long ago, of a sign-in so long before that.
    pub async fn session_of(&self, user: Uuid, role: Role, age: Duration, auth_age: Duration) -> Client {
        let (id, now) = (self.app.givens.new_id(), self.app.givens.now());
        sqlx::query(
            "insert into sessions (id, user_id, auth_time, amr, client_address, created_at, refreshed_at, expires_at)
             values ($1, $2, $3, '{pwd}', '10.0.0.1', $3, $3, $4)",
        )
        .bind(id)
        .bind(user)
        .bind(now.0)
        .bind((now + Duration::days(30)).0)
        .execute(&self.owner)
        .await
        .unwrap();
        let scopes: Vec<_> = role.scopes().iter().map(|scope| scope.name()).collect();
        let grant = Grant {
            user_id: user,
            session_id: id,
            generation: 1,
            role: role.name(),
            scope: scopes.join(" "),
            auth_time: now - age - auth_age,
            amr: vec!["pwd".to_owned()],
            client_id: "first-party".to_owned(),
        };
        let token = self.app.jwt.issue(grant, &Givens::new(self.clock.behind(age), TestEntropy)).unwrap();
        self.client().with_token(token.token.expose())
    }

    /// A program of this user's, with a key of these scopes.
    pub async fn program(&self, user: Uuid, scopes: &[Scope]) -> Client {
        let ((key, key_id, hash), now) = (ApiKey::generate(&self.app.givens), self.app.givens.now());
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
        sqlx::query(
            "insert into api_keys (id, key_id, hash, user_id, name, scopes, created_at, expires_at)
             values ($1, $2, $3, $4, 'A key', $5, $6, $7)",
        )
        .bind(self.app.givens.new_id())
        .bind(key_id.as_str())
        .bind(hash)
        .bind(user)
        .bind(scopes)
        .bind(now.0)
        .bind((now + Duration::days(30)).0)
        .execute(&self.owner)
        .await
        .unwrap();
        self.client().with_key(key.expose())
    }

    /// The route's path, with something that is this user's in the place of `{id}`.
    pub async fn path(&self, route: &Route, owner: Uuid) -> String {
        if !route.path.contains("{id}") {
            return route.path.to_owned();
        }
        route.path.replace("{id}", &self.object(route.path, owner).await.to_string())
    }

    /// What a path's `{id}` names, by the word before it: the user, where it is none of these.
    async fn object(&self, path: &str, owner: Uuid) -> Uuid {
        let newest = match path {
            _ if path.contains("/sessions/") => {
                self.session(owner, Role::User).await;
                "select id from sessions where user_id = $1 order by id desc limit 1"
            }
            _ if path.contains("/api-keys/") => {
                self.program(owner, &Scope::ALL).await;
                "select id from api_keys where user_id = $1 order by id desc limit 1"
            }
            _ => match TEXTS.iter().find(|table| path.contains(&format!("/{table}/"))) {
                Some(table) => return self.written(table, owner).await,
                None => return owner,
            },
        };
        sqlx::query_scalar(newest).bind(owner).fetch_one(&self.owner).await.unwrap()
    }

    /// A text of the owner's, in a table of texts.
    pub async fn written(&self, table: &str, owner: Uuid) -> Uuid {
        let (id, now) = (self.app.givens.new_id(), self.app.givens.now());
        let statement = format!(
            "insert into {table} (id, owner_id, title, body, created_at, updated_at) values ($1, $2, 'T', 'B', $3, $3)"
        );
        let written = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id).bind(owner).bind(now.0);
        written.execute(&self.owner).await.unwrap();
        id
    }
}
