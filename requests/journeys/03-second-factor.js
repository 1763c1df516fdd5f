const { journey, step, bearer, refused, invalid, unauthenticated } = require("./words");

module.exports = journey("Second factor", "Turned on, used to sign in, and a spent code tried again (docs/second-factor.md).", [
    step("Enrol", "POST /v1/users/me/mfa/totp", {
        headers: bearer("ada_token"),
        expect: { status: 201, "body.otpauth_uri": /^otpauth:\/\/totp\//, "body.qr_svg": /^<svg/ },
        keep: { totp_secret: "body.secret" },
    }),
    step("Confirm", "POST /v1/users/me/mfa/totp/confirm", {
        before: () => {
            set("code", totp(get("totp_secret"), 0, hmac));
        },
        headers: bearer("ada_token"),
        body: { code: "{{code}}" },
        expect: { status: 200, "body.recovery_codes.length": 10 },
        keep: { recovery_code: "body.recovery_codes[0]" },
    }),
    step("The password opens a challenge", "POST /v1/auth/login", {
        body: { email: "{{ada_email}}", password: "{{ada_password}}" },
        expect: { status: 200, "body.status": "mfa_required", "body.access_token": null, "body.methods.join()": "totp,recovery_code" },
        keep: { mfa_token: "body.mfa_token" },
    }),
    step("A challenge is no access token", "GET /v1/users/me", { headers: bearer("mfa_token"), expect: unauthenticated }),
    step("The code opens a session", "POST /v1/auth/mfa", {
        about: "The next half-minute's code, which is taken already: the present one was spent on the confirmation.",
        before: () => {
            set("code", totp(get("totp_secret"), 1, hmac));
        },
        body: { mfa_token: "{{mfa_token}}", code: "{{code}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { ada_token: "body.access_token", ada_refresh: "body.refresh_token" },
    }),
    step("A spent code proves nothing", "POST /v1/auth/reauthenticate", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}", code: "{{code}}" },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
    step("Step up with a recovery code", "POST /v1/auth/reauthenticate", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}", code: "{{recovery_code}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { ada_token: "body.access_token", ada_refresh: "body.refresh_token" },
    }),
    step("A recovery code works once", "POST /v1/auth/reauthenticate", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}", code: "{{recovery_code}}" },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
    step("Replace the recovery codes", "POST /v1/users/me/mfa/recovery-codes", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.recovery_codes.length": 10 },
        keep: { recovery_code: "body.recovery_codes[0]" },
    }),
    step("I am signed in twice now", "GET /v1/users/me/sessions", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.items.length": 2 },
        keep: {
            ada_session: "body.items.find((session) => session.current)?.id",
            other_session: "body.items.find((session) => !session.current)?.id",
        },
    }),
    step("End the other session", "DELETE /v1/users/me/sessions/{{other_session}}", {
        headers: bearer("ada_token"),
        expect: { status: 204 },
    }),
    step("End all but this one", "DELETE /v1/users/me/sessions", { headers: bearer("ada_token"), expect: { status: 204 } }),
    step("Turn it off without a code", "DELETE /v1/users/me/mfa/totp", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}" },
        expect: invalid("code required"),
    }),
    step("Turn it off", "DELETE /v1/users/me/mfa/totp", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}", code: "{{recovery_code}}" },
        expect: { status: 204 },
    }),
]);
