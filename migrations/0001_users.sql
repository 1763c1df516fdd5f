-- Accounts.
--
-- Two roles share this database. The owner makes and changes tables. The service reads and writes rows, and nothing
-- else: what it must never do, it cannot do, whatever a request talks it into. Each migration therefore ends in grants.

do $$
begin
    create role drawbridge_service nologin;
exception
    -- Usually it is there already: the administrator, or the development server, made it with a password.
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
        if not exists (select from pg_roles where rolname = 'drawbridge_service') then
            raise exception 'create the role drawbridge_service first: create role drawbridge_service login password ''...''';
        end if;
end
$$;

revoke all on schema public from public;
grant usage on schema public to drawbridge_service;
-- So that the service can refuse to start on a schema that is older than its code.
grant select on _sqlx_migrations to drawbridge_service;

create table users (
    id                uuid primary key,
    email             text not null check (char_length(email) <= 254),
    name              text not null check (char_length(name) between 1 and 400), -- 100 as sent; NFC can lengthen it
    role              text not null default 'user' check (role in ('user', 'editor', 'admin')),
    status            text not null default 'active' check (status in ('active', 'suspended')),
    -- Until this is set nobody has shown that the address is theirs, and nobody can sign in.
    email_verified_at timestamptz,
    -- A PHC string: algorithm, parameters, salt and hash in one, so that parameters can move on.
    password_hash     text not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);

-- Addresses are stored as written and compared without case. The shape that the service admits is ASCII, so lower()
-- means the same under every locale.
create unique index users_email_key on users (lower(email));

grant select, insert, update, delete on users to drawbridge_service;
