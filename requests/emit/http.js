// `.http` files in JetBrains' form, which httpYac and its extension for VS Code run too.

const { before, after } = require("./script");
const { judge } = require("./sandbox");
const { parts, fileName } = require("./request");

function files(journeys) {
    const made = { ".httpyac.js": ALWAYS };
    journeys.forEach(({ name, about, steps }, index) => {
        const head = `# ${name}: ${about}\n`;
        made[`${String(index + 1).padStart(2, "0")}-${fileName(name)}.http`] = [head, ...steps.map(request)].join("\n");
    });
    return made;
}

// What is tested of every answer: httpYac's own way to say it. In JetBrains' there is none.
const ALWAYS = `${judge}

module.exports = {
    configureHooks(api) {
        api.hooks.onResponse.addHook("every answer", ({ statusCode, headers, body }) => {
            const wrong = judge(statusCode, body, (name) => headers[name]?.toString());
            if (wrong.length) throw new Error("every answer: " + wrong.join("; "));
        });
    },
};
`;

function request(step) {
    const { headers, body } = parts(step);
    return [
        `### ${step.name}`,
        step.about && `# ${step.about}`,
        // To JetBrains this is a comment: there, send it again by hand.
        step.until && `# @loop while typeof done === "undefined" || done !== ${JSON.stringify(step.name)}`,
        ...(step.before ? script("<", before(step, "http")) : []),
        `${step.method} {{base_url}}${step.path}`,
        ...headers.map(([name, value]) => `${name}: ${value}`),
        ...(body === undefined ? [] : ["", body]),
        "",
        ...script(">", after(step, "http")),
        "",
    ]
        .filter((line) => line !== undefined)
        .join("\n");
}

const script = (sign, lines) => [`${sign} {%`, ...lines.map((line) => `    ${line}`), "%}"];

module.exports = { files };
