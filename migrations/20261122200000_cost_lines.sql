-- What the lake cost: Cost Explorer's daily lines as they were when last seen, what changed since, and each tenant's month in cents.

create table cost_sources (
    source_id integer constraint cost_sources_pkey primary key,
    -- As in `sources`: evidence names it.
    name text not null,
    -- The second key of the answers, beside the service: a cost allocation tag, or the linked account.
    grouped_by text not null constraint cost_sources_grouped_by_known check (grouped_by in ('tag', 'account')),
    tag_key text not null,
    updated_at timestamptz not null
);

-- A set of pages that changed something. The raw bytes stay with whoever sent them; their hash proves which they were.
create table cost_fetches (
    id bigint generated always as identity constraint cost_fetches_pkey primary key,
    source_id integer not null,
    first_day date not null,
    last_day date not null,
    pages integer not null,
    pages_sha256 bytea not null,
    received_at timestamptz not null
);

-- A day that was collected, also when nothing was spent on it: a cell that appears later is then a restatement.
create table cost_days (
    source_id integer not null,
    day date not null,
    -- AWS may still change it: shown as such.
    estimated boolean not null,
    constraint cost_days_pkey primary key (source_id, day)
);

create table cost_lines (
    id bigint generated always as identity constraint cost_lines_pkey primary key,
    source_id integer not null,
    day date not null,
    service text not null,
    -- The tag's value or the account's id; '' is untagged.
    allocation_key text not null,
    -- Who pays: a tenant, 0 the platform, null unallocated.
    tenant_id integer,
    -- 28 digits are what a Decimal holds, so that what is read back is what was billed.
    amount numeric(28, 12) not null constraint cost_lines_amount_is_a_number check (amount <> 'NaN'),
    currency text not null constraint cost_lines_currency_is_a_code check (currency ~ '^[A-Z]{3}$'),
    estimated boolean not null,
    fetch_id bigint not null constraint cost_lines_fetch_fkey references cost_fetches (id),
    seen_from timestamptz not null,
    -- Null while Cost Explorer still says so; otherwise when it stopped.
    seen_to timestamptz
);

-- One amount is in force for each cell: a repeated or concurrent import cannot bill twice.
create unique index cost_lines_open_cell on cost_lines (source_id, day, service, allocation_key, currency) where seen_to is null;
create index cost_lines_open_by_day on cost_lines (day, tenant_id) where seen_to is null;

create table cost_restatements (
    id bigint generated always as identity constraint cost_restatements_pkey primary key,
    source_id integer not null,
    day date not null,
    service text not null,
    allocation_key text not null,
    tenant_id integer,
    currency text not null,
    -- Null: the cell was not there before.
    old_amount numeric(28, 12),
    -- Null: the cell is gone.
    new_amount numeric(28, 12),
    -- Changes of an estimated day are expected; of a final one they are news.
    was_estimated boolean not null,
    fetch_id bigint not null constraint cost_restatements_fetch_fkey references cost_fetches (id),
    seen_at timestamptz not null,
    constraint cost_restatements_says_something check (old_amount is distinct from new_amount)
);

create index cost_restatements_newest on cost_restatements (seen_at desc, id desc);

-- A month's table, rounded to cents once over all tenants, so that rows, columns and total add up and everyone who looks
-- sees the same cents whatever they may see of the rest. Rebuilt from the lines in the transaction that changes them.
create table cost_cells (
    month date not null constraint cost_cells_month_starts_on_the_first check (extract(day from month) = 1),
    currency text not null,
    tenant_id integer,
    service text not null,
    amount numeric(28, 12) not null,
    cents bigint not null,
    constraint cost_cells_unique unique nulls not distinct (month, currency, tenant_id, service)
);

alter table cost_lines enable row level security;
alter table cost_lines force row level security;
create policy cost_lines_visible on cost_lines using (may_see(tenant_id)) with check (may_see(tenant_id));

alter table cost_restatements enable row level security;
alter table cost_restatements force row level security;
create policy cost_restatements_visible on cost_restatements using (may_see(tenant_id)) with check (may_see(tenant_id));

alter table cost_cells enable row level security;
alter table cost_cells force row level security;
create policy cost_cells_visible on cost_cells using (may_see(tenant_id)) with check (may_see(tenant_id));
