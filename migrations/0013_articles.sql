-- The example resource: copy it, or delete it (docs/add-a-resource.md).

create table articles (
    id           uuid primary key,
    owner_id     uuid not null references users (id) on delete cascade,
    title        text not null check (char_length(title) between 1 and 200),
    body         text not null check (char_length(body) between 1 and 10000),
    -- A draft, until it is set.
    published_at timestamptz,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);

-- For "my own" and for "all that are published", newest first; also for the deletion of an owner.
create index articles_owner_id_idx on articles (owner_id, id);
create index articles_published_idx on articles (id) where published_at is not null;

grant select, insert, update, delete on articles to drawbridge_service;
