// The words in which journeys are written. What they make is plain data; `emit/` puts it into each tool's own form.
//
// `expect` says what must come back: an expression over `status`, `body` and `header("…")`, and the value it must have, a
// pattern, or `null` for "not there". `keep` names what later requests use as `{{name}}`.

const journey = (name, about, steps) => ({ name, about, steps });

// `before` and `keep` run in the tools' sandboxes, where `get` and `set` are defined by `emit/script.js`.
const step = (name, call, rest) => {
    const [method, path] = call.split(" ");
    return { name, method, path, ...rest };
};

// Whoever holds the access token or the key that was kept under this name.
const bearer = (name) => ({ Authorization: `Bearer {{${name}}}` });
const apiKey = (name) => ({ "X-API-Key": `{{${name}}}` });

const REFERENCE = /^err-\d{4}-\d{2}-[0-9a-z]{12}$/;

// Each refusal has its status, its code, a reference, and nothing besides (`fields` where the form was wrong).
const refused = (status, code, more = {}) => ({
    status,
    "body.code": code,
    "body.reference": REFERENCE,
    "Object.keys(body).join()": code === "VALIDATION_FAILED" ? "error,code,reference,fields" : "error,code,reference",
    ...more,
});

// Fields that are not as the schema wants them, and which of its rules they break: "role unknown".
const invalid = (...fields) =>
    refused(400, "VALIDATION_FAILED", { "body.fields.map((one) => `${one.field} ${one.rule}`).join()": fields.join() });

// What was sent is not a credential of anybody's; why not is for the log.
const unauthenticated = refused(401, "UNAUTHENTICATED", { 'header("www-authenticate")': 'Bearer error="invalid_token"' });
// Without a token there is none that could be invalid.
const unknown = refused(401, "UNAUTHENTICATED", { 'header("www-authenticate")': "Bearer" });
const hidden = refused(404, "NOT_FOUND");
const forbidden = refused(403, "FORBIDDEN");

module.exports = { journey, step, bearer, apiKey, refused, invalid, unauthenticated, unknown, hidden, forbidden };
