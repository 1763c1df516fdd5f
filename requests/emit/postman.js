// The Postman collection (format 2.1): the journeys, then one request for each operation of the OpenAPI document.

const { before, after, always } = require("./script");
const { parts, isJson } = require("./request");

const SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

function collection(journeys, reference, title, about) {
    return {
        info: { name: title, description: about, schema: SCHEMA },
        event: [event("test", always("postman"))],
        item: [
            ...journeys.map(({ name, about, steps }) => folder(name, about, steps)),
            { name: "Reference", description: REFERENCE, item: reference.map(({ name, about, steps }) => folder(name, about, steps)) },
        ],
    };
}

const REFERENCE =
    "Every endpoint once, with an example, sent as the administrator of the journeys. What is tested is that the answer has a status " +
    "which the document names: after a run of the journeys that may be a 404, or a 429.";

const folder = (name, about, steps) => ({ name, description: about, item: steps.map(item) });

function item(step) {
    const { headers, body } = parts(step);
    const events = [
        step.before && event("prerequest", before(step, "postman")),
        event("test", after(step, "postman")),
    ];
    return {
        name: step.name,
        event: events.filter(Boolean),
        request: {
            method: step.method,
            description: step.about,
            header: headers.map(([key, value]) => ({ key, value })),
            url: url(step),
            ...(body !== undefined && { body: { mode: "raw", raw: body, ...(isJson(step) && { options: { raw: { language: "json" } } }) } }),
        },
    };
}

// Postman shows the parts, newman asks for them too.
function url({ path, parameters = [] }) {
    const [way, query] = path.split("?");
    const optional = parameters.map((key) => ({ key, value: "", disabled: true }));
    const given = (query?.split("&") ?? []).map((pair) => {
        const [key, ...value] = pair.split("=");
        return { key, value: value.join("=") };
    });
    return {
        raw: `{{base_url}}${path}`,
        host: ["{{base_url}}"],
        path: way.slice(1).split("/"),
        ...((query || optional.length) && { query: [...given, ...optional] }),
    };
}

const event = (listen, exec) => ({ listen, script: { type: "text/javascript", exec } });

function environment(values) {
    return {
        name: "Drawbridge",
        values: Object.entries(values).map(([key, value]) => ({ key, value, type: key === "base_url" ? "default" : "secret", enabled: true })),
        _postman_variable_scope: "environment",
    };
}

module.exports = { collection, environment };
