-- CloudTrail: who touched what, by classes of records and hours, and every record once.

-- A trail file is imported in one transaction with its records, so a row here means "all of it is stored": an import that
-- was killed goes on with the files that have none, and a file given twice changes nothing.
create table trail_files (
    id integer generated always as identity constraint trail_files_pkey primary key,
    source_id integer not null constraint trail_files_source_fkey references sources (id),
    name text not null,
    -- SHA-256 of the file as delivered.
    hash bytea not null,
    size_bytes bigint not null,
    accepted integer not null,
    duplicates integer not null,
    quarantined integer not null,
    imported_at timestamptz not null,
    constraint trail_files_once_per_source unique (source_id, hash)
);

create table access_principals (
    id integer generated always as identity constraint access_principals_pkey primary key,
    kind text not null,
    account text not null,
    name text not null,
    arn text not null,
    -- `tenant=acme` where the session was made with a tag: one role may act for several tenants. Empty otherwise.
    session_tag text not null,
    -- Whose the principal is.
    tenant_id integer,
    -- One of the platform's own, which may touch every tenant.
    is_permitted boolean not null,
    -- Which step of resolution decided, and the rule in words.
    resolved_by text not null,
    rule text not null,
    constraint access_principals_identity_unique unique (kind, account, name, session_tag)
);
alter table access_principals enable row level security;
alter table access_principals force row level security;
create policy access_principals_visible on access_principals
    using (may_see(tenant_id)) with check (may_see(tenant_id));

create table access_resources (
    id integer generated always as identity constraint access_resources_pkey primary key,
    kind text not null,
    -- Canonical: the owner can be found again from kind and name alone.
    name text not null,
    tenant_id integer,
    layer text,
    rule text not null,
    constraint access_resources_name_unique unique (kind, name)
);
alter table access_resources enable row level security;
alter table access_resources force row level security;
create policy access_resources_visible on access_resources
    using (may_see(tenant_id)) with check (may_see(tenant_id));

-- What many records have in common. Judged once per version of policies and tenants, counted by the hour.
create table access_classes (
    id integer generated always as identity constraint access_classes_pkey primary key,
    principal_id integer not null constraint access_classes_principal_fkey references access_principals (id),
    resource_id integer not null constraint access_classes_resource_fkey references access_resources (id),
    -- A copy's source, a query's output, a session's tag, what a key protects; the resource itself where there is none.
    second_resource_id integer not null constraint access_classes_second_resource_fkey references access_resources (id),
    action text not null,
    -- `s3:GetObject`
    operation text not null,
    -- Circumstances; the bits are named in the service.
    bits integer not null,
    -- Whose data is touched: the resource's owner.
    tenant_id integer,
    -- How the actor stands to that owner, without naming it: what a tenant may know of a counterpart it may not see.
    actor text not null
        constraint access_classes_actor_known check (actor in ('own', 'platform', 'other', 'unattributed', 'service')),
    constraint access_classes_identity_unique unique (principal_id, resource_id, second_resource_id, operation, bits)
);
create index access_classes_by_resource on access_classes (resource_id);
create index access_classes_by_tenant on access_classes (tenant_id);
alter table access_classes enable row level security;
alter table access_classes force row level security;
create policy access_classes_visible on access_classes
    using (may_see(tenant_id)) with check (may_see(tenant_id));

create table access_facts (
    class_id integer not null,
    hour timestamptz not null,
    records bigint not null,
    bytes_out bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    -- Of the class.
    tenant_id integer,
    constraint access_facts_pkey primary key (class_id, hour)
) partition by range (hour);
create index access_facts_by_hour on access_facts (hour);
alter table access_facts enable row level security;
alter table access_facts force row level security;
create policy access_facts_visible on access_facts
    using (may_see(tenant_id)) with check (may_see(tenant_id));

-- Every record once, narrow: what makes counting exact however often a record is delivered. No foreign keys: at this rate
-- they would cost more than they protect, and the one writer takes both ids in the same transaction.
create table access_events (
    -- First half of a SHA-256 over recipient account and event id, or over the content of a record without an id.
    event_key uuid not null,
    -- Part of the key only because it is what the table is partitioned by; a record has one time.
    event_time timestamptz not null,
    class_id integer not null,
    file_id integer not null,
    -- Place in the file, from 0.
    position integer not null,
    constraint access_events_pkey primary key (event_key, event_time)
) partition by range (event_time);

-- A few records of each class, without secrets, so that a page can show one.
create table access_samples (
    class_id integer not null constraint access_samples_class_fkey references access_classes (id) on delete cascade,
    event_key uuid not null,
    event_time timestamptz not null,
    file_id integer not null,
    position integer not null,
    -- SHA-256 of the record as delivered.
    hash bytea not null,
    record jsonb not null,
    tenant_id integer,
    constraint access_samples_pkey primary key (class_id, event_key)
);
alter table access_samples enable row level security;
alter table access_samples force row level security;
create policy access_samples_visible on access_samples
    using (may_see(tenant_id)) with check (may_see(tenant_id));

-- Sessions made with tags, by the access key that later records name.
create table access_sessions (
    access_key text constraint access_sessions_pkey primary key,
    tags jsonb not null,
    seen_at timestamptz not null
);

-- Makes the partitions of one day. Made apart and then attached, because `create table … partition of` would lock out every
-- reader and writer of the parent; the advisory lock lets two importers want the same day at once.
create function ensure_access_partitions(day date) returns void language plpgsql as $$
declare
    month date := date_trunc('month', day)::date;
    events text := 'access_events_' || to_char(day, 'YYYYMMDD');
    facts text := 'access_facts_' || to_char(month, 'YYYYMM');
begin
    perform pg_advisory_xact_lock(hashtext('ensure_access_partitions'));
    if to_regclass(events) is null then
        execute format('create table %I (like access_events including all)', events);
        execute format(
            'alter table access_events attach partition %I for values from (%L) to (%L)',
            events, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
    if to_regclass(facts) is null then
        execute format('create table %I (like access_facts including all)', facts);
        execute format(
            'alter table access_facts attach partition %I for values from (%L) to (%L)',
            facts, month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC');
    end if;
end
$$;
