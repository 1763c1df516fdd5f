const { journey, step, bearer, invalid, hidden, forbidden } = require("./words");

const stranger = (name, call, rest) => step(name, call, { headers: bearer("stranger_token"), ...rest });

module.exports = journey("Attacks on access", "Somebody else's objects, the administrators' functions, fields that nobody may set (docs/access.md).", [
    stranger("BOLA: read another user", "GET /v1/users/{{ada_id}}", { expect: hidden }),
    stranger("BOLA: end another user's session", "DELETE /v1/users/me/sessions/{{ada_session}}", { expect: hidden }),
    stranger("BOLA: revoke another user's key", "DELETE /v1/users/me/api-keys/{{ada_key_id}}", { expect: hidden }),
    stranger("BFLA: list the users", "GET /v1/admin/users", { expect: forbidden }),
    stranger("BFLA: invite a user", "POST /v1/admin/users", {
        body: { email: "eve@example.org", name: "Eve", role: "editor" },
        expect: forbidden,
    }),
    stranger("BFLA: read a user", "GET /v1/admin/users/{{ada_id}}", { expect: forbidden }),
    stranger("BFLA: promote myself", "PATCH /v1/admin/users/{{ada_id}}", { body: { role: "editor" }, expect: forbidden }),
    stranger("BFLA: erase a user", "DELETE /v1/admin/users/{{ada_id}}", { expect: forbidden }),
    stranger("BFLA: end a user's sessions", "POST /v1/admin/users/{{ada_id}}/revoke-sessions", { expect: forbidden }),
    step("BFLA: an editor is no administrator", "GET /v1/admin/users", { headers: bearer("editor_token"), expect: forbidden }),
    stranger("BFLA: whether the body was right is not told", "POST /v1/admin/users", { body: { nonsense: 1 }, expect: forbidden }),
    step("Mass assignment: register as administrator", "POST /v1/auth/register", {
        body: { email: "eve@example.org", name: "Eve", password: "{{ada_password}}", role: "admin" },
        expect: invalid("role unknown"),
    }),
    step("Mass assignment: register as verified", "POST /v1/auth/register", {
        body: { email: "eve@example.org", name: "Eve", password: "{{ada_password}}", is_admin: true, is_verified: true },
        expect: invalid("is_admin unknown", "is_verified unknown"),
    }),
    stranger("Mass assignment: a role for myself", "PATCH /v1/users/me", {
        body: { name: "Eve", role: "admin", is_admin: true },
        expect: invalid("is_admin unknown", "role unknown"),
    }),
    stranger("Mass assignment: I am who I was", "GET /v1/users/me", { expect: { status: 200, "body.role": "user", "body.email": "{{user_email}}" } }),
]);
