-- Findings: one row for each policy and subject, however often it is breached; its evidence, its history, the audit chain.

create table findings (
    id bigint generated always as identity constraint findings_pkey primary key,
    -- SHA-256 of policy, subject and owner. What makes a million breaches one finding.
    fingerprint bytea not null constraint findings_fingerprint_unique unique,
    policy_id text not null,
    -- Hash of the policy file that gave the last verdict.
    policy_version bytea not null,
    severity text not null,
    kind text not null,
    plane text,
    subject text not null,
    title text not null,
    -- Whose data is hit: a tenant, 0 the platform, null unowned.
    tenant_id integer,
    -- The other side of a crossing. Its name is never shown to the tenant whose data is hit.
    actor_tenant_id integer,
    asset text,
    -- Flow: the nodes from source to sink.
    path text[] not null default '{}',
    status text not null,
    count bigint not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    -- Since when it stands: of the last opening.
    opened_at timestamptz not null,
    resolved_at timestamptz,
    constraint findings_severity_known check (severity in ('critical', 'high', 'medium', 'low', 'info')),
    constraint findings_kind_known check (kind in ('isolation', 'quality', 'cost', 'service')),
    constraint findings_plane_known check (plane in ('access', 'flow', 'grant', 'catalog')),
    constraint findings_status_known check (status in ('open', 'acknowledged', 'resolved', 'excepted')),
    constraint findings_resolved_has_time check ((status = 'resolved') = (resolved_at is not null))
);

create index findings_newest on findings (last_seen desc, id desc);
create index findings_policy on findings (policy_id, last_seen desc, id desc);
create index findings_tenant on findings (tenant_id, last_seen desc, id desc);
create index findings_unresolved on findings (policy_id, severity) where status in ('open', 'acknowledged');
create index findings_asset on findings (asset) where asset is not null;

alter table findings enable row level security;
alter table findings force row level security;
create policy findings_visible on findings using (may_see(tenant_id)) with check (may_see(tenant_id));

create table evidence (
    id bigint generated always as identity constraint evidence_pkey primary key,
    finding_id bigint not null constraint evidence_finding_fkey references findings (id) on delete cascade,
    tenant_id integer,
    source text not null,
    reference text not null,
    -- Of the record as the source delivered it.
    hash bytea not null,
    occurred_at timestamptz not null,
    summary text not null,
    record jsonb not null,
    -- The same record shows the same finding once, however often it is delivered.
    constraint evidence_record_unique unique (finding_id, reference, hash)
);

create index evidence_newest on evidence (finding_id, occurred_at desc, id desc);

alter table evidence enable row level security;
alter table evidence force row level security;
create policy evidence_visible on evidence using (may_see(tenant_id)) with check (may_see(tenant_id));

create table finding_history (
    id bigint generated always as identity constraint finding_history_pkey primary key,
    finding_id bigint not null constraint finding_history_finding_fkey references findings (id) on delete cascade,
    tenant_id integer,
    at timestamptz not null,
    event text not null,
    -- A person, or 'lakewarden' where the service changed it by itself.
    who text not null,
    why text not null,
    policy_version bytea not null,
    constraint finding_history_event_known check (event in ('opened', 'acknowledged', 'resolved', 'reopened', 'excepted'))
);

create index finding_history_finding on finding_history (finding_id, id);

alter table finding_history enable row level security;
alter table finding_history force row level security;
create policy finding_history_visible on finding_history using (may_see(tenant_id)) with check (may_see(tenant_id));

-- Who changed what, each row bound to the one before it: hash = sha256(previous hash, sequence, time, who, action, content).
create table audit_log (
    -- Without a gap: assigned under the append's lock, not by a sequence.
    seq bigint constraint audit_log_pkey primary key,
    at timestamptz not null,
    who text not null,
    action text not null,
    -- Canonical JSON as text: a reader hashes exactly what stands here.
    content text not null,
    previous_hash bytea not null,
    hash bytea not null
);

-- Appending is the only thing the service ever does to it.
create function audit_log_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit_log is append-only';
end $$;

create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function audit_log_is_append_only();
