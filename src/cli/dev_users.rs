//! In development an empty database gets one user of each role, so that there is something to sign in as.
//!
//! There are no default credentials: each checkout has passwords of its own, in a file that only its owner may read
//! (ASVS 6.3.2).

use std::fmt::Write;

use drawbridge::{security::access::Role, state::App};

use super::{hint, user, write_private};

pub async fn seed(app: &App, url: &str) -> anyhow::Result<()> {
    let file = app.settings.database.data_dir.join("dev-credentials.env");
    let known: bool = sqlx::query_scalar("select exists (select from users)").fetch_one(&app.database).await?;
    if !known {
        let mut lines = String::from("# Made at the first start, for this checkout alone.\n");
        for role in Role::ALL {
            let (email, password) = (format!("{}@example.com", role.name()), user::generate(&app.givens));
            let name = format!("Dev {}", role.name());
            user::insert(&app.database, &app.givens, &app.passwords, &email, &name, role, &password).await?;
            let prefix = role.name().to_uppercase();
            writeln!(lines, "{prefix}_EMAIL={email}\n{prefix}_PASSWORD={}", password.expose())?;
        }
        write_private(&file, &lines)?;
    }
    if file.exists() {
        hint(&greeting(&file.display().to_string(), url));
    }
    Ok(())
}

/// Lines to copy: they read the password from the file, so that it stands in no shell history.
fn greeting(file: &str, url: &str) -> String {
    format!(
        r#"
  {url}/docs shows every endpoint. Or try it from another terminal:

    . {file}
    TOKEN=$(curl -s {url}/v1/auth/login -H 'Content-Type: application/json' \
      -d "{{\"email\":\"$USER_EMAIL\",\"password\":\"$USER_PASSWORD\"}}" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    curl -s {url}/v1/users/me -H "Authorization: Bearer $TOKEN"
"#
    )
}
