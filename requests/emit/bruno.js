// A Bruno collection: a folder with a file for each request.

const { before, after, always } = require("./script");
const { parts, isJson, fileName } = require("./request");

function files(journeys, title) {
    const made = {
        "bruno.json": `${JSON.stringify({ version: "1", name: title, type: "collection" }, null, 4)}\n`,
        "collection.bru": block("tests", always("bruno")),
    };
    journeys.forEach(({ name, about, steps }, index) => {
        const folder = `${String(index + 1).padStart(2, "0")}-${fileName(name)}`;
        made[`${folder}/folder.bru`] = [meta({ name, seq: index + 1 }), block("docs", [about])].join("\n");
        const own = steps.filter((step) => !step.notInBruno);
        own.forEach((step, place) => {
            made[`${folder}/${fileName(step.name)}.bru`] = request(step, place + 1);
        });
    });
    return made;
}

function request(step, seq) {
    const { headers, body } = parts(step);
    const kind = body === undefined ? "none" : isJson(step) ? "json" : "text";
    const call = [`url: {{base_url}}${step.path}`, `body: ${kind}`, "auth: none"];
    return [
        meta({ name: step.name, type: "http", seq }),
        block(step.method.toLowerCase(), call),
        headers.length && block("headers", headers.map(([name, value]) => `${name}: ${value}`)),
        body !== undefined && block(`body:${kind}`, body.split("\n")),
        step.before && block("script:pre-request", before(step, "bruno")),
        block("tests", after(step, "bruno")),
        step.about && block("docs", [step.about]),
    ]
        .filter(Boolean)
        .join("\n");
}

const meta = (pairs) => block("meta", Object.entries(pairs).map(([name, value]) => `${name}: ${value}`));
const block = (name, lines) => `${name} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;

const environment = (values) => block("vars", Object.entries(values).map(([name, value]) => `${name}: ${value}`));

module.exports = { files, environment };
