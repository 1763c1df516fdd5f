const { journey, step, bearer, apiKey, refused, unauthenticated, unknown } = require("./words");

const me = (name, rest) => step(name, "GET /v1/users/me", { expect: unauthenticated, ...rest });

module.exports = journey(
    "Attacks on tokens",
    "Forged, altered and misdirected ones (docs/access-tokens.md). All are refused alike: why, is for the log. `prepare` signed " +
        "some of them with the service's own key, so that nothing is wrong with them but what their name says.",
    [
        me("Without any", { expect: unknown }),
        step("Signed anew by the right key: the one that is let in", "GET /v1/users/me", {
            headers: bearer("control_token"),
            expect: { status: 200, "body.email": "{{user_email}}" },
        }),
        me("Expired", { headers: bearer("expired_token") }),
        me("Not valid yet", { headers: bearer("early_token") }),
        me("Living longer than any that is issued", { headers: bearer("long_token") }),
        me("For another audience", { headers: bearer("other_audience_token") }),
        me("By another issuer", { headers: bearer("other_issuer_token") }),
        me("Of another type", { headers: bearer("other_type_token") }),
        me("The public key as a shared secret", { headers: bearer("shared_secret_token") }),
        me("By a key that it brings along", { headers: bearer("embedded_key_token") }),
        me("No signature, alg none", {
            before: () => {
                set("forged", `eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.${get("stranger_token").split(".")[1]}.`);
            },
            headers: bearer("forged"),
        }),
        me("A wrong signature", {
            before: () => {
                const [head, claims, signature] = get("stranger_token").split(".");
                set("forged", [head, claims, [...signature].reverse().join("")].join("."));
            },
            headers: bearer("forged"),
        }),
        me("A role that was tampered with", {
            before: () => {
                set("forged", tampered(get("stranger_token"), { role: "admin" }));
            },
            headers: bearer("forged"),
        }),
        step("The same at the door of the administrators", "GET /v1/admin/users", { headers: bearer("forged"), expect: unauthenticated }),
        me("A refresh token as access token", { headers: bearer("stranger_refresh") }),
        me("Two credentials at once", { headers: { ...bearer("stranger_token"), "X-API-Key": "{{damaged_key}}" } }),
        me("An access token as a key", { headers: apiKey("stranger_token"), expect: unknown }),
        me("A password instead", {
            headers: { Authorization: "Basic YWRtaW46YWRtaW4=" },
            expect: refused(401, "UNAUTHENTICATED", { 'header("www-authenticate")': /^Bearer/ }),
        }),
        me("In the address", {
            path: "/v1/users/me?access_token={{stranger_token}}",
            expect: unknown,
        }),
    ],
);
