-- The trail becomes evidence: in partitions of a month, added to by one function alone, and chained by the database
-- itself, so that a row that was changed or taken away shows (`drawbridge audit verify`).

alter table security_events rename to security_events_before;
alter index security_events_pkey rename to security_events_before_pkey;
drop index security_events_at_idx;
drop index security_events_user_id_idx;

create table security_events (
    id             uuid not null,
    at             timestamptz not null,
    -- OWASP's logging vocabulary.
    type           text not null,
    -- No foreign key: the trail outlives the account, under an id that by then names nobody.
    user_id        uuid,
    client_address text,
    request_id     uuid,
    reference      text,
    details        jsonb not null default '{}',
    primary key (id, at)
) partition by range (at);

-- Newest first: ids are made from the time.
create index security_events_user_id_idx on security_events (user_id, id);
create index security_events_type_idx on security_events (type, id);
create index security_events_reference_idx on security_events (reference) where reference is not null;

-- One row an event, in the order in which they were committed. A position is never skipped, so whoever follows the
-- events remembers one number and misses none.
create table security_event_chain (
    position bigint primary key,
    -- Each month has a chain of its own, so that old months can be archived and dropped.
    month    date not null,
    event_id uuid not null,
    at       timestamptz not null,
    -- SHA-256 over the hash before it in this month (32 zero bytes at its beginning), the position and the event.
    hash     bytea not null
);

create index security_event_chain_month_idx on security_event_chain (month, position);

-- The partition of a month, made when its first event comes. Whoever keeps house has it made ahead of time, so that no
-- request waits for it.
create function make_security_events_month(month date) returns void
    language plpgsql
    security definer
    set search_path = public, pg_temp
as $$
declare
    partition text := 'security_events_' || to_char(month, 'YYYY_MM');
begin
    if to_regclass(partition) is null then
        -- Two that come first must not both make it. Asked of the catalogue's rows: what this session remembers of names
        -- may be older than the lock.
        perform pg_advisory_xact_lock(hashtext('make_security_events_month'));
        if not exists (select from pg_class where relname = partition and relnamespace = 'public'::regnamespace) then
            execute format(
                'create table %I partition of security_events for values from (%L) to (%L)',
                partition,
                to_char(month, 'YYYY-MM-01 00:00:00+00'),
                to_char(month + interval '1 month', 'YYYY-MM-01 00:00:00+00')
            );
        end if;
    end if;
end
$$;

-- The one way in. The service may call this and may not insert, so that it can write no position and no hash.
create function append_security_events(
    ids uuid[], times timestamptz[], types text[], users uuid[],
    addresses text[], requests uuid[], error_references text[], details jsonb[]
) returns void
    language plpgsql
    security definer
    set search_path = public, pg_temp
as $$
declare
    month date;
begin
    for month in select distinct date_trunc('month', at at time zone 'UTC') from unnest(times) as at loop
        perform make_security_events_month(month);
    end loop;
    insert into security_events (id, at, type, user_id, client_address, request_id, reference, details)
    select * from unnest(ids, times, types, users, addresses, requests, error_references, details);
end
$$;

-- Deferred to the commit: the lock that puts events into one order is then held for no longer than the commit itself,
-- and is taken after every other lock of the transaction, so that no two can wait for each other. A transaction that
-- reads an old snapshot (repeatable read) cannot see the chain's end and fails here, on the primary key.
create function chain_security_event() returns trigger
    language plpgsql
    security definer
    set search_path = public, pg_temp
as $$
declare
    its_month date := date_trunc('month', new.at at time zone 'UTC');
    its_position bigint;
    before bytea;
begin
    perform pg_advisory_xact_lock(hashtext('security_event_chain'));
    its_position := coalesce((select max(position) from security_event_chain), 0) + 1;
    select hash into before from security_event_chain where month = its_month order by position desc limit 1;
    insert into security_event_chain (position, month, event_id, at, hash)
    values (
        its_position,
        its_month,
        new.id,
        new.at,
        -- `audit::chain` computes the same by itself.
        sha256(
            coalesce(before, decode(repeat('00', 32), 'hex'))
            || convert_to(
                jsonb_build_array(
                    its_position, new.id, (extract(epoch from new.at) * 1000000)::bigint, new.type, new.user_id,
                    new.client_address, new.request_id, new.reference, new.details
                )::text,
                'UTF8'
            )
        )
    );
    return null;
end
$$;

create constraint trigger security_events_chain
    after insert on security_events
    deferrable initially deferred
    for each row execute function chain_security_event();

select append_security_events(
    array_agg(id order by id), array_agg(at order by id), array_agg(type order by id), array_agg(user_id order by id),
    array_agg(client_address order by id), array_agg(request_id order by id), array_agg(reference order by id),
    array_agg(details order by id)
)
from security_events_before
having count(*) > 0;

drop table security_events_before;

revoke all on function make_security_events_month, append_security_events, chain_security_event from public;
grant execute on function make_security_events_month, append_security_events to drawbridge_service;
grant select on security_events, security_event_chain to drawbridge_service;
