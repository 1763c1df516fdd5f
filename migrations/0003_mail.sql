-- Mail that is to be sent, and the single-use tokens that it carries.

-- A mail commits with the change that causes it, and is sent afterwards: no mail about something that was rolled back,
-- none lost because a mail server was away. It holds no text: a token is made at the moment of sending, so that its plain
-- form never rests here.
create table mail_outbox (
    id              uuid primary key,
    recipient       text not null,
    template        text not null,
    -- Whom the token in it, if any, is for.
    user_id         uuid references users (id) on delete cascade,
    queued_at       timestamptz not null,
    attempts        integer not null default 0,
    -- Also a lease: a worker moves it on before it tries, so that two workers never send the same mail.
    next_attempt_at timestamptz not null
);

create index mail_outbox_next_attempt_at_idx on mail_outbox (next_attempt_at);

create table one_time_tokens (
    hash       bytea primary key check (length(hash) = 32),
    user_id    uuid not null references users (id) on delete cascade,
    purpose    text not null check (purpose in ('verify_email')),
    created_at timestamptz not null,
    expires_at timestamptz not null
);

create index one_time_tokens_user_id_idx on one_time_tokens (user_id, purpose);
create index one_time_tokens_expires_at_idx on one_time_tokens (expires_at);

grant select, insert, update, delete on mail_outbox, one_time_tokens to drawbridge_service;
