// What a step does before its request and tests after it, in the words of each tool.

const sandbox = require("./sandbox");

const DIALECTS = {
    postman: {
        get: "const get = (name) => pm.variables.get(name);",
        set: "const set = (name, value) => pm.collectionVariables.set(name, value);",
        hmac: 'const hmac = (key, text) => { const { HmacSHA1, enc } = require("crypto-js"); return HmacSHA1(enc.Hex.parse(text), enc.Hex.parse(key)).toString(); };',
        answer: [
            "const status = pm.response.code;",
            "const header = (name) => pm.response.headers.filter((one) => one.key.toLowerCase() === name).map((one) => one.value).join() || undefined;",
            'const body = /json/.test(header("content-type")) ? pm.response.json() : undefined;',
        ],
        equal: (label, actual, wanted) => `pm.test(${label}, () => pm.expect(${actual}).to.eql(${wanted}));`,
        match: (label, actual, wanted) => `pm.test(${label}, () => pm.expect(${actual}).to.match(${wanted}));`,
        absent: (label, actual) => `pm.test(${label}, () => pm.expect(${actual}).to.be.undefined);`,
        again: (step) => `pm.execution.setNextRequest(${JSON.stringify(step.name)});`,
    },
    bruno: {
        // Bruno keeps what it is given; a variable of the environment is asked for apart.
        get: "const get = (name) => bru.getVar(name) ?? bru.getEnvVar(name);",
        set: "const set = (name, value) => bru.setVar(name, value);",
        hmac: 'const hmac = (key, text) => { const { HmacSHA1, enc } = require("crypto-js"); return HmacSHA1(enc.Hex.parse(text), enc.Hex.parse(key)).toString(); };',
        answer: ["const status = res.status;", "const header = (name) => res.getHeader(name);", "const body = res.body;"],
        equal: (label, actual, wanted) => `test(${label}, () => expect(${actual}).to.eql(${wanted}));`,
        match: (label, actual, wanted) => `test(${label}, () => expect(${actual}).to.match(${wanted}));`,
        absent: (label, actual) => `test(${label}, () => expect(${actual}).to.be.undefined);`,
        again: (step) => `bru.setNextRequest(${JSON.stringify(step.name)});`,
    },
    http: {
        get: "const get = (name) => client.global.get(name);",
        set: "const set = (name, value) => client.global.set(name, value);",
        hmac: "const hmac = (key, text) => crypto.hmac.sha1().withHexSecret(key).updateWithHex(text).digest().toHex();",
        answer: [
            "const status = response.status;",
            "const header = (name) => response.headers.valueOf(name);",
            "const body = response.body;",
        ],
        equal: (label, actual, wanted) => `client.test(${label}, () => client.assert(${actual} === ${wanted}, "it is " + ${actual}));`,
        match: (label, actual, wanted) => `client.test(${label}, () => client.assert(${wanted}.test(${actual}), "it is " + ${actual}));`,
        absent: (label, actual) => `client.test(${label}, () => client.assert(!${actual}, "it is " + ${actual}));`,
        // The comment above the request repeats it until this has the step's name.
        again: () => "",
    },
};

function before(step, dialect) {
    if (!step.before) return [];
    const code = bodyOf(step.before);
    return [...words(code, dialect), ...code];
}

function after(step, dialect) {
    const say = DIALECTS[dialect];
    const tests = Object.entries(step.expect).map(([actual, wanted]) => test(actual, wanted, say));
    const keeps = Object.entries(step.keep ?? {}).map(([name, value]) => `set("${name}", ${value});`);
    const code = step.until ? repeated(step, tests, say) : tests;
    return [...words([...code, ...keeps], dialect), ...say.answer, ...code, ...keeps];
}

// What is tested of every answer.
function always(dialect) {
    const say = DIALECTS[dialect];
    const call = say.equal('"every answer: its headers, its form, nothing told"', 'judge(status, body, header).join("; ")', '""');
    return [...say.answer, ...sandbox.judge.toString().split("\n"), call];
}

// Sent again and again until `until` holds, at most so often; what is answered meanwhile is tested too.
function repeated(step, tests, say) {
    const { until, most, meanwhile } = step;
    const indent = (lines) => lines.map((line) => `    ${line}`);
    const wait = Object.entries(meanwhile).map(([actual, wanted]) => test(actual, wanted, say));
    return [
        `const tries = Number(get("tries") ?? 0) + 1;`,
        `const done = ${until} || tries >= ${most};`,
        'set("tries", done ? 0 : tries);',
        "if (done) {",
        ...indent([`set("done", ${JSON.stringify(step.name)});`, ...tests]),
        "} else {",
        ...indent([...wait, say.again(step)].filter(Boolean)),
        "}",
    ];
}

function test(actual, wanted, say) {
    if (wanted === null) return say.absent(JSON.stringify(`${actual} is not there`), actual);
    if (wanted instanceof RegExp) return say.match(JSON.stringify(`${actual} matches ${wanted}`), actual, wanted);
    return say.equal(JSON.stringify(`${actual} is ${wanted}`), actual, literal(wanted));
}

// `{{name}}` in a wanted text is what was kept under the name.
function literal(wanted) {
    const whole = /^{{(\w+)}}$/.exec(wanted);
    return whole ? `get("${whole[1]}")` : JSON.stringify(wanted);
}

// The definitions that this code uses, and no others.
function words(code, dialect) {
    const text = code.join("\n");
    const functions = ["totp", "tampered"].filter((name) => text.includes(`${name}(`)).flatMap((name) => sandbox[name].toString().split("\n"));
    const small = ["get", "set", "hmac"].filter((name) => new RegExp(`\\b${name}\\b`).test(text)).map((name) => DIALECTS[dialect][name]);
    return [...small, ...functions];
}

function bodyOf(callback) {
    const text = callback.toString();
    const lines = text.slice(text.indexOf("{") + 1, text.lastIndexOf("}")).split("\n").filter((line) => line.trim());
    const margin = Math.min(...lines.map((line) => line.search(/\S/)));
    return lines.map((line) => line.slice(margin));
}

module.exports = { before, after, always };
