-- Under which key replicas name a client in Redis. It hides there what stands here: who has an account, and who came lately.
alter table service_keys
    drop constraint service_keys_purpose_check,
    add constraint service_keys_purpose_check check (purpose in ('page_cursor', 'rate_limit'));
