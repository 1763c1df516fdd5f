-- Sessions, and the refresh tokens that carry them on.

create table sessions (
    id             uuid primary key,
    user_id        uuid not null references users (id) on delete cascade,
    -- When and how the user proved who they are (`auth_time` and `amr` of RFC 9068).
    auth_time      timestamptz not null,
    amr            text[] not null,
    -- Access tokens carry this number. Raising it ends those that were issued before, without asking any clock.
    generation     integer not null default 1,
    user_agent     text check (char_length(user_agent) <= 200),
    client_address text not null,
    created_at     timestamptz not null,
    refreshed_at   timestamptz not null,
    -- The end if nothing happens any more: 30 days from the last refresh, 90 from the start, whichever comes first.
    expires_at     timestamptz not null,
    ended_at       timestamptz,
    end_reason     text check (end_reason in ('logout', 'reuse')),
    check ((ended_at is null) = (end_reason is null))
);

create index sessions_user_id_idx on sessions (user_id);
-- For clearing away what has long been over, without reading all that is not.
create index sessions_end_idx on sessions (coalesce(ended_at, expires_at));

create table refresh_tokens (
    -- SHA-256 of 256 random bits. Not a password hash: there is nothing to guess.
    hash       bytea primary key check (length(hash) = 32),
    session_id uuid not null references sessions (id) on delete cascade,
    created_at timestamptz not null,
    spent_at   timestamptz,
    -- The token that replaced this one, sealed under a key that only the spent token yields. Whoever sends the spent
    -- token again in the moment after (a second tab, a lost answer) gets the same successor; a thief with a copy of
    -- this table gets nothing.
    successor  bytea,
    check (successor is null or spent_at is not null)
);

create index refresh_tokens_session_id_idx on refresh_tokens (session_id);
-- For clearing successors away when their moment is over: only those few have one.
create index refresh_tokens_successor_idx on refresh_tokens (spent_at) where successor is not null;

-- Tells every replica that what it remembers of a user is no longer true. By trigger, so that no statement can forget
-- to: a hand at psql revokes as fast as the service does. Delivered when the change commits, not before.
create function announce_user() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'users' then
        perform pg_notify('user_changed', old.id::text);
    else
        perform pg_notify('user_changed', old.user_id::text);
    end if;
    return null;
end
$$;

create trigger users_announce after update of role, status on users for each row
    when (old.role is distinct from new.role or old.status is distinct from new.status)
    execute function announce_user();
create trigger users_announce_deletion after delete on users for each row
    execute function announce_user();
create trigger sessions_announce after update of ended_at, generation, auth_time, expires_at on sessions for each row
    when (old.ended_at is distinct from new.ended_at or old.generation is distinct from new.generation
          or old.auth_time is distinct from new.auth_time or old.expires_at > new.expires_at)
    execute function announce_user();
create trigger sessions_announce_deletion after delete on sessions for each row
    execute function announce_user();

grant select, insert, update, delete on sessions, refresh_tokens to drawbridge_service;
