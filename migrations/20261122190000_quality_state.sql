-- What the quality policies found when they were last judged: pages read this and not every observation ever made.
-- Both tables are made anew by the job `judge_quality` and hold nothing that could not be computed again.

create table quality_broken (
    policy_id text not null,
    -- Canonical, in `datasets`.
    dataset_id integer not null,
    subject text not null,
    kind text not null constraint quality_broken_kind_known check (kind in ('failed_assertion', 'stale', 'row_count_drop')),
    severity text not null,
    title text not null,
    asset text not null,
    since timestamptz not null,
    tenant_id integer,
    constraint quality_broken_pkey primary key (policy_id, dataset_id, subject)
);

-- Outcomes of checks by day: scores and trends.
create table quality_days (
    dataset_id integer not null,
    day date not null,
    passed bigint not null,
    failed bigint not null,
    tenant_id integer,
    constraint quality_days_pkey primary key (dataset_id, day)
);
create index quality_days_by_day on quality_days (day);

alter table quality_broken enable row level security;
alter table quality_broken force row level security;
create policy quality_broken_visible on quality_broken using (may_see(tenant_id)) with check (may_see(tenant_id));

alter table quality_days enable row level security;
alter table quality_days force row level security;
create policy quality_days_visible on quality_days using (may_see(tenant_id)) with check (may_see(tenant_id));
