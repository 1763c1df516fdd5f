const { journey, step, bearer, refused, unauthenticated } = require("./words");

module.exports = journey("Leaving", "An account is erased, a session is ended; tokens that were good a moment ago.", [
    step("Erase my account", "DELETE /v1/users/me", {
        headers: bearer("ada_token"),
        body: { password: "{{ada_password}}" },
        expect: { status: 204 },
    }),
    step("It is gone", "GET /v1/users/me", { headers: bearer("ada_token"), expect: unauthenticated }),
    step("Erase the account from a stolen session", "DELETE /v1/users/me", {
        headers: bearer("stranger_token"),
        body: { password: "I do not know it" },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
    step("Sign out", "POST /v1/auth/logout", { headers: bearer("stranger_token"), expect: { status: 204 } }),
    step("The access token is dead", "GET /v1/users/me", { headers: bearer("stranger_token"), expect: unauthenticated }),
    step("The refresh token is dead", "POST /v1/auth/refresh", {
        body: { refresh_token: "{{stranger_refresh}}" },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
]);
