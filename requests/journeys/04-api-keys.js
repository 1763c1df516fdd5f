const { journey, step, bearer, apiKey, refused, invalid, forbidden, unknown } = require("./words");

const narrow = (scope) =>
    refused(403, "INSUFFICIENT_SCOPE", { 'header("www-authenticate")': `Bearer error="insufficient_scope", scope="${scope}"` });

module.exports = journey("API keys", "A key that may only read, and what else it is tried on (docs/api-keys.md).", [
    step("Make a key", "POST /v1/users/me/api-keys", {
        before: () => {
            set("in_a_month", new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString());
        },
        headers: bearer("ada_token"),
        body: { name: "Nightly backup", scopes: ["profile:read"], expires_at: "{{in_a_month}}" },
        expect: { status: 201, "body.key": /^dbk_\w{12}_[\w-]{43}_\w{6}$/, 'header("cache-control")': /no-store/ },
        keep: { ada_key: "body.key", ada_key_id: "body.id" },
    }),
    step("It is never shown again", "GET /v1/users/me/api-keys", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.items.length": 1, "body.items[0].key": null },
    }),
    step("Read with the key", "GET /v1/users/me", { headers: apiKey("ada_key"), expect: { status: 200, "body.id": "{{ada_id}}" } }),
    step("Write with a key that may read", "PATCH /v1/users/me", {
        headers: apiKey("ada_key"),
        body: { name: "Eve" },
        expect: narrow("profile:write"),
    }),
    step("Make another key with a key", "POST /v1/users/me/api-keys", {
        headers: apiKey("ada_key"),
        body: { name: "More", scopes: ["articles:write"], expires_at: "{{in_a_month}}" },
        expect: forbidden,
    }),
    step("Make a key for what no scope allows", "POST /v1/users/me/api-keys", {
        headers: bearer("ada_token"),
        body: { name: "More", scopes: ["admin:write"], expires_at: "{{in_a_month}}" },
        expect: invalid("scopes.0 enum"),
    }),
    step("A key in the address is not read", "GET /v1/users/me?api_key={{ada_key}}", {
        expect: unknown,
    }),
    step("A damaged key", "GET /v1/users/me", {
        before: () => {
            const key = get("ada_key");
            set("damaged_key", key.slice(0, -1) + (key.endsWith("x") ? "y" : "x"));
        },
        headers: apiKey("damaged_key"),
        expect: unknown,
    }),
    step("Revoke the key", "DELETE /v1/users/me/api-keys/{{ada_key_id}}", { headers: bearer("ada_token"), expect: { status: 204 } }),
    step("A revoked key is dead at once", "GET /v1/users/me", { headers: apiKey("ada_key"), expect: unknown }),
]);
