-- What the migrations of finance leave on PostgreSQL. Nobody runs this: a test compares it, and
-- ARRS_WRITE=1 writes it anew; the difference is what a migration does.

CREATE TABLE assignment (
    engagement_id uuid NOT NULL,
    pcn_code text NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    weekly_minutes integer NOT NULL,
    contract_minutes integer,
    stage text NOT NULL,
    band text,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX assignment_engagement ON assignment USING btree (engagement_id, known_from);
CREATE INDEX assignment_pcn ON assignment USING btree (pcn_code, valid_from);
ALTER TABLE assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE assignment FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON assignment
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest))
        OR (engagement_id IN ( SELECT t.engagement_id FROM engagement_tenant t WHERE t.tenant_code = ANY ((( SELECT string_to_array(current_setting('app.scope'::text, true), ','::text) AS string_to_array))::text[]))))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON assignment TO serving;

CREATE TABLE audit_entry (
    id uuid NOT NULL,
    time bigint NOT NULL,
    principal text NOT NULL,
    method text NOT NULL,
    resource text NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL,
    trace text,
    reason text,
    tenant_code text,
    PRIMARY KEY (id)
);
CREATE INDEX audit_entry_principal ON audit_entry USING btree (principal, "time", id);
CREATE INDEX audit_entry_resource ON audit_entry USING btree (resource, "time", id);
CREATE INDEX audit_entry_tenant ON audit_entry USING btree (tenant_code, "time", id);
CREATE INDEX audit_entry_time ON audit_entry USING btree ("time", id);
GRANT INSERT, SELECT ON audit_entry TO serving;

CREATE TABLE audit_seal (
    sequence bigint NOT NULL,
    entry_id uuid NOT NULL,
    version integer NOT NULL,
    sealed_at bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE UNIQUE INDEX audit_seal_entry ON audit_seal USING btree (entry_id);
GRANT INSERT, SELECT ON audit_seal TO serving;

CREATE TABLE audit_unsealed (
    entry_id uuid NOT NULL,
    PRIMARY KEY (entry_id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON audit_unsealed TO serving;

CREATE TABLE balance (
    pcn_code text NOT NULL,
    year text NOT NULL,
    pot text NOT NULL,
    allocation_pence bigint NOT NULL,
    room_pence bigint NOT NULL,
    claimed_pence bigint NOT NULL,
    committed_pence bigint NOT NULL,
    approved_pence bigint NOT NULL,
    paid_pence bigint NOT NULL,
    CHECK ((allocation_pence + room_pence + claimed_pence + committed_pence + approved_pence + paid_pence) = 0),
    CHECK (approved_pence >= 0),
    CHECK (claimed_pence >= 0),
    CHECK (committed_pence >= 0),
    CHECK (paid_pence >= 0),
    CHECK (room_pence >= 0),
    PRIMARY KEY (pcn_code, year, pot)
);
ALTER TABLE balance ENABLE ROW LEVEL SECURITY;
ALTER TABLE balance FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON balance
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON balance TO serving;

CREATE TABLE baseline (
    pcn_code text NOT NULL,
    role text NOT NULL,
    valid_from date NOT NULL,
    wte_micro bigint NOT NULL,
    agreed_by text NOT NULL,
    reference text NOT NULL,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX baseline_pcn ON baseline USING btree (pcn_code, role);
ALTER TABLE baseline ENABLE ROW LEVEL SECURITY;
ALTER TABLE baseline FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON baseline
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON baseline TO serving;

CREATE TABLE claim (
    claim_id uuid NOT NULL,
    pcn_code text NOT NULL,
    month date NOT NULL,
    number integer NOT NULL,
    step integer NOT NULL,
    action text NOT NULL,
    state text NOT NULL,
    line integer NOT NULL,
    said text NOT NULL,
    build_id uuid NOT NULL,
    line_count integer NOT NULL,
    unpriced_count integer NOT NULL,
    own_cost_pence bigint NOT NULL,
    payable_pence bigint NOT NULL,
    pots text NOT NULL,
    weakest_confidence text,
    note text NOT NULL,
    evidence text NOT NULL,
    payment_date date,
    payment_reference text NOT NULL,
    submitted_at bigint,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX claim_history ON claim USING btree (claim_id, step);
CREATE UNIQUE INDEX claim_month ON claim USING btree (pcn_code, month, number, step);
ALTER TABLE claim ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON claim
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON claim TO serving;

CREATE TABLE claim_build (
    id uuid NOT NULL,
    pcn_code text NOT NULL,
    month date NOT NULL,
    known_at bigint NOT NULL,
    rules_known_on date NOT NULL,
    claim_date date NOT NULL,
    rule_digest text NOT NULL,
    mechanism integer NOT NULL,
    ground text NOT NULL,
    ground_digest text NOT NULL,
    result_digest text NOT NULL,
    PRIMARY KEY (id)
);
ALTER TABLE claim_build ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim_build FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON claim_build
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT INSERT, SELECT ON claim_build TO serving;

CREATE TABLE claim_line (
    build_id uuid NOT NULL,
    line integer NOT NULL,
    pcn_code text NOT NULL,
    month date NOT NULL,
    engagement_id uuid NOT NULL,
    minute_days bigint NOT NULL,
    own_cost_pence bigint NOT NULL,
    maximum_pence bigint,
    priced_pence bigint,
    payable_pence bigint,
    PRIMARY KEY (build_id, line)
);
CREATE INDEX claim_line_engagement ON claim_line USING btree (engagement_id, month);
ALTER TABLE claim_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim_line FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON claim_line
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT INSERT, SELECT ON claim_line TO serving;

CREATE TABLE engagement (
    engagement_id uuid NOT NULL,
    owner_code text NOT NULL,
    reference text NOT NULL,
    person_id uuid,
    person_reference text,
    role text NOT NULL,
    employer_code text NOT NULL,
    model text NOT NULL,
    full_time_minutes integer NOT NULL,
    leaving_reason text,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX engagement_id ON engagement USING btree (engagement_id, known_from);
CREATE INDEX engagement_owner ON engagement USING btree (owner_code, reference);
CREATE INDEX engagement_person ON engagement USING btree (person_reference);
CREATE INDEX engagement_reference ON engagement USING btree (reference);
ALTER TABLE engagement ENABLE ROW LEVEL SECURITY;
ALTER TABLE engagement FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON engagement
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (owner_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest))
        OR (engagement_id IN ( SELECT t.engagement_id FROM engagement_tenant t WHERE t.tenant_code = ANY ((( SELECT string_to_array(current_setting('app.scope'::text, true), ','::text) AS string_to_array))::text[]))))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (owner_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON engagement TO serving;

CREATE TABLE engagement_tenant (
    tenant_code text NOT NULL,
    engagement_id uuid NOT NULL,
    PRIMARY KEY (tenant_code, engagement_id)
);
CREATE INDEX engagement_tenant_engagement ON engagement_tenant USING btree (engagement_id);
ALTER TABLE engagement_tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE engagement_tenant FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON engagement_tenant
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON engagement_tenant TO serving;

CREATE TABLE import (
    id uuid NOT NULL,
    principal text NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL,
    owner_code text,
    file_name text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    recorded_on date,
    validate_only boolean NOT NULL,
    state text NOT NULL,
    created_at bigint NOT NULL,
    row_count integer NOT NULL,
    added_count integer NOT NULL,
    corrected_count integer NOT NULL,
    unchanged_count integer NOT NULL,
    error_count integer NOT NULL,
    notes text NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX import_request ON import USING btree (principal, request_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON import TO serving;

CREATE TABLE import_error (
    import_id uuid NOT NULL,
    number integer NOT NULL,
    line integer NOT NULL,
    column_name text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, number)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON import_error TO serving;

CREATE TABLE lease (
    name text NOT NULL,
    holder uuid NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON lease TO serving;

CREATE TABLE list_size (
    code text NOT NULL,
    date date NOT NULL,
    registered_count bigint NOT NULL,
    weighted_ten_thousandths bigint,
    adjusted_ten_thousandths bigint,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX list_size_code ON list_size USING btree (code, date);
GRANT DELETE, INSERT, SELECT, UPDATE ON list_size TO serving;

CREATE TABLE london_area (
    code text NOT NULL,
    valid_from date NOT NULL,
    area text NOT NULL,
    valid_until date,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX london_area_code ON london_area USING btree (code, valid_from);
GRANT DELETE, INSERT, SELECT, UPDATE ON london_area TO serving;

CREATE TABLE organisation (
    code text NOT NULL,
    display_name text NOT NULL,
    kind text NOT NULL,
    valid_from date,
    valid_until date,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX organisation_code ON organisation USING btree (code, known_from);
CREATE INDEX organisation_kind ON organisation USING btree (kind, code);
GRANT DELETE, INSERT, SELECT, UPDATE ON organisation TO serving;

CREATE TABLE organisation_relation (
    code text NOT NULL,
    relation text NOT NULL,
    related_code text NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    seen boolean NOT NULL,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX organisation_relation_code ON organisation_relation USING btree (code, relation);
CREATE INDEX organisation_relation_related ON organisation_relation USING btree (related_code, relation);
GRANT DELETE, INSERT, SELECT, UPDATE ON organisation_relation TO serving;

CREATE TABLE outbox (
    position bigint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    tenant_code text,
    time bigint NOT NULL,
    traceparent text,
    body bytea NOT NULL,
    PRIMARY KEY ("position")
);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest))
        OR tenant_code IS NULL)
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest))
        OR tenant_code IS NULL);
GRANT INSERT, SELECT ON outbox TO serving;

CREATE TABLE outbox_head (
    id integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON outbox_head TO serving;

CREATE TABLE page_key (
    id integer NOT NULL,
    secret bytea NOT NULL,
    PRIMARY KEY (id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON page_key TO serving;

CREATE TABLE parked_fact (
    producer text NOT NULL,
    position bigint NOT NULL,
    subject text NOT NULL,
    fact bytea NOT NULL,
    reason text NOT NULL,
    parked_at bigint NOT NULL,
    PRIMARY KEY (producer, "position")
);
CREATE INDEX parked_fact_subject ON parked_fact USING btree (producer, subject, "position");
GRANT DELETE, INSERT, SELECT, UPDATE ON parked_fact TO serving;

CREATE TABLE pay (
    engagement_id uuid NOT NULL,
    month date NOT NULL,
    paid_on text NOT NULL,
    salary_pence bigint NOT NULL,
    employer_ni_pence bigint NOT NULL,
    employer_pension_pence bigint NOT NULL,
    fees_pence bigint NOT NULL,
    reference text NOT NULL,
    owner_code text NOT NULL,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX pay_engagement ON pay USING btree (engagement_id, month, known_from);
CREATE INDEX pay_owner ON pay USING btree (owner_code, month, engagement_id);
ALTER TABLE pay ENABLE ROW LEVEL SECURITY;
ALTER TABLE pay FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pay
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (owner_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest))
        OR (engagement_id IN ( SELECT t.engagement_id FROM engagement_tenant t WHERE t.tenant_code = ANY ((( SELECT string_to_array(current_setting('app.scope'::text, true), ','::text) AS string_to_array))::text[]))))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (owner_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON pay TO serving;

CREATE TABLE posting (
    pcn_code text NOT NULL,
    number bigint NOT NULL,
    account text NOT NULL,
    year text NOT NULL,
    pot text NOT NULL,
    amount_pence bigint NOT NULL,
    claim_month date,
    claim_number integer NOT NULL,
    posted_at bigint NOT NULL,
    posted_by text NOT NULL,
    PRIMARY KEY (pcn_code, number, account)
);
ALTER TABLE posting ENABLE ROW LEVEL SECURITY;
ALTER TABLE posting FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON posting
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT INSERT, SELECT ON posting TO serving;

CREATE TABLE practice_funded (
    pcn_code text NOT NULL,
    role text NOT NULL,
    valid_from date NOT NULL,
    wte_micro bigint NOT NULL,
    id uuid NOT NULL,
    known_from bigint NOT NULL,
    known_until bigint,
    recorded_at bigint NOT NULL,
    recorded_by text NOT NULL,
    import_id uuid,
    import_line integer,
    PRIMARY KEY (id)
);
CREATE INDEX practice_funded_pcn ON practice_funded USING btree (pcn_code, role);
ALTER TABLE practice_funded ENABLE ROW LEVEL SECURITY;
ALTER TABLE practice_funded FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON practice_funded
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (pcn_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON practice_funded TO serving;

CREATE TABLE projection_cursor (
    producer text NOT NULL,
    position bigint NOT NULL,
    fact_id text NOT NULL,
    whole_at bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (producer)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON projection_cursor TO serving;

CREATE TABLE projection_day (
    producer text NOT NULL,
    until bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (producer, until)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON projection_day TO serving;

CREATE TABLE relay (
    id integer NOT NULL,
    position bigint NOT NULL,
    again_after bigint,
    PRIMARY KEY (id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON relay TO serving;

CREATE TABLE seaql_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL,
    PRIMARY KEY (version)
);
GRANT SELECT ON seaql_migrations TO serving;

CREATE TABLE stored_answer (
    tenant_code text NOT NULL,
    principal text NOT NULL,
    method text NOT NULL,
    request_id uuid NOT NULL,
    digest bytea NOT NULL,
    body bytea NOT NULL,
    position bigint,
    stored_at bigint NOT NULL,
    PRIMARY KEY (tenant_code, principal, method, request_id)
);
CREATE INDEX stored_answer_age ON stored_answer USING btree (stored_at);
ALTER TABLE stored_answer ENABLE ROW LEVEL SECURITY;
ALTER TABLE stored_answer FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stored_answer
    USING ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)))
    WITH CHECK ((( SELECT current_setting('app.england'::text, true) AS current_setting)) = 'on'::text
        OR (tenant_code IN ( SELECT unnest(string_to_array(current_setting('app.scope'::text, true), ','::text)) AS unnest)));
GRANT DELETE, INSERT, SELECT, UPDATE ON stored_answer TO serving;
