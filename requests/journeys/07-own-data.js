const { journey, step, bearer } = require("./words");

module.exports = journey("Own data", "What happened on the account, and all that is held about its owner (docs/personal-data.md).", [
    step("What happened on my account", "GET /v1/users/me/activity?limit=100", {
        headers: bearer("ada_token"),
        expect: {
            status: 200,
            'body.items.some((event) => event.type === "authn_mfa_enabled")': true,
            'body.items.some((event) => event.type === "authn_key_revoked")': true,
        },
    }),
    step("All that is held about me", "GET /v1/users/me/export", {
        headers: bearer("ada_token"),
        expect: {
            status: 200,
            "body.account.email": "{{ada_email}}",
            'header("content-disposition")': /^attachment; filename=/,
            'header("cache-control")': /no-store/,
            "/argon2|dbk_\\w{12}_[\\w-]{43}|dbt_/.test(JSON.stringify(body))": false,
        },
    }),
]);
