const { journey, step, bearer, refused, invalid, hidden } = require("./words");

const INJECTION = "x' OR '1'='1";
const DROP = "Robert'); DROP TABLE users;--";

const rename = (name, rest) => step(name, "PATCH /v1/users/me", { headers: bearer("stranger_token"), ...rest });
const malformed = refused(400, "MALFORMED_JSON");

module.exports = journey("Attacks by input", "SQL in every place that takes text; what is missing, unknown, too large or not JSON (docs/input.md).", [
    step("SQL in an e-mail", "POST /v1/auth/register", {
        body: { email: INJECTION, name: "Eve", password: "{{ada_password}}" },
        expect: invalid("email email"),
    }),
    step("SQL as a password", "POST /v1/auth/login", {
        body: { email: "{{ada_email}}", password: INJECTION },
        expect: refused(401, "INVALID_CREDENTIALS"),
    }),
    step("SQL in an id", `GET /v1/users/${encodeURIComponent("' OR 1=1--")}`, { headers: bearer("stranger_token"), expect: invalid("id uuid") }),
    step("SQL in a cursor", `GET /v1/users/me/activity?cursor=${encodeURIComponent("' OR 1=1--")}`, {
        headers: bearer("stranger_token"),
        expect: invalid("cursor min_length", "cursor pattern"),
    }),
    step("SQL in a filter", `GET /v1/admin/users?email=${encodeURIComponent(INJECTION)}`, {
        headers: bearer("admin_token"),
        expect: invalid("email email"),
    }),
    rename("SQL in a name is a name", { body: { name: DROP }, expect: { status: 200, "body.name": DROP } }),
    step("SQL: the users are still there", "GET /v1/users/me", {
        headers: bearer("stranger_token"),
        expect: { status: 200, "body.name": DROP },
    }),
    step("Everything missing", "POST /v1/auth/register", { body: {}, expect: invalid("email required", "name required", "password required") }),
    rename("An unknown field", { body: { name: "Eve", colour: "red" }, expect: invalid("colour unknown") }),
    step("An unknown parameter", "GET /v1/users/me?verbose=1", { headers: bearer("stranger_token"), expect: invalid("verbose unknown") }),
    rename("A wrong type", { body: { name: 7 }, expect: invalid("name type") }),
    rename("No object", { body: "[]", expect: invalid(" type") }),
    rename("Too long", { body: { name: "a".repeat(101) }, expect: invalid("name max_length") }),
    rename("A NUL", { body: '{"name":"Ada\\u0000"}', expect: invalid("name pattern") }),
    rename("Text that turns around", { body: '{"name":"Ada\\u202e"}', expect: invalid("name pattern") }),
    rename("One field twice", { body: '{"name":"Ada","name":"Eve"}', expect: malformed }),
    rename("Half a body", {
        notInBruno: "it makes a JSON string of what is no JSON",
        body: '{"name":',
        expect: malformed,
    }),
    rename("A thousand levels", { body: "[".repeat(1000) + "]".repeat(1000), expect: malformed }),
    rename("Seventy thousand letters", {
        about: "The service answers before it has read the rest, and closes: a connection that nothing else is sent on.",
        before: () => {
            set("much", "a".repeat(70000));
        },
        headers: bearer("stranger_token"),
        body: { name: "{{much}}" },
        expect: refused(413, "PAYLOAD_TOO_LARGE"),
    }),
    step("An address of nine thousand letters", "GET /{{much_address}}", {
        before: () => {
            set("much_address", "a".repeat(9000));
        },
        expect: refused(414, "URI_TOO_LONG"),
    }),
    rename("A form instead of JSON", {
        headers: { ...bearer("stranger_token"), "Content-Type": "application/x-www-form-urlencoded" },
        body: "name=Eve",
        expect: refused(415, "UNSUPPORTED_MEDIA_TYPE"),
    }),
    step("A page instead of JSON", "GET /v1/users/me", {
        headers: { ...bearer("stranger_token"), Accept: "text/html" },
        expect: refused(406, "NOT_ACCEPTABLE"),
    }),
    step("A path that leads out", "GET /v1/users/..%2F..%2F..%2Fetc%2Fpasswd", {
        headers: bearer("stranger_token"),
        expect: invalid("id uuid"),
    }),
    step("A path that is not there", "GET /admin/config.php", { expect: hidden }),
    step("A method that is not there", "PUT /v1/users/me", {
        headers: bearer("stranger_token"),
        body: {},
        expect: refused(405, "METHOD_NOT_ALLOWED", { 'header("allow")': /^(?!.*PUT).*PATCH/ }),
    }),
]);
