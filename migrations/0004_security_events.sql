-- What happened, for whoever has to find out later. The service can add to it and read it; it cannot change or delete.

create table security_events (
    id             uuid primary key,
    at             timestamptz not null,
    -- OWASP's logging vocabulary.
    type           text not null,
    -- No foreign key: the trail outlives the account, under an id that by then names nobody.
    user_id        uuid,
    client_address text,
    request_id     uuid,
    reference      text,
    details        jsonb not null default '{}'
);

create index security_events_at_idx on security_events (at);
create index security_events_user_id_idx on security_events (user_id, at);

grant select, insert on security_events to drawbridge_service;
