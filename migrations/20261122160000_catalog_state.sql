-- What the Glue catalogs and Lake Formation say exists and may be done, with every earlier state.
--
-- A catalog is one account in one region. Rows with valid_from and valid_to are never overwritten: a change closes the row and
-- opens the next, so that "what was granted when this was read" has an answer. valid_to null is the state now.

-- Order of observations: a snapshot older than the newest of its catalog arrives too late to change anything.
create table catalog_snapshots (
    account text not null,
    region text not null,
    taken_at timestamptz not null,
    -- The last complete look at each part; null means never, and then its absence proves nothing.
    databases_seen_at timestamptz,
    grants_seen_at timestamptz,
    tags_seen_at timestamptz,
    locations_seen_at timestamptz,
    constraint catalog_snapshots_pkey primary key (account, region)
);

create table glue_databases (
    id bigint generated always as identity constraint glue_databases_pkey primary key,
    account text not null,
    region text not null,
    name text not null,
    -- Owner by name; the location may say otherwise, which is then a finding.
    tenant_id integer,
    layer text,
    location text,
    description text not null,
    parameters jsonb not null,
    -- The record as AWS gave it, with keys this version does not know.
    record jsonb not null,
    record_hash bytea not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    constraint glue_databases_valid check (valid_to >= valid_from)
);
create unique index glue_databases_one_now on glue_databases (account, region, name) where valid_to is null;
create index glue_databases_by_tenant on glue_databases (tenant_id) where valid_to is null;

-- A table keeps its row, and its address on the pages, when it is dropped and made again.
create table glue_tables (
    id bigint generated always as identity constraint glue_tables_pkey primary key,
    account text not null,
    region text not null,
    database_name text not null,
    name text not null,
    -- Owner by name.
    tenant_id integer,
    -- Owner by location: another tenant than tenant_id is a crossing.
    location_tenant_id integer,
    layer text,
    location text,
    format text not null,
    column_count integer not null,
    -- Glue's number of the state now, where it said one.
    glue_version text,
    -- Hash of what a version shows: equal hash, no new version.
    content_hash bytea not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    dropped_at timestamptz,
    constraint glue_tables_name_unique unique (account, region, database_name, name)
);
create index glue_tables_by_name on glue_tables (database_name, name, id);
create index glue_tables_by_tenant on glue_tables (tenant_id, database_name, name, id);
create index glue_tables_by_change on glue_tables (changed_at desc, id desc);

create table glue_table_versions (
    id bigint generated always as identity constraint glue_table_versions_pkey primary key,
    table_id bigint not null constraint glue_table_versions_table_fkey references glue_tables (id) on delete cascade,
    tenant_id integer,
    -- Glue's own number, where it said one.
    glue_version text,
    -- What a version shows: location, format, columns, partition keys, parameters.
    content jsonb not null,
    record jsonb not null,
    content_hash bytea not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    -- One state at one instant.
    constraint glue_table_versions_instant_unique unique (table_id, valid_from)
);

-- One permission of one principal on one resource, under one condition: ListPermissions answers several to a row.
create table lf_grants (
    id bigint generated always as identity constraint lf_grants_pkey primary key,
    account text not null,
    region text not null,
    principal text not null,
    -- catalog, database, table, location, tag, tag policy, other
    resource_kind text not null,
    -- Canonical: "glue:account/database.table", "s3://bucket/prefix", "lf-tags:table tenant=acme".
    resource text not null,
    permission text not null,
    -- Cedar expression on the principal's attributes; empty for none.
    condition text not null,
    grantable boolean not null,
    -- Owner of the resource: whose data the grant opens.
    tenant_id integer,
    -- Whose principal it is; null where nobody's.
    principal_tenant_id integer,
    record jsonb not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    constraint lf_grants_valid check (valid_to >= valid_from)
);
create unique index lf_grants_one_now on lf_grants (account, region, principal, resource, permission, condition)
    where valid_to is null;
create index lf_grants_by_resource on lf_grants (resource, id desc);
create index lf_grants_by_principal on lf_grants (principal, id desc);
create index lf_grants_by_time on lf_grants (valid_from desc, id desc);

create table lf_tags (
    id bigint generated always as identity constraint lf_tags_pkey primary key,
    account text not null,
    region text not null,
    -- "glue:account/database" or "glue:account/database.table".
    resource text not null,
    tag_key text not null,
    tag_values text[] not null,
    tenant_id integer,
    valid_from timestamptz not null,
    valid_to timestamptz
);
create unique index lf_tags_one_now on lf_tags (account, region, resource, tag_key) where valid_to is null;

create table registered_locations (
    id bigint generated always as identity constraint registered_locations_pkey primary key,
    account text not null,
    region text not null,
    location text not null,
    role_arn text,
    hybrid boolean not null,
    tenant_id integer,
    record jsonb not null,
    record_hash bytea not null,
    valid_from timestamptz not null,
    valid_to timestamptz
);
create unique index registered_locations_one_now on registered_locations (account, region, location) where valid_to is null;

-- Administrators and defaults of Lake Formation; the platform's, so no tenant reads it.
create table lf_settings (
    id bigint generated always as identity constraint lf_settings_pkey primary key,
    account text not null,
    region text not null,
    tenant_id integer not null default 0,
    record jsonb not null,
    record_hash bytea not null,
    valid_from timestamptz not null,
    valid_to timestamptz
);
create unique index lf_settings_one_now on lf_settings (account, region) where valid_to is null;

-- The feed: what changed, in words a page can show. Written in the transaction of the change.
create table catalog_changes (
    id bigint generated always as identity constraint catalog_changes_pkey primary key,
    account text not null,
    region text not null,
    tenant_id integer,
    occurred_at timestamptz not null,
    -- database, table, grant, tag, location, settings
    kind text not null,
    -- created, altered, dropped, granted, revoked
    action text not null,
    asset text not null,
    table_id bigint constraint catalog_changes_table_fkey references glue_tables (id) on delete cascade,
    -- Owner of the principal, for grants: its name is shown to nobody else's auditor.
    principal_tenant_id integer,
    -- [{"field": "columns.email", "before": "string", "after": null}]
    fields jsonb not null
);
create index catalog_changes_by_time on catalog_changes (occurred_at desc, id desc);
create index catalog_changes_by_table on catalog_changes (table_id, occurred_at desc, id desc);

-- Fingerprints of the breaches that stood at the last judgement: a state that merely still stands is not counted again.
create table catalog_breaches (
    fingerprint bytea constraint catalog_breaches_pkey primary key
);

alter table glue_databases enable row level security;
alter table glue_databases force row level security;
create policy glue_databases_visible on glue_databases using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table glue_tables enable row level security;
alter table glue_tables force row level security;
create policy glue_tables_visible on glue_tables using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table glue_table_versions enable row level security;
alter table glue_table_versions force row level security;
create policy glue_table_versions_visible on glue_table_versions using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table lf_grants enable row level security;
alter table lf_grants force row level security;
create policy lf_grants_visible on lf_grants using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table lf_tags enable row level security;
alter table lf_tags force row level security;
create policy lf_tags_visible on lf_tags using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table registered_locations enable row level security;
alter table registered_locations force row level security;
create policy registered_locations_visible on registered_locations using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table lf_settings enable row level security;
alter table lf_settings force row level security;
create policy lf_settings_visible on lf_settings using (may_see(tenant_id)) with check (may_see(tenant_id));
alter table catalog_changes enable row level security;
alter table catalog_changes force row level security;
create policy catalog_changes_visible on catalog_changes using (may_see(tenant_id)) with check (may_see(tenant_id));
