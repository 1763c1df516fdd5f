const { journey, step, bearer, refused, invalid, hidden, forbidden } = require("./words");

module.exports = journey("Administration", "What an administrator may do with the accounts of others, and what not even one may.", [
    step("Find a user", "GET /v1/admin/users?email={{ada_email}}", {
        headers: bearer("admin_token"),
        expect: { status: 200, "body.items.length": 1, "body.items[0].id": "{{ada_id}}" },
    }),
    step("Invite a user", "POST /v1/admin/users", {
        before: () => {
            set("bob_email", get("ada_email").replace("ada", "bob"));
        },
        headers: bearer("admin_token"),
        body: { email: "{{bob_email}}", name: "Bob", role: "user" },
        expect: { status: 201, "body.role": "user", "body.status": "active" },
        keep: { bob_id: "body.id" },
    }),
    step("Invite the same address", "POST /v1/admin/users", {
        headers: bearer("admin_token"),
        body: { email: "{{bob_email}}", name: "Bob", role: "user" },
        expect: refused(409, "CONFLICT"),
    }),
    step("Invite an administrator", "POST /v1/admin/users", {
        headers: bearer("admin_token"),
        body: { email: "eve@example.org", name: "Eve", role: "admin" },
        expect: invalid("role enum"),
    }),
    step("Read a user", "GET /v1/admin/users/{{bob_id}}", {
        headers: bearer("admin_token"),
        expect: { status: 200, "body.email": "{{bob_email}}", "body.email_verified": false },
    }),
    step("Make a user an editor", "PATCH /v1/admin/users/{{bob_id}}", {
        headers: bearer("admin_token"),
        body: { role: "editor" },
        expect: { status: 200, "body.role": "editor" },
    }),
    step("Make a user an administrator", "PATCH /v1/admin/users/{{bob_id}}", {
        headers: bearer("admin_token"),
        body: { role: "admin" },
        expect: invalid("role enum"),
    }),
    step("Suspend a user", "PATCH /v1/admin/users/{{bob_id}}", {
        headers: bearer("admin_token"),
        body: { status: "suspended" },
        expect: { status: 200, "body.status": "suspended" },
    }),
    step("End a user's sessions", "POST /v1/admin/users/{{bob_id}}/revoke-sessions", {
        headers: bearer("admin_token"),
        expect: { status: 204 },
    }),
    step("Erase a user", "DELETE /v1/admin/users/{{bob_id}}", { headers: bearer("admin_token"), expect: { status: 204 } }),
    step("An erased user is not there", "GET /v1/admin/users/{{bob_id}}", { headers: bearer("admin_token"), expect: hidden }),
    step("Who is administrator", "GET /v1/admin/users?role=admin", {
        headers: bearer("admin_token"),
        expect: { status: 200, "body.items.length": 1, "body.items[0].email": "{{admin_email}}" },
        keep: { admin_id: "body.items[0].id" },
    }),
    step("Find what was done about a user", "GET /v1/admin/security-events?type=user_deleted&user_id={{bob_id}}", {
        headers: bearer("admin_token"),
        expect: { status: 200, "body.items.length": 1, "body.items[0].details.by": "{{admin_id}}" },
    }),
    step("Find events of a kind that there is not", "GET /v1/admin/security-events?type=anything", {
        headers: bearer("admin_token"),
        expect: invalid("type enum"),
    }),
    step("Count what happened", "GET /v1/admin/security-summary?hours=1", {
        headers: bearer("admin_token"),
        expect: { status: 200, "body.step_seconds": 60, "body.types[0].steps.length": 60 },
    }),
    step("Suspend an administrator", "PATCH /v1/admin/users/{{admin_id}}", {
        headers: bearer("admin_token"),
        body: { status: "suspended" },
        expect: forbidden,
    }),
    step("Erase an administrator", "DELETE /v1/admin/users/{{admin_id}}", { headers: bearer("admin_token"), expect: forbidden }),
]);
