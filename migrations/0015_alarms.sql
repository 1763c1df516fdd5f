-- Alarms: how far the trail was read for what is worth waking somebody, and what was told of it.

-- How far, for each way out. Whoever holds the row's lock reads on.
create table alarm_cursors (
    channel  text primary key check (channel in ('webhook', 'mail')),
    position bigint not null
);

-- One row a way out and kind of event.
create table alarms (
    channel  text not null check (channel in ('webhook', 'mail')),
    kind     text not null,
    -- What has come since the last delivery was put together: how many, the first one's time, the newest one. It is
    -- moved from here to there, and cleared away when it was told: whom it was about is not kept for longer.
    gathered bigint not null,
    since    timestamptz,
    newest   jsonb,
    -- Also a lease: a replica moves it on before it tries, so that no two send the same.
    ready_at timestamptz not null,
    -- The delivery under way, which stays as it is over all its attempts: a receiver that has taken it, and whose answer
    -- was lost, must know it again. Null where there is none.
    delivery   uuid,
    told       bigint,
    told_since timestamptz,
    event      jsonb,
    opened_at  timestamptz,
    attempts   integer not null default 0,
    primary key (channel, kind),
    check (num_nulls(since, newest) = case gathered when 0 then 2 else 0 end),
    check (num_nulls(delivery, told, told_since, event, opened_at) in (0, 5))
);

grant select, insert, update on alarm_cursors, alarms to drawbridge_service;
grant delete on alarms to drawbridge_service;
