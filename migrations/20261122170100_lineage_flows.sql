-- Which datasets' flows must be judged again, and the flows between owners that were found.

-- Written in the transaction that changed an edge, emptied by the job `judge_flows`.
create table flows_to_judge (
    dataset_id integer constraint flows_to_judge_pkey primary key,
    -- A mark that comes while the dataset is being judged must not be lost: only the count that was read is deleted.
    marks bigint not null default 1
);

-- A path on which data moves from one owner's dataset to another's, however many jobs and platform datasets lie between.
create table flows (
    from_dataset_id integer not null,
    to_dataset_id integer not null,
    -- Masked or aggregated on every way is another flow than plain on one.
    aggregated boolean not null,
    masked boolean not null,
    hops integer not null,
    first_judged_at timestamptz not null,
    last_judged_at timestamptz not null,
    -- Policies breached, by id; empty for a flow that is allowed.
    breached text[] not null,
    tenant_id integer,
    from_tenant_id integer,
    constraint flows_pkey primary key (from_dataset_id, to_dataset_id, aggregated, masked)
);
alter table flows enable row level security; alter table flows force row level security;
create policy flows_visible on flows
    using (may_see(tenant_id) or may_see(from_tenant_id)) with check (may_see(tenant_id) or may_see(from_tenant_id));
