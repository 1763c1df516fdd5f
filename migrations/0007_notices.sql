-- Mails that tell an owner what was done to the account, and from where.

-- The network of the request that caused the mail, shortened as the owner gets to see it: the whole address is more than
-- a mail needs. The time is `queued_at`.
alter table mail_outbox add column client_network text;
