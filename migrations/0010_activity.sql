-- What users hear about their own account, and what is left of it when they leave.

-- The first sign-in of all. Until then every device is new, and a mail that said so would tell nobody anything.
alter table users add column first_signed_in_at timestamptz;
update users set first_signed_in_at = (select min(created_at) from sessions where user_id = users.id);

-- A mail can be on its way to the address of an account without naming the account: that somebody tried to register it
-- once more. When the account goes, so does everything that holds its address. By trigger, so that no way of deleting
-- can forget to.
create function drop_mail() returns trigger language plpgsql as $$
begin
    delete from mail_outbox where lower(recipient) = lower(old.email);
    return null;
end
$$;

create trigger users_drop_mail after delete on users for each row execute function drop_mail();

-- A user's own events, newest first: ids are made from the time.
drop index security_events_user_id_idx;
create index security_events_user_id_idx on security_events (user_id, id);
