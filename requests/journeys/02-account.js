const { journey, step, bearer, refused, unauthenticated } = require("./words");

module.exports = journey("Account", "From nothing to a session, and how it is renewed.", [
    step("Register", "POST /v1/auth/register", {
        about: "The same answer, whether or not the address is taken. The password is made up here, so that it stands nowhere.",
        before: () => {
            const words = () => Math.random().toString(36).slice(2, 10);
            set("ada_email", `ada-${Date.now().toString(36)}@example.org`);
            set("ada_password", `${words()} ${words()} ${words()}`);
        },
        body: { email: "{{ada_email}}", name: "Ada Lovelace", password: "{{ada_password}}" },
        expect: { status: 202, "Object.keys(body).join()": "message" },
        keep: { registered: "body.message" },
    }),
    step("Read the mail", "GET /dev/mailbox.json", {
        about: "Mail goes out a moment after the answer. Only a development service has this, and only for its own machine (docs/mailbox.md).",
        until: 'body.items.some((mail) => mail.to === get("ada_email") && mail.token)',
        most: 200,
        meanwhile: { status: 200 },
        expect: { status: 200, 'body.items.filter((mail) => mail.to === get("ada_email") && mail.token).length': 1 },
        keep: { mailed_token: 'body.items.find((mail) => mail.to === get("ada_email") && mail.token)?.token' },
    }),
    step("Sign in too early", "POST /v1/auth/login", {
        body: { email: "{{ada_email}}", password: "{{ada_password}}" },
        expect: refused(403, "EMAIL_NOT_VERIFIED"),
    }),
    step("Verify the address", "POST /v1/auth/verify-email", { body: { token: "{{mailed_token}}" }, expect: { status: 204 } }),
    step("Register once more: the same answer", "POST /v1/auth/register", {
        body: { email: "{{ada_email}}", name: "Somebody Else", password: "{{ada_password}}" },
        expect: { status: 202, "body.message": "{{registered}}" },
    }),
    step("Sign in", "POST /v1/auth/login", {
        body: { email: "{{ada_email}}", password: "{{ada_password}}" },
        expect: { status: 200, "body.status": "authenticated", "body.token_type": "Bearer", 'header("cache-control")': /no-store/ },
        keep: { ada_token: "body.access_token", ada_refresh: "body.refresh_token" },
    }),
    step("Who am I", "GET /v1/users/me", {
        headers: bearer("ada_token"),
        expect: {
            status: 200,
            "body.email": "{{ada_email}}",
            "Object.keys(body).join()": "id,email,name,role,status,email_verified,mfa_enabled,created_at,updated_at",
            'header("etag")': /^"[\w-]+"$/,
        },
        keep: { ada_id: "body.id", ada_etag: 'header("etag")' },
    }),
    step("Read me by my id", "GET /v1/users/{{ada_id}}", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.email": "{{ada_email}}" },
    }),
    step("Change my name", "PATCH /v1/users/me", {
        headers: { ...bearer("ada_token"), "If-Match": "{{ada_etag}}" },
        body: { name: "Ada King" },
        expect: { status: 200, "body.name": "Ada King" },
    }),
    step("Change it against an old version", "PATCH /v1/users/me", {
        headers: { ...bearer("ada_token"), "If-Match": "{{ada_etag}}" },
        body: { name: "Ada Byron" },
        expect: refused(412, "PRECONDITION_FAILED"),
    }),
    step("Change my password", "PUT /v1/users/me/password", {
        before: () => {
            set("old_password", get("ada_password"));
            set("ada_password", `${get("ada_password")} and more`);
        },
        headers: bearer("ada_token"),
        body: { current_password: "{{old_password}}", new_password: "{{ada_password}}" },
        expect: { status: 204 },
    }),
    step("The access token from before is dead", "GET /v1/users/me", { headers: bearer("ada_token"), expect: unauthenticated }),
    step("Refresh", "POST /v1/auth/refresh", {
        before: () => {
            set("spent_refresh", get("ada_refresh"));
        },
        body: { refresh_token: "{{ada_refresh}}" },
        expect: { status: 200, "body.status": "authenticated", "body.expires_in": 600 },
        keep: { ada_token: "body.access_token", ada_refresh: "body.refresh_token" },
    }),
    step("Refresh in a second tab: the same successor", "POST /v1/auth/refresh", {
        body: { refresh_token: "{{spent_refresh}}" },
        expect: { status: 200, "body.refresh_token": "{{ada_refresh}}" },
    }),
    step("Where am I signed in", "GET /v1/users/me/sessions", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.items.length": 1, "body.items[0].current": true, "body.items[0].address": "127.0.0.0/24" },
    }),
]);
