const { journey, step } = require("./words");

const asset = (path, type) => step(`Show ${path}`, `GET ${path}`, { expect: { status: 200, 'header("content-type")': type } });

module.exports = journey("Service", "Is it there, what is it, and by which keys does it sign.", [
    step("Is it alive", "GET /health/live", { expect: { status: 200, "body.status": "ok" } }),
    step("Is it ready", "GET /health/ready", { expect: { status: 200, "body.status": "ok" } }),
    step("Find the way", "GET /", { expect: { status: 200, "Object.keys(body).join()": "docs,openapi,health" } }),
    step("Read the public keys", "GET /.well-known/jwks.json", {
        expect: { status: 200, "body.keys.length": 1, "body.keys[0].kty": "OKP", "body.keys[0].d": null },
    }),
    step("Read the contract", "GET /openapi.json", { expect: { status: 200, "body.openapi": /^3\.1\./ } }),
    asset("/docs", /^text\/html/),
    asset("/docs/start.js", /^text\/javascript/),
    asset("/docs/swagger-ui.css", /^text\/css/),
    asset("/watchtower", /^text\/html/),
    asset("/watchtower/page.css", /^text\/css/),
]);
