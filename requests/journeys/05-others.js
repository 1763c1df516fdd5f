const { journey, step } = require("./words");

module.exports = journey("Others", "Three more who sign in: the accounts that a development service makes at its first start.", [
    step("Sign in as somebody else", "POST /v1/auth/login", {
        body: { email: "{{user_email}}", password: "{{user_password}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { stranger_token: "body.access_token", stranger_refresh: "body.refresh_token" },
    }),
    step("Sign in as an editor", "POST /v1/auth/login", {
        body: { email: "{{editor_email}}", password: "{{editor_password}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { editor_token: "body.access_token" },
    }),
    step("Sign in as an administrator", "POST /v1/auth/login", {
        body: { email: "{{admin_email}}", password: "{{admin_password}}" },
        expect: { status: 200, "body.status": "authenticated" },
        keep: { admin_token: "body.access_token" },
    }),
]);
