const { journey, step, bearer } = require("./words");

// A script of the page cannot read an answer without these, nor send what needs a preflight.
const nothing = {
    'header("access-control-allow-origin")': null,
    'header("access-control-allow-methods")': null,
    'header("access-control-allow-headers")': null,
    'header("vary")': /Origin/,
};
const preflight = (origin) => ({
    Origin: origin,
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization",
});

module.exports = journey("Attacks from a page", "CORS: a stranger's page in a user's browser (docs/cors.md).", [
    step("Read as a stranger's page", "GET /v1/users/me", {
        headers: { ...bearer("stranger_token"), Origin: "https://evil.example" },
        expect: { status: 200, ...nothing },
    }),
    step("Read as a page without an origin", "GET /v1/users/me", {
        headers: { ...bearer("stranger_token"), Origin: "null" },
        expect: { status: 200, ...nothing },
    }),
    step("Ask leave to write", "OPTIONS /v1/users/me", { headers: preflight("https://evil.example"), expect: { status: 204, ...nothing } }),
    step("Ask leave with a name like ours", "OPTIONS /v1/users/me", {
        headers: preflight("http://localhost.evil.example"),
        expect: { status: 204, ...nothing },
    }),
]);
