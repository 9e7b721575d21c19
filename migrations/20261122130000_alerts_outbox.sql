-- The outbox: what people are to be told, written in the transaction of the finding that changed, sent by a job.

create table deliveries (
    id bigint generated always as identity constraint deliveries_pkey primary key,
    -- Name in policies/alerts.toml; its address and secrets stay there.
    receiver text not null,
    policy_id text not null,
    -- Whose data is hit. Deliveries are grouped by receiver, policy and tenant, so that a burst becomes one message.
    tenant_id integer,
    state text not null,
    -- How often it was tried. Also the fence: an attempt settles only if no later one was started.
    attempts integer not null default 0,
    created_at timestamptz not null,
    -- Not sent before: the group's wait at first, the backoff after a failure.
    due_at timestamptz not null,
    -- Set while being sent: a worker that died is overtaken after this.
    lease_until timestamptz,
    last_attempt_at timestamptz,
    last_status integer,
    -- What the receiver answered, or why it could not be reached. Never an address or a secret.
    last_answer text,
    settled_at timestamptz,
    -- Where its notices went when a backlog was sent as one message.
    merged_into bigint constraint deliveries_merged_into_fkey references deliveries (id) on delete set null,
    constraint deliveries_state_known check (state in ('waiting', 'sending', 'sent', 'dead', 'merged', 'silenced')),
    constraint deliveries_sending_is_leased check ((state = 'sending') = (lease_until is not null))
);

-- One message waits for each group: a further notice joins it. One that is being sent is closed and a new one begins.
create unique index deliveries_waiting_group on deliveries (receiver, policy_id, coalesce(tenant_id, -1)) where state = 'waiting';
create index deliveries_unsettled on deliveries (receiver, due_at) where state in ('waiting', 'sending');
create index deliveries_newest on deliveries (created_at desc, id desc);

alter table deliveries enable row level security;
alter table deliveries force row level security;
create policy deliveries_visible on deliveries using (may_see(tenant_id)) with check (may_see(tenant_id));

-- What a delivery says. Kept as it was when the finding changed, so that a late message tells the truth of then.
create table delivery_notices (
    id bigint generated always as identity constraint delivery_notices_pkey primary key,
    delivery_id bigint not null constraint delivery_notices_delivery_fkey references deliveries (id) on delete cascade,
    tenant_id integer,
    finding_id bigint not null,
    event text not null constraint delivery_notices_event_known check (event in ('opened', 'reopened', 'resolved')),
    -- 0 critical … 4 info: a message shows the worst first.
    severity_rank smallint not null,
    at timestamptz not null,
    notice jsonb not null
);

create index delivery_notices_delivery on delivery_notices (delivery_id, severity_rank, id);
create index delivery_notices_finding on delivery_notices (finding_id, delivery_id);

alter table delivery_notices enable row level security;
alter table delivery_notices force row level security;
create policy delivery_notices_visible on delivery_notices using (may_see(tenant_id)) with check (may_see(tenant_id));

-- Every try, also those of a worker that died before it knew the outcome: they keep a null finished_at.
create table delivery_attempts (
    delivery_id bigint not null constraint delivery_attempts_delivery_fkey references deliveries (id) on delete cascade,
    attempt integer not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    took_ms bigint,
    status integer,
    answer text,
    constraint delivery_attempts_pkey primary key (delivery_id, attempt)
);

-- One lane for each receiver: how fast it may be sent to, and how long it is left alone after failures.
create table alert_lanes (
    receiver text constraint alert_lanes_pkey primary key,
    next_at timestamptz not null,
    failures integer not null default 0
);
