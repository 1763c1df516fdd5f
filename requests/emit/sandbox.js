// Functions that run inside the tools: their text is copied into the scripts that use them. Plain JavaScript, nothing required.

// What every answer must be, whatever was asked. Returns what is wrong with it.
function judge(status, body, header) {
    const wrong = [];
    const must = (name, pattern) => {
        if (!pattern.test(header(name) ?? "")) wrong.push(`${name}: ${header(name)}`);
    };
    must("x-request-id", /^[0-9a-f-]{36}$/);
    must("x-content-type-options", /^nosniff$/);
    must("content-security-policy", /^default-src '(none|self)';.*frame-ancestors 'none'/);
    must("referrer-policy", /^no-referrer$/);
    must("permissions-policy", /camera=\(\)/);
    must("cross-origin-resource-policy", /^same-origin$/);
    must("cross-origin-opener-policy", /^same-origin$/);
    must("vary", /\bOrigin\b/);
    must("x-ratelimit-limit", /^\d+$/);
    must("x-ratelimit-remaining", /^\d+$/);
    must("x-ratelimit-reset", /^\d{10}$/);
    for (const name of ["server", "x-powered-by", "access-control-allow-credentials", "set-cookie"]) {
        if (header(name)) wrong.push(`${name} is there`);
    }
    if (status >= 500) wrong.push(`the service failed: ${status}`);
    if (status >= 400) {
        must("content-type", /^application\/json$/);
        must("cache-control", /no-store/);
        const text = JSON.stringify(body);
        const leak = /select |insert |sqlx|postgres|panick|stack|serde|axum|\.rs\b|\/src\/|\/home\/|exception|at line|dbt_|dbk_/i.exec(text);
        if (leak) wrong.push(`the error says "${leak[0]}"`);
    }
    return wrong;
}

// RFC 6238, as an authenticator app does it. `hmac` is the tool's own HMAC-SHA-1 over hexadecimal text.
function totp(secret, steps, hmac) {
    const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
    const key = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2).toString(16).padStart(2, "0")).join("");
    const counter = Math.floor(Date.now() / 30000) + steps;
    const digest = hmac(key, counter.toString(16).padStart(16, "0"));
    const offset = parseInt(digest.slice(-1), 16) * 2;
    return String((parseInt(digest.slice(offset, offset + 8), 16) & 0x7fffffff) % 1000000).padStart(6, "0");
}

// The same token with other claims: its signature stands no longer.
function tampered(token, claims) {
    const [head, middle, signature] = token.split(".");
    const told = JSON.parse(atob(middle.replace(/-/g, "+").replace(/_/g, "/")));
    const forged = btoa(JSON.stringify({ ...told, ...claims })).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
    return [head, forged, signature].join(".");
}

module.exports = { judge, totp, tampered };
