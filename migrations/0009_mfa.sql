-- A second factor: codes from an authenticator app, codes on paper for when the phone is gone, and the half-open door
-- between the password and the code.

-- The one place that says whether an account has a second factor. A secret without it is not in use yet.
alter table users add column mfa_enabled_at timestamptz;

create table totp_secrets (
    user_id    uuid primary key references users (id) on delete cascade,
    -- Sealed for this user under a key that is not in this database: a code must be computed from it, so a hash would
    -- not do, and in the clear a copy of this table were everybody's phone.
    sealed     bytea not null,
    -- The session that asked for it, which alone can confirm it.
    session_id uuid not null,
    created_at timestamptz not null,
    -- The last half-minute whose code was accepted. A code of that one, or of an earlier one, is never accepted again.
    last_step  bigint not null default 0
);

-- Wrong codes, so that whoever has the password cannot guess on for ever. Not counted by challenge: the password buys as
-- many of those as one likes. The budget is the account's, or that of a session of a device which has shown that it was
-- in the account: so nobody can spend what the owner's own devices have left.
create table totp_guesses (
    budget  uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    guesses integer not null,
    since   timestamptz not null
);

create index totp_guesses_user_id_idx on totp_guesses (user_id);
create index totp_guesses_since_idx on totp_guesses (since);

create table recovery_codes (
    -- SHA-256 of 120 random bits. Not a password hash: there is nothing to guess.
    hash    bytea primary key check (length(hash) = 32),
    user_id uuid not null references users (id) on delete cascade
);

create index recovery_codes_user_id_idx on recovery_codes (user_id);

-- The password was right, and the code is still to come.
create table mfa_challenges (
    hash                bytea primary key check (length(hash) = 32),
    user_id             uuid not null references users (id) on delete cascade,
    -- What it stands on: this password, and this second factor. Both are compared when it is used, so that no statement
    -- that changes one of them has to remember to end what hangs on it.
    password_generation integer not null,
    mfa_enabled_at      timestamptz not null,
    -- The session that this device had before, if it has shown it.
    known_device        uuid,
    tries_left          integer not null check (tries_left >= 0),
    expires_at          timestamptz not null
);

create index mfa_challenges_user_id_idx on mfa_challenges (user_id);
create index mfa_challenges_expires_at_idx on mfa_challenges (expires_at);

-- A recovery code is made and used up, and never changed.
grant select, insert, delete on recovery_codes to drawbridge_service;
grant select, insert, update, delete on totp_secrets, totp_guesses, mfa_challenges to drawbridge_service;
