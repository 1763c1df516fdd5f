-- Requests that a client may send again without knowing whether the first one arrived.

-- One row for each `Idempotency-Key` of a user on a route. It commits together with what the request did, so the answer
-- is here exactly if that was done; a second request with the key waits at the primary key until the first has committed
-- or failed.
create table idempotent_requests (
    user_id      uuid not null references users (id) on delete cascade,
    route        text not null,
    -- SHA-256 of the key as it was sent. Clients have been seen to put card numbers and addresses into theirs.
    key_hash     bytea not null check (length(key_hash) = 32),
    -- SHA-256 of the request: the same key on another request is a mistake of the client's, not a repetition.
    request_hash bytea not null check (length(request_hash) = 32),
    -- What was answered; null only while the transaction that made the row is under way.
    location     text,
    answer       jsonb,
    created_at   timestamptz not null,
    primary key (user_id, route, key_hash)
);

create index idempotent_requests_created_at_idx on idempotent_requests (created_at);

grant select, insert, update, delete on idempotent_requests to drawbridge_service;
