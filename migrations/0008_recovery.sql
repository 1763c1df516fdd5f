-- Passwords that are changed or forgotten, and addresses that change.

-- Raised whenever another password is set, and not when the same one is hashed anew. Whoever proved a password a moment
-- ago remembers its number: a login that was still hashing while the password was reset opens no session. The hash
-- itself would not do for that, since of two sign-ins at once one may renew it.
alter table users add column password_generation integer not null default 1;

-- A token is good for the address that it was mailed to. Once the account has another address, whoever reads the old
-- mailbox holds nothing.
alter table one_time_tokens add column recipient text;
update one_time_tokens set recipient = (select email from users where users.id = one_time_tokens.user_id);
alter table one_time_tokens
    alter column recipient set not null,
    drop constraint one_time_tokens_purpose_check,
    add constraint one_time_tokens_purpose_check
        check (purpose in ('verify_email', 'set_password', 'reset_password', 'change_email'));

alter table sessions
    drop constraint sessions_end_reason_check,
    add constraint sessions_end_reason_check
        check (end_reason in ('logout', 'reuse', 'revoked', 'suspended', 'password_change', 'password_reset'));

-- The address that a user wants, until a token from there confirms it. One a user: the last request counts, and the
-- tokens of those before it are dead, also when they are mailed later.
create table pending_email_changes (
    user_id    uuid primary key references users (id) on delete cascade,
    new_email  text not null check (char_length(new_email) <= 254),
    expires_at timestamptz not null
);

create index pending_email_changes_expires_at_idx on pending_email_changes (expires_at);

grant select, insert, update, delete on pending_email_changes to drawbridge_service;
