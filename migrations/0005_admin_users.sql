-- Accounts that an administrator makes and ends, and lists that are read by page.

-- An invited account has no password until its owner sets one: nobody can sign in to it, with any password.
alter table users alter column password_hash drop not null;

alter table one_time_tokens
    drop constraint one_time_tokens_purpose_check,
    add constraint one_time_tokens_purpose_check check (purpose in ('verify_email', 'set_password'));

-- Besides signing out: ended from another session or by an administrator, and together with the account's suspension.
alter table sessions
    drop constraint sessions_end_reason_check,
    add constraint sessions_end_reason_check check (end_reason in ('logout', 'reuse', 'revoked', 'suspended'));

-- Keys that all replicas share and that outlive a restart. The first start makes them; no row is ever changed. Only what
-- protects nothing that is not beside it in this database may have its key here.
create table service_keys (
    purpose    text primary key check (purpose in ('page_cursor')),
    secret     bytea not null check (length(secret) = 32),
    created_at timestamptz not null
);

grant select, insert on service_keys to drawbridge_service;
