-- Who may call: API tokens, the bootstrap administrator, signed-in sessions.

create table api_tokens (
    id integer generated always as identity constraint api_tokens_pkey primary key,
    name text not null constraint api_tokens_name_unique unique,
    -- SHA-256 of the secret; the secret has 256 random bits, so a slow hash would protect nothing more.
    secret_hash bytea not null constraint api_tokens_secret_hash_unique unique,
    -- What the token may do: 'ingest' posts observations and reads nothing; 'tenant' reads one tenant; 'all' reads everything.
    reach text not null constraint api_tokens_reach_known check (reach in ('ingest', 'tenant', 'all')),
    tenant_id integer,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    -- A tenant token without a tenant would see nothing; any other token with one would suggest a limit it does not have.
    constraint api_tokens_tenant_matches_reach check ((reach = 'tenant') = (tenant_id is not null))
);

create table administrators (
    username text constraint administrators_pkey primary key,
    -- Argon2id in PHC form.
    password_hash text not null,
    created_at timestamptz not null
);

create table sessions (
    -- SHA-256 of the cookie's value: a leaked table signs nobody in.
    id_hash bytea constraint sessions_pkey primary key,
    username text not null constraint sessions_username_fkey references administrators (username) on delete cascade,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null
);
