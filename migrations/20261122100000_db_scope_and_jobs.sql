-- The floor everything stands on: who may see a row, and the queue of work to do.

-- Row-level security asks this one function everywhere. The caller's scope is a setting of the session or transaction:
--   lakewarden.scope = 'all'      the service itself, officers: every row
--   lakewarden.scope = 'tenant'   with lakewarden.tenant_id: that tenant's rows only
--   unset                         nothing: a forgotten scope shows an empty page, never another tenant's data
-- Rows with no tenant (unowned assets, the service's own bookkeeping) are for 'all' only.
create function may_see(row_tenant_id integer) returns boolean
    language sql stable parallel safe
    return case current_setting('lakewarden.scope', true)
        when 'all' then true
        when 'tenant' then row_tenant_id = nullif(current_setting('lakewarden.tenant_id', true), '')::integer
        else false
    end;

-- Work that must happen after a commit. A row is enqueued in the same transaction as the fact that causes it.
create table jobs (
    id bigint generated always as identity constraint jobs_pkey primary key,
    kind text not null,
    -- Two requests for the same work are one row: the second only counts as a nudge.
    key text not null default '',
    args jsonb not null default '{}',
    -- A nudge that arrives while the job runs must not be lost: completion deletes the row only if no nudge came since.
    nudges integer not null default 0,
    run_at timestamptz not null,
    attempts integer not null default 0,
    -- The fence: only the holder of the current lease may complete the job, so a worker that lost it changes nothing.
    lease uuid,
    lease_until timestamptz,
    last_error text,
    enqueued_at timestamptz not null,
    constraint jobs_kind_key_unique unique (kind, key)
);

create index jobs_due on jobs (run_at);
