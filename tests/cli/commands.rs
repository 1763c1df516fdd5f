//! The commands, beside a running service and without one.

use serde_json::Value;

use crate::program::{NOTHING, Service, folder, run, run_with_input};

const PASSWORD: &str = "a lamp in the north window";

#[test]
fn the_table_of_routes_and_the_openapi_document_need_no_database() {
    let folder = folder();
    let table = run(folder.path(), &["routes"]).done();
    let agreed = std::fs::read_to_string("tests/api/attack_surface.txt").unwrap();
    assert_eq!(table, agreed);

    let json: Value = serde_json::from_str(&run(folder.path(), &["routes", "--json"]).done()).unwrap();
    let lines = json.as_array().unwrap();
    assert_eq!(lines.len(), agreed.lines().count());
    for line in lines {
        let facts = ["method", "path", "access", "limit"].map(|fact| line[fact].as_str().unwrap());
        assert!(agreed.lines().any(|agreed| facts.iter().all(|fact| agreed.contains(fact))), "{line}");
    }

    let document: Value = serde_json::from_str(&run(folder.path(), &["openapi"]).done()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(!folder.path().join(".data").exists(), "nothing was made");
}

#[test]
fn an_operator_makes_and_changes_accounts_beside_a_running_service() {
    let folder = folder();
    let service = Service::start(folder.path());
    let drawbridge = |arguments: &[&str]| run(folder.path(), arguments);

    let create = ["user", "create", "--email", "grace@example.org", "--name", "Grace Hopper", "--role", "admin"];
    let made = drawbridge(&[&create[..], &["--generate-password"]].concat()).done();
    let password = made.lines().last().unwrap().rsplit(' ').next().unwrap();
    let token = service.login("grace@example.org", password).unwrap();
    assert_eq!(me(&service, &token)["role"], "admin");

    let refused = drawbridge(&[&create[..], &["--generate-password"]].concat()).refused();
    assert!(refused.contains("already"), "{refused}");

    let create =
        ["user", "create", "--email", "ada@example.org", "--name", "Ada", "--role", "user", "--password-stdin"];
    let made = run_with_input(folder.path(), &create, &format!("{PASSWORD}\nnot this line\n")).done();
    assert!(!made.contains(PASSWORD), "{made}");
    let token = service.login("ada@example.org", PASSWORD).unwrap();

    // The change of role ends the token that bears the old one; nothing but the database tells the service.
    drawbridge(&["user", "set-role", "--email", "Ada@Example.org", "--role", "editor"]).done();
    let status = until(|| Some(service.ask("/v1/users/me", &bearer(&token)).0).filter(|status| *status != 200));
    assert_eq!(status, 401);
    let token = service.login("ada@example.org", PASSWORD).unwrap();
    assert_eq!(me(&service, &token)["role"], "editor");

    let list = drawbridge(&["user", "list"]).done();
    let line = list.lines().find(|line| line.contains("ada@example.org")).unwrap();
    assert!(line.contains("editor") && line.contains("active") && line.contains("verified"), "{line}");
    assert_eq!(list.lines().count(), 5, "one of each role from the first start, and two: {list}");

    assert!(service.stop().success());
    assert_eq!(drawbridge(&["user", "list"]).done(), list, "without a service too");
}

#[test]
fn somebody_who_lost_phone_and_codes_gets_back_in_by_an_operator_and_hears_of_it() {
    let folder = folder();
    let service = Service::start(folder.path());
    let create =
        ["user", "create", "--email", "ada@example.org", "--name", "Ada", "--role", "user", "--password-stdin"];
    run_with_input(folder.path(), &create, PASSWORD).done();
    let reset = || run(folder.path(), &["user", "reset-mfa", "--email", "Ada@Example.org"]);
    assert!(reset().refused().contains("two-factor"), "it is off");

    let token = service.login("ada@example.org", PASSWORD).unwrap();
    let post = |path: &str, token: &str, body: &str| {
        service.ask(path, &[&bearer(token)[..], &["-d".to_owned(), body.to_owned()]].concat())
    };
    let (_, begun) = post("/v1/users/me/mfa/totp", &token, "{}");
    let secret = begun["secret"].as_str().unwrap();
    let code = |more: &[&str]| run(folder.path(), &[&["dev", "totp", secret][..], more].concat()).done();
    let confirm = serde_json::json!({ "code": code(&[]).trim() }).to_string();
    assert_eq!(post("/v1/users/me/mfa/totp/confirm", &token, &confirm).0, 200);
    let sign_in = || {
        let body = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
        service.ask("/v1/auth/login", &["-d", &body]).1
    };
    assert_eq!(sign_in()["status"], "mfa_required");
    let (_, list) = (code(&["--next"]), run(folder.path(), &["doctor"]).done());
    assert!(!list.contains("TOTP secrets"), "the key in use is no finding: {list}");

    assert!(reset().done().contains("ada@example.org"));
    assert_eq!(sign_in()["status"], "authenticated");
    until(|| Some(()).filter(|()| service.ask("/v1/users/me", &bearer(&token)).0 == 401));
    let told = |mail: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(mail.unwrap().path()).unwrap().contains("Two-factor authentication was turned off")
    };
    until(|| std::fs::read_dir(folder.path().join(".data/mail")).ok()?.any(told).then_some(()));
}

#[test]
fn the_code_of_a_secret_needs_no_service() {
    let folder = folder();
    // The secret of RFC 6238. What it shows now nobody knows beforehand, but the next is another.
    let codes = [
        &["dev", "totp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"][..],
        &["dev", "totp", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "--next"],
    ];
    let codes = codes.map(|arguments| run(folder.path(), arguments).done());
    for code in &codes {
        assert!(code.len() == 7 && code.trim().bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    }
    assert_ne!(codes[0], codes[1]);
    assert!(run(folder.path(), &["dev", "totp", "hunter2"]).refused().contains("base32"));
    assert!(!folder.path().join(".data").exists(), "nothing was made");
}

#[test]
fn an_operator_is_held_to_the_same_rules_as_everybody() {
    let folder = folder();
    let _service = Service::start(folder.path());
    let create = |email: &str, name: &str, password: &str| {
        let create = ["user", "create", "--email", email, "--name", name, "--role", "user", "--password-stdin"];
        run_with_input(folder.path(), &create, password).refused()
    };
    for (refused, told) in [
        (create("no address", "Ada", PASSWORD), "e-mail"),
        (create("ada@example.org", "\u{200b}", PASSWORD), "name"),
        (create("ada@example.org", "Ada", "short"), "password"),
        (create("ada@example.org", "Ada", "passwordpassword"), "password"),
        (create("ada@example.org", "Ada", ""), "password"),
        (run(folder.path(), &["user", "set-role", "--email", "a@b.org", "--role", "admin"]).refused(), "no account"),
    ] {
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn a_running_service_signs_with_a_new_key_and_keeps_the_old_until_its_tokens_have_died() {
    let folder = folder();
    let service = Service::start(folder.path());
    let create =
        ["user", "create", "--email", "ada@example.org", "--name", "Ada", "--role", "user", "--password-stdin"];
    run_with_input(folder.path(), &create, PASSWORD).done();
    let old = service.login("ada@example.org", PASSWORD).unwrap();
    let drawbridge = |arguments: &[&str]| run(folder.path(), arguments).done();

    let before = drawbridge(&["keys", "list"]);
    assert_eq!(before.lines().count(), 1, "{before}");
    assert!(before.contains("EdDSA") && before.contains("signing"), "{before}");
    drawbridge(&["keys", "new", "--alg", "ES256"]);
    drawbridge(&["keys", "rotate", "--alg", "RS256"]);
    let list = drawbridge(&["keys", "list"]);
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(["EdDSA", "ES256", "RS256"].iter().all(|algorithm| list.contains(algorithm)), "{list}");

    until(|| {
        let (_, jwks) = service.ask("/.well-known/jwks.json", &NOTHING);
        // Asked too often, it is refused for a moment.
        jwks["keys"].as_array().is_some_and(|keys| keys.len() == 3).then_some(())
    });
    assert_eq!(service.ask("/v1/users/me", &bearer(&old)).0, 200);
}

#[test]
fn doctor_and_migrate_say_how_things_are() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["migrate"]).done(), "The database is up to date.\n");
    let found = run(folder.path(), &["doctor"]).done();
    assert!(found.contains("no signing key") && found.ends_with("In development that is fine.\n"), "{found}");

    #[cfg(feature = "redis")]
    {
        std::fs::write(folder.path().join(".env"), "REDIS_URL=unix:///nowhere\n").unwrap();
        let found = run(folder.path(), &["doctor"]).done();
        assert!(found.contains("- REDIS_URL: no Redis"), "{found}");
    }
    for (address, is_open) in [
        ("127.0.0.1:9464", false),
        ("10.1.2.3:9464", false),
        ("[fd00::1]:9464", false),
        ("0.0.0.0:9464", true),
        ("[::]:9464", true),
        ("192.0.2.1:9464", true),
    ] {
        std::fs::write(folder.path().join(".env"), format!("METRICS_ADDR={address}\n")).unwrap();
        let found = run(folder.path(), &["doctor"]).done();
        assert_eq!(found.contains("- METRICS_ADDR can be reached from outside"), is_open, "{address}: {found}");
    }
    run(folder.path(), &["keys", "new"]).done();
    std::fs::write(folder.path().join(".env"), "ACCESS_TOKEN_TTL=9d-secret\nPUBLIC_URL=secret\n").unwrap();
    let refused = run(folder.path(), &["doctor"]);
    assert_eq!(refused.code, 1);
    assert!(["ACCESS_TOKEN_TTL", "PUBLIC_URL"].iter().all(|name| refused.err.contains(name)), "{}", refused.err);
    assert!(!refused.err.contains("secret"), "{}", refused.err);
}

#[test]
fn doctor_says_whether_an_alarm_would_reach_anybody() {
    let folder = folder();
    let webhook = "ALERT_WEBHOOK_URL=http://127.0.0.1:9/\nALERT_WEBHOOK_SECRET=0123456789abcdef0123456789abcdef\n";
    std::fs::write(folder.path().join(".env"), webhook).unwrap();
    let found = run(folder.path(), &["doctor"]).done();
    assert!(found.contains("- alarms would not arrive: ") && found.contains("ALERT_WEBHOOK_ALLOW_PRIVATE"), "{found}");

    let production = "APP_ENV=production\nPUBLIC_URL=https://api.example.com\nJWT_ISSUER=https://api.example.com\n\
        JWT_AUDIENCE=api\nJWT_KEYS_DIR=keys\nDATA_ENCRYPTION_KEYS=file:keys/data\nTRUSTED_PROXIES=10.0.0.0/8\n\
        DATABASE_URL=postgres://nobody@127.0.0.1:9/none\nMAIL_URL=smtp://127.0.0.1:9\nMAIL_FROM=a@example.com\n";
    std::fs::write(folder.path().join(".env"), production).unwrap();
    let found = run(folder.path(), &["doctor"]);
    assert!(found.code == 1 && found.out.contains("nobody hears of an attack"), "{}{}", found.out, found.err);
    std::fs::write(folder.path().join(".env"), format!("{production}ALERT_EMAIL=security@example.com\n")).unwrap();
    let found = run(folder.path(), &["doctor"]);
    assert!(found.code == 1 && !found.out.contains("nobody hears of an attack"), "{}{}", found.out, found.err);
}

#[test]
fn calibrate_measures_every_choice_and_marks_the_present_one() {
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "PASSWORD_HASH_ITERATIONS=4\n").unwrap();
    let table = run(folder.path(), &["password", "calibrate"]).done();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let measured = || lines.iter().filter(|line| line.contains(&"MiB") && line[0].parse::<u32>().is_ok());
    assert_eq!(measured().count(), 7, "six choices, and the present one: {table}");
    assert!(measured().all(|line| line[2].parse::<f64>().is_ok_and(|each| each > 0.0)), "{table}");
    let present: Vec<_> = measured().filter(|line| line.ends_with(&["now"])).collect();
    assert_eq!((present.len(), &present[0][..2]), (1, &["19456", "4"][..]), "{table}");
    assert!(!folder.path().join(".data").exists(), "nothing was made");
}

#[test]
fn wrong_use_is_told_apart_from_failure() {
    let folder = folder();
    for wrong in [
        &["sreve"][..],
        &["user"],
        &["user", "set-role", "--email", "a@b.org", "--role", "emperor"],
        &["user", "create", "--email", "a@b.org", "--name", "A", "--role", "user"],
        &["user", "create", "--email", "a@b.org", "--name", "A", "--role", "user", "--password", "x"],
        &["keys", "new", "--alg", "HS256"],
        &["password"],
        &["routes", "--jsn\n\u{1b}[2J"],
        &["completions", "cmd.exe"],
    ] {
        let said = run(folder.path(), wrong);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{wrong:?}");
        let sentence = said.err.strip_suffix('\n').unwrap();
        assert!(sentence.starts_with("drawbridge: ") && !sentence.contains(char::is_control), "{sentence}");
    }
    assert!(!folder.path().join(".data").exists(), "nothing was made");
}

fn bearer(token: &str) -> [String; 2] {
    ["-H".to_owned(), format!("Authorization: Bearer {token}")]
}

fn me(service: &Service, token: &str) -> Value {
    let (status, me) = service.ask("/v1/users/me", &bearer(token));
    assert_eq!(status, 200, "{me}");
    me
}

/// Asks again until there is an answer; each question is a request, which takes its time. It gives up long after the
/// ten seconds that the contract allows for the slowest of these.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    while began.elapsed().as_secs() < 60 {
        if let Some(found) = look() {
            return found;
        }
    }
    panic!("it never came true");
}
