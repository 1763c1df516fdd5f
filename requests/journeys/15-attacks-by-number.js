const { journey, step, bearer, refused } = require("./words");

// Sent again until the door is shut. What is answered until then is asserted as well.
const flood = (name, call, most, limit, rest) =>
    step(name, call, {
        until: "status === 429",
        most,
        expect: refused(429, "RATE_LIMITED", {
            'header("retry-after")': /^[1-9]\d*$/,
            'header("x-ratelimit-limit")': String(limit),
            'header("x-ratelimit-remaining")': "0",
        }),
        ...rest,
    });

module.exports = journey(
    "Attacks by number",
    "Guessing and flooding (docs/rate-limits.md). Last, since they spend what the others need; a restart of the service forgets it. " +
        "Each is sent again until the door is shut: run the folder, or press Send until it is.",
    [
        flood("Guess a password", "POST /v1/auth/login", 11, 10, {
            body: { email: "{{ada_email}}", password: "is it this one?" },
            meanwhile: refused(401, "INVALID_CREDENTIALS"),
        }),
        flood("Register without end", "POST /v1/auth/register", 11, 10, {
            body: { email: "not an address", name: "Eve", password: "{{ada_password}}" },
            meanwhile: { status: 400 },
        }),
        flood("Fill a mailbox", "POST /v1/auth/password/forgot", 6, 5, { body: { email: "{{ada_email}}" }, meanwhile: { status: 202 } }),
        flood("Write without end", "PATCH /v1/users/me", 61, 60, {
            headers: bearer("editor_token"),
            body: { name: "Dev editor" },
            meanwhile: { status: 200 },
        }),
        flood("Read without end", "GET /.well-known/jwks.json", 600, 100, {
            notInBruno: "it repeats too slowly: this budget grows by five a second",
            meanwhile: { status: 200 },
        }),
    ],
);
