const { journey, step, bearer, refused, invalid, hidden, forbidden } = require("./words");

const stranger = (name, call, rest) => step(name, call, { headers: bearer("stranger_token"), ...rest });

module.exports = journey("Articles", "Done once, changed against a version, published by an editor, and attacked (docs/changes.md). All that is about articles is here: whoever takes them out takes this file out.", [
    step("Write an article", "POST /v1/articles", {
        before: () => {
            set("idempotency_key", `${Date.now()}-${Math.random()}`);
        },
        headers: { ...bearer("ada_token"), "Idempotency-Key": "{{idempotency_key}}" },
        body: { title: "On bridges", body: "A bridge that can be drawn up is a wall that lets friends in." },
        expect: { status: 201, 'header("location")': /^\/v1\/articles\/[0-9a-f-]{36}$/, "body.published_at === null": true },
        keep: { article: "body.id", article_etag: 'header("etag")' },
    }),
    step("Send it again: done once", "POST /v1/articles", {
        headers: { ...bearer("ada_token"), "Idempotency-Key": "{{idempotency_key}}" },
        body: { title: "On bridges", body: "A bridge that can be drawn up is a wall that lets friends in." },
        expect: { status: 201, "body.id": "{{article}}" },
    }),
    step("Another article under the same key", "POST /v1/articles", {
        headers: { ...bearer("ada_token"), "Idempotency-Key": "{{idempotency_key}}" },
        body: { title: "On tunnels", body: "Surely." },
        expect: refused(409, "CONFLICT"),
    }),
    step("Change it", "PATCH /v1/articles/{{article}}", {
        headers: { ...bearer("ada_token"), "If-Match": "{{article_etag}}" },
        body: { title: "On drawbridges" },
        expect: { status: 200, "body.title": "On drawbridges" },
    }),
    step("Change it against the version before", "PATCH /v1/articles/{{article}}", {
        headers: { ...bearer("ada_token"), "If-Match": "{{article_etag}}" },
        body: { title: "On tunnels" },
        expect: refused(412, "PRECONDITION_FAILED"),
    }),
    step("Change it without saying against what", "PATCH /v1/articles/{{article}}", {
        headers: bearer("ada_token"),
        body: { title: "On tunnels" },
        expect: refused(428, "PRECONDITION_REQUIRED"),
    }),
    step("Write a draft that stays one", "POST /v1/articles", {
        headers: bearer("ada_token"),
        body: { title: "Nobody else's business", body: "A draft." },
        expect: { status: 201 },
        keep: { draft: "body.id", draft_etag: 'header("etag")' },
    }),
    step("List my articles by pages of one", "GET /v1/articles?limit=1", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.items.length": 1, "body.next_cursor": /./ },
        keep: { cursor: "body.next_cursor" },
    }),
    step("The next page", "GET /v1/articles?limit=1&cursor={{cursor}}", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.items.length": 1 },
    }),
    step("Publish it as its owner, who is no editor", "POST /v1/articles/{{article}}/publish", {
        headers: bearer("ada_token"),
        expect: forbidden,
    }),
    step("Publish it", "POST /v1/articles/{{article}}/publish", {
        headers: bearer("editor_token"),
        expect: { status: 200, "body.published_at": /^\d{4}-.*Z$/ },
    }),
    step("Everybody reads what is published", "GET /v1/articles/{{article}}", {
        headers: bearer("stranger_token"),
        expect: { status: 200, "body.title": "On drawbridges" },
    }),
    stranger("BOLA: read another user's draft", "GET /v1/articles/{{draft}}", { expect: hidden }),
    stranger("BOLA: change it", "PATCH /v1/articles/{{draft}}", {
        headers: { ...bearer("stranger_token"), "If-Match": "{{draft_etag}}" },
        body: { title: "Mine now" },
        expect: hidden,
    }),
    stranger("BOLA: delete it", "DELETE /v1/articles/{{draft}}", { expect: hidden }),
    step("BOLA: the draft is as it was", "GET /v1/articles/{{draft}}", {
        headers: bearer("ada_token"),
        expect: { status: 200, "body.title": "Nobody else's business", 'header("etag")': "{{draft_etag}}" },
    }),
    stranger("BFLA: publish", "POST /v1/articles/{{draft}}/publish", { expect: forbidden }),
    stranger("Mass assignment: an article of another owner", "POST /v1/articles", {
        body: { title: "x", body: "x", owner_id: "{{ada_id}}", published_at: "2026-01-01T00:00:00Z" },
        expect: invalid("owner_id unknown", "published_at unknown"),
    }),
    step("Markup in a title is a title, and no page", "POST /v1/articles", {
        headers: bearer("stranger_token"),
        body: { title: "<script>alert(1)</script>", body: "x" },
        expect: { status: 201, "body.title": "<script>alert(1)</script>", 'header("content-type")': "application/json" },
    }),
    step("Delete the draft", "DELETE /v1/articles/{{draft}}", {
        headers: { ...bearer("ada_token"), "If-Match": "{{draft_etag}}" },
        expect: { status: 204 },
    }),
]);
