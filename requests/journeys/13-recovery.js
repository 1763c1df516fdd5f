const { journey, step, bearer, refused, unauthenticated } = require("./words");

module.exports = journey("Recovery", "A forgotten password is set anew, by a mail (docs/recovery.md).", [
    step("Forget the password", "POST /v1/auth/password/forgot", { body: { email: "{{ada_email}}" }, expect: { status: 202 } }),
    step("Read the mail about it", "GET /dev/mailbox.json", {
        until: 'body.items.some((mail) => mail.to === get("ada_email") && mail.token && mail.token !== get("mailed_token"))',
        most: 200,
        meanwhile: { status: 200 },
        expect: { status: 200 },
        keep: { reset_token: 'body.items.find((mail) => mail.to === get("ada_email") && mail.token)?.token' },
    }),
    step("Set a new password", "POST /v1/auth/password/reset", {
        before: () => {
            set("ada_password", `${get("ada_password")} again`);
        },
        body: { token: "{{reset_token}}", new_password: "{{ada_password}}" },
        expect: { status: 204 },
    }),
    step("Every session has ended", "GET /v1/users/me", { headers: bearer("ada_token"), expect: unauthenticated }),
    step("Their refresh tokens too", "POST /v1/auth/refresh", {
        body: { refresh_token: "{{ada_refresh}}" },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
    step("Sign in with the new password", "POST /v1/auth/login", {
        body: { email: "{{ada_email}}", password: "{{ada_password}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { ada_token: "body.access_token", ada_refresh: "body.refresh_token" },
    }),
    step("Move to another address", "POST /v1/users/me/email", {
        before: () => {
            set("new_email", get("ada_email").replace("ada", "ada.king"));
        },
        headers: bearer("ada_token"),
        body: { new_email: "{{new_email}}", password: "{{ada_password}}" },
        expect: { status: 202 },
    }),
    step("Read the mail there", "GET /dev/mailbox.json", {
        until: 'body.items.some((mail) => mail.to === get("new_email") && mail.token)',
        most: 200,
        meanwhile: { status: 200 },
        expect: { status: 200 },
        keep: { moving_token: 'body.items.find((mail) => mail.to === get("new_email") && mail.token)?.token' },
    }),
    step("Confirm the new address", "POST /v1/users/me/email/confirm", {
        headers: bearer("ada_token"),
        body: { token: "{{moving_token}}" },
        expect: { status: 204 },
    }),
    step("Who am I now", "GET /v1/users/me", { headers: bearer("ada_token"), expect: { status: 200, "body.email": "{{new_email}}" } }),
]);
