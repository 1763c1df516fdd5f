//! What can go wrong, and what the caller is told about it.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

// ANCHOR: error-detail
/// An answer given on purpose.
///
/// All of it is known at compile time: nothing of a row, a request or a secret can reach a client through an error,
/// because there is no place to put it (ASVS 16.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// SCREAMING_SNAKE; clients branch on it.
    pub code: &'static str,
    /// One sentence for a person.
    pub error: &'static str,
    /// The `WWW-Authenticate` field that RFC 6750 wants beside some of them.
    pub challenge: Option<&'static str>,
}
// ANCHOR_END: error-detail

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure on its way to `http::respond`, which alone turns it into a body and a log line.
#[derive(Debug)]
pub enum Error {
    /// Said on purpose.
    Problem(Problem),
    /// Said on purpose; why is for the log alone.
    Refused(Problem, &'static str),
    /// Said on purpose, and in so many seconds it may be tried again.
    Later(Problem, u64),
    /// The input broke the schema: every field that did.
    Invalid(Vec<FieldError>),
    /// The service's own trouble, and it passes: the database is away or overloaded.
    Unavailable(anyhow::Error),
    /// Nobody expected this. The cause goes to the log, the client learns only the reference.
    Unexpected(anyhow::Error),
}

/// One field of the input that broke one rule. It never holds the refused value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct FieldError {
    /// The dotted path of the field.
    #[schemars(length(max = 64), example = &"email")]
    pub field: String,
    /// The name of the rule.
    #[schemars(length(max = 64), regex(pattern = "^[a-z0-9_]+$"), example = &"email")]
    pub rule: &'static str,
    /// The rule in words.
    #[schemars(length(max = 200))]
    pub message: &'static str,
}

impl Problem {
    pub const fn new(status: StatusCode, code: &'static str, error: &'static str) -> Self {
        Self { status, code, error, challenge: None }
    }

    /// The same answer, with a reason that only the log will hold.
    pub const fn because(self, reason: &'static str) -> Error {
        Error::Refused(self, reason)
    }

    pub const fn with_challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }
}

/// The problems that belong to no single endpoint. An endpoint's own stand in its file.
pub mod problems {
    use super::{Problem, StatusCode};

    macro_rules! problems {
        ($($name:ident $status:ident $error:literal)*) => {
            $(pub const $name: Problem = Problem::new(StatusCode::$status, stringify!($name), $error);)*
        };
    }

    problems! {
        VALIDATION_FAILED      BAD_REQUEST            "The request does not have the expected form"
        MALFORMED_JSON         BAD_REQUEST            "The body is not well-formed JSON"
        INVALID_TOKEN          BAD_REQUEST            "This token is wrong, used or expired"
        INVALID_CREDENTIALS    UNAUTHORIZED           "The credentials are not valid"
        FORBIDDEN              FORBIDDEN              "You are not allowed to do this"
        REAUTHENTICATION_REQUIRED FORBIDDEN           "Confirm your password to do this"
        EMAIL_NOT_VERIFIED     FORBIDDEN              "Verify your e-mail address first"
        NOT_FOUND              NOT_FOUND              "There is nothing here"
        METHOD_NOT_ALLOWED     METHOD_NOT_ALLOWED     "This path does not take that method"
        NOT_ACCEPTABLE         NOT_ACCEPTABLE         "Answers here are application/json"
        UNSUPPORTED_MEDIA_TYPE UNSUPPORTED_MEDIA_TYPE "Send application/json"
        REQUEST_TIMEOUT        REQUEST_TIMEOUT        "The request did not arrive in time"
        PAYLOAD_TOO_LARGE      PAYLOAD_TOO_LARGE      "The body is too large"
        URI_TOO_LONG           URI_TOO_LONG           "The address is too long"
        HEADERS_TOO_LARGE      REQUEST_HEADER_FIELDS_TOO_LARGE "The headers are too large"
        CONFLICT               CONFLICT               "This conflicts with what is already there"
        PRECONDITION_FAILED    PRECONDITION_FAILED    "It has changed since you read it"
        PRECONDITION_REQUIRED  PRECONDITION_REQUIRED  "Send If-Match with the ETag that you read"
        RATE_LIMITED           TOO_MANY_REQUESTS      "Too many requests"
        INTERNAL_ERROR         INTERNAL_SERVER_ERROR  "An internal error occurred"
        SERVICE_UNAVAILABLE    SERVICE_UNAVAILABLE    "The service is busy or not ready; try again"
    }

    const fn unauthenticated(challenge: &'static str) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "Sign in to use this").with_challenge(challenge)
    }

    /// No credential was sent. RFC 6750 section 3.1: then the challenge holds no error code.
    pub const UNAUTHENTICATED: Problem = unauthenticated("Bearer");
    /// A credential was sent, and it is not good: why is for the log alone.
    pub const INVALID_CREDENTIAL: Problem = unauthenticated(r#"Bearer error="invalid_token""#);
}

impl Error {
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) | Self::Refused(problem, _) | Self::Later(problem, _) => *problem,
            Self::Invalid(_) => problems::VALIDATION_FAILED,
            Self::Unavailable(_) => problems::SERVICE_UNAVAILABLE,
            Self::Unexpected(_) => problems::INTERNAL_ERROR,
        }
    }

    /// One field, one rule: for checks that look at more than the schema can say.
    pub fn field(field: &str, rule: &'static str, message: &'static str) -> Self {
        Self::Invalid(vec![FieldError::new(field, rule, message)])
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Unexpected(cause)
    }
}

impl From<sqlx::Error> for Error {
    /// A lost or overloaded database passes: 503. Anything else is a bug: 500. Never a 401: a pool that is too busy to
    /// look a password up must not call the password wrong.
    fn from(cause: sqlx::Error) -> Self {
        if is_outage(&cause) { Self::Unavailable(cause.into()) } else { Self::Unexpected(cause.into()) }
    }
}

fn is_outage(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Classes of SQLSTATE: 08 connection, 28 and 3D not let in, 40 deadlock and the like, 53 out of resources, 55 not
        // in a state for it (a lock waited for too long, no connections accepted), 57 shut down, cancelled or timed out;
        // 25006 is a primary that has become a standby.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "28", "3D", "40", "53", "55", "57", "25006"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// An error in words for the log. A database's own message can quote the row that it refused, so of those only the
/// SQLSTATE and the names of things in the schema are kept.
pub fn describe(cause: &sqlx::Error) -> String {
    match cause {
        sqlx::Error::Database(error) => format!(
            "database error {} constraint {} table {}",
            error.code().unwrap_or_default(),
            error.constraint().unwrap_or("-"),
            error.table().unwrap_or("-"),
        ),
        other => other.to_string(),
    }
}

impl FieldError {
    /// Listed in one answer at most: a body can be made of unknown fields alone.
    pub const MOST: usize = 20;
    /// Characters of a name that are repeated to the client.
    const NAME: usize = 64;

    pub fn new(field: &str, rule: &'static str, message: &'static str) -> Self {
        Self { field: field.chars().take(Self::NAME).collect(), rule, message }
    }

    pub fn unknown(field: &str) -> Self {
        Self::new(field, "unknown", "There is no such field")
    }
}

/// Maps the violation of a named constraint to what the caller did wrong. The database decides, not a look beforehand:
/// between a look and an insert another request fits.
pub trait OnConstraint<T> {
    fn on_constraint(self, name: &str, problem: Problem) -> Result<T>;
}

impl<T> OnConstraint<T> for std::result::Result<T, sqlx::Error> {
    fn on_constraint(self, name: &str, problem: Problem) -> Result<T> {
        self.map_err(|error| match &error {
            sqlx::Error::Database(refusal) if refusal.constraint() == Some(name) => problem.into(),
            _ => error.into(),
        })
    }
}

impl IntoResponse for Error {
    /// Only marks the response. `http::respond` writes the body and the log line, in one place.
    fn into_response(self) -> Response {
        let mut response = self.problem().status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Error::Problem(self).into_response()
    }
}
