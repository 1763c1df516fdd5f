// What the three tools have in common about a request.

const isJson = (step) => step.body !== undefined && !step.headers?.["Content-Type"];

// Headers as pairs, the body as text.
function parts(step) {
    const headers = { ...(isJson(step) && { "Content-Type": "application/json" }), ...step.headers };
    const body = typeof step.body === "object" ? JSON.stringify(step.body, null, 4) : step.body;
    return { headers: Object.entries(headers), body };
}

// `Read the mail` becomes `read-the-mail`.
const fileName = (name) =>
    name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, "");

module.exports = { parts, isJson, fileName };
