-- API keys: credentials that a user gives to programs, narrowed to scopes and ended by a date.

create table api_keys (
    id           uuid primary key,
    -- The part of the key that names it. It opens nothing; a key is looked up by it and then compared by its hash.
    key_id       text not null unique check (key_id ~ '^dbk_[0-9a-z]{12}$'),
    -- SHA-256 of the whole key, which holds 256 random bits. Not a password hash: there is nothing to guess.
    hash         bytea not null check (length(hash) = 32),
    user_id      uuid not null references users (id) on delete cascade,
    name         text not null check (char_length(name) between 1 and 400), -- 100 as sent; NFC can lengthen it
    scopes       text[] not null check (cardinality(scopes) > 0),
    created_at   timestamptz not null,
    -- No key lives for ever: one that everybody has forgotten must end by itself.
    -- (365 days, in hours: a day of Postgres' is longer or shorter where the clocks change.)
    expires_at   timestamptz not null check (expires_at > created_at and expires_at <= created_at + interval '8760 hours'),
    -- To the minute. It tells an owner which keys nobody needs any more, and that a lost one is being used.
    last_used_at timestamptz,
    -- A revoked key stays, so that a name found in a log can still be told whose it was.
    revoked_at   timestamptz
);

-- A user's keys, newest first: ids are made from the time.
create index api_keys_user_id_idx on api_keys (user_id, id);

-- Nothing here announces a change as migration 2 does for sessions: keys are not remembered, each use asks this table.

-- The service makes keys, stamps and revokes them. It cannot give one more scopes, a later end, another owner or another
-- secret, nor wipe its trace, whatever a request talks it into.
grant select, insert, update (last_used_at, revoked_at) on api_keys to drawbridge_service;
