-- What each source delivered, from when to when, and what of it could not be read: the ground of "not proven is not passed".
-- These are the operator's own records: no tenant reads them, so they have no tenant_id.

create table sources (
    id integer generated always as identity constraint sources_pkey primary key,
    kind text not null constraint sources_kind_known
        check (kind in ('openlineage', 'cloudtrail', 'glue', 'lakeformation', 'costexplorer')),
    -- The producer's token, the trail, the catalog's account and region, the payer account.
    name text not null,
    accepted bigint not null default 0,
    duplicates bigint not null default 0,
    quarantined bigint not null default 0,
    bytes bigint not null default 0,
    -- The first and last hour that records speak of, which is not when they arrived.
    first_hour timestamptz,
    last_hour timestamptz,
    last_delivery_at timestamptz,
    created_at timestamptz not null,
    constraint sources_kind_name_unique unique (kind, name)
);

create table source_hours (
    source_id integer not null constraint source_hours_source_fkey references sources (id) on delete cascade,
    hour timestamptz not null,
    records bigint not null,
    constraint source_hours_pkey primary key (source_id, hour) include (records)
);

-- How far a collector has read, by whatever the far side counts in: a key, a day, a token.
create table watermarks (
    source_id integer not null constraint watermarks_source_fkey references sources (id) on delete cascade,
    scope text not null,
    value text not null,
    updated_at timestamptz not null,
    constraint watermarks_pkey primary key (source_id, scope)
);

create table collector_runs (
    id bigint generated always as identity constraint collector_runs_pkey primary key,
    source_id integer not null constraint collector_runs_source_fkey references sources (id) on delete cascade,
    started_at timestamptz not null,
    -- Null while it runs, and for ever where the process died: the page says which by the run's age.
    finished_at timestamptz,
    succeeded boolean,
    message text,
    constraint collector_runs_finished_has_outcome check ((finished_at is null) = (succeeded is null))
);

create index collector_runs_by_source on collector_runs (source_id, started_at desc, id desc);

create table quarantine (
    id bigint generated always as identity constraint quarantine_pkey primary key,
    source_id integer not null constraint quarantine_source_fkey references sources (id) on delete cascade,
    -- SHA-256 of the record as received.
    hash bytea not null,
    place text not null,
    reason text not null,
    excerpt text not null,
    times integer not null default 1,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    -- The same bad record sent again is the same row, seen once more.
    constraint quarantine_once unique (source_id, hash, place)
);

create index quarantine_by_source on quarantine (source_id, last_seen_at desc, id desc);
