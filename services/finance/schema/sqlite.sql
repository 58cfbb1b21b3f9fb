-- What the migrations of finance leave on SQLite. Nobody runs this: a test compares it, and
-- ARRS_WRITE=1 writes it anew; the difference is what a migration does.

CREATE TABLE assignment (
    engagement_id uuid_text NOT NULL,
    pcn_code TEXT NOT NULL,
    valid_from date_text NOT NULL,
    valid_until date_text,
    weekly_minutes INTEGER NOT NULL,
    contract_minutes INTEGER,
    stage TEXT NOT NULL,
    band TEXT,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX assignment_engagement ON assignment (engagement_id, known_from);
CREATE INDEX assignment_pcn ON assignment (pcn_code, valid_from);

CREATE TABLE audit_entry (
    id uuid_text NOT NULL,
    time INTEGER NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    resource TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    trace TEXT,
    reason TEXT,
    tenant_code TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX audit_entry_principal ON audit_entry (principal, time, id);
CREATE INDEX audit_entry_resource ON audit_entry (resource, time, id);
CREATE INDEX audit_entry_tenant ON audit_entry (tenant_code, time, id);
CREATE INDEX audit_entry_time ON audit_entry (time, id);

CREATE TABLE audit_seal (
    sequence INTEGER NOT NULL,
    entry_id uuid_text NOT NULL,
    version INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL,
    hash blob(1) NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE UNIQUE INDEX audit_seal_entry ON audit_seal (entry_id);

CREATE TABLE audit_unsealed (
    entry_id uuid_text NOT NULL,
    PRIMARY KEY (entry_id)
);

CREATE TABLE balance (
    pcn_code TEXT NOT NULL,
    year TEXT NOT NULL,
    pot TEXT NOT NULL,
    allocation_pence INTEGER NOT NULL,
    room_pence INTEGER NOT NULL,
    claimed_pence INTEGER NOT NULL,
    committed_pence INTEGER NOT NULL,
    approved_pence INTEGER NOT NULL,
    paid_pence INTEGER NOT NULL,
    CHECK (room_pence >= 0),
    CHECK (claimed_pence >= 0),
    CHECK (committed_pence >= 0),
    CHECK (approved_pence >= 0),
    CHECK (paid_pence >= 0),
    CHECK (allocation_pence + room_pence + claimed_pence + committed_pence + approved_pence + paid_pence = 0),
    PRIMARY KEY (pcn_code, year, pot)
);

CREATE TABLE baseline (
    pcn_code TEXT NOT NULL,
    role TEXT NOT NULL,
    valid_from date_text NOT NULL,
    wte_micro INTEGER NOT NULL,
    agreed_by TEXT NOT NULL,
    reference TEXT NOT NULL,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX baseline_pcn ON baseline (pcn_code, role);

CREATE TABLE claim (
    claim_id uuid_text NOT NULL,
    pcn_code TEXT NOT NULL,
    month date_text NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,
    action TEXT NOT NULL,
    state TEXT NOT NULL,
    line INTEGER NOT NULL,
    said TEXT NOT NULL,
    build_id uuid_text NOT NULL,
    line_count INTEGER NOT NULL,
    unpriced_count INTEGER NOT NULL,
    own_cost_pence INTEGER NOT NULL,
    payable_pence INTEGER NOT NULL,
    pots TEXT NOT NULL,
    weakest_confidence TEXT,
    note TEXT NOT NULL,
    evidence TEXT NOT NULL,
    payment_date date_text,
    payment_reference TEXT NOT NULL,
    submitted_at INTEGER,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX claim_history ON claim (claim_id, step);
CREATE UNIQUE INDEX claim_month ON claim (pcn_code, month, number, step);

CREATE TABLE claim_build (
    id uuid_text NOT NULL,
    pcn_code TEXT NOT NULL,
    month date_text NOT NULL,
    known_at INTEGER NOT NULL,
    rules_known_on date_text NOT NULL,
    claim_date date_text NOT NULL,
    rule_digest TEXT NOT NULL,
    mechanism INTEGER NOT NULL,
    ground TEXT NOT NULL,
    ground_digest TEXT NOT NULL,
    result_digest TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TRIGGER claim_build_no_delete BEFORE delete ON claim_build BEGIN SELECT RAISE(ABORT, 'claim_build is added to only'); END;
CREATE TRIGGER claim_build_no_update BEFORE update ON claim_build BEGIN SELECT RAISE(ABORT, 'claim_build is added to only'); END;

CREATE TABLE claim_line (
    build_id uuid_text NOT NULL,
    line INTEGER NOT NULL,
    pcn_code TEXT NOT NULL,
    month date_text NOT NULL,
    engagement_id uuid_text NOT NULL,
    minute_days INTEGER NOT NULL,
    own_cost_pence INTEGER NOT NULL,
    maximum_pence INTEGER,
    priced_pence INTEGER,
    payable_pence INTEGER,
    PRIMARY KEY (build_id, line)
);
CREATE INDEX claim_line_engagement ON claim_line (engagement_id, month);
CREATE TRIGGER claim_line_no_delete BEFORE delete ON claim_line BEGIN SELECT RAISE(ABORT, 'claim_line is added to only'); END;
CREATE TRIGGER claim_line_no_update BEFORE update ON claim_line BEGIN SELECT RAISE(ABORT, 'claim_line is added to only'); END;

CREATE TABLE engagement (
    engagement_id uuid_text NOT NULL,
    owner_code TEXT NOT NULL,
    reference TEXT NOT NULL,
    person_id uuid_text,
    person_reference TEXT,
    role TEXT NOT NULL,
    employer_code TEXT NOT NULL,
    model TEXT NOT NULL,
    full_time_minutes INTEGER NOT NULL,
    leaving_reason TEXT,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX engagement_id ON engagement (engagement_id, known_from);
CREATE INDEX engagement_owner ON engagement (owner_code, reference);
CREATE INDEX engagement_person ON engagement (person_reference);
CREATE INDEX engagement_reference ON engagement (reference);

CREATE TABLE engagement_tenant (
    tenant_code TEXT NOT NULL,
    engagement_id uuid_text NOT NULL,
    PRIMARY KEY (tenant_code, engagement_id)
);
CREATE INDEX engagement_tenant_engagement ON engagement_tenant (engagement_id);

CREATE TABLE import (
    id uuid_text NOT NULL,
    principal TEXT NOT NULL,
    request_id uuid_text NOT NULL,
    kind TEXT NOT NULL,
    owner_code TEXT,
    file_name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    recorded_on date_text,
    validate_only boolean NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    added_count INTEGER NOT NULL,
    corrected_count INTEGER NOT NULL,
    unchanged_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    notes TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX import_request ON import (principal, request_id);

CREATE TABLE import_error (
    import_id uuid_text NOT NULL,
    number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    column_name TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (import_id, number)
);

CREATE TABLE lease (
    name TEXT NOT NULL,
    holder uuid_text NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE list_size (
    code TEXT NOT NULL,
    date date_text NOT NULL,
    registered_count INTEGER NOT NULL,
    weighted_ten_thousandths INTEGER,
    adjusted_ten_thousandths INTEGER,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX list_size_code ON list_size (code, date);

CREATE TABLE london_area (
    code TEXT NOT NULL,
    valid_from date_text NOT NULL,
    area TEXT NOT NULL,
    valid_until date_text,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX london_area_code ON london_area (code, valid_from);

CREATE TABLE organisation (
    code TEXT NOT NULL,
    display_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    valid_from date_text,
    valid_until date_text,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX organisation_code ON organisation (code, known_from);
CREATE INDEX organisation_kind ON organisation (kind, code);

CREATE TABLE organisation_relation (
    code TEXT NOT NULL,
    relation TEXT NOT NULL,
    related_code TEXT NOT NULL,
    valid_from date_text NOT NULL,
    valid_until date_text,
    seen boolean NOT NULL,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX organisation_relation_code ON organisation_relation (code, relation);
CREATE INDEX organisation_relation_related ON organisation_relation (related_code, relation);

CREATE TABLE outbox (
    position INTEGER NOT NULL,
    id uuid_text NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    tenant_code TEXT,
    time INTEGER NOT NULL,
    traceparent TEXT,
    body blob(1) NOT NULL,
    PRIMARY KEY (position)
);

CREATE TABLE outbox_head (
    id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE page_key (
    id INTEGER NOT NULL,
    secret blob(1) NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE parked_fact (
    producer TEXT NOT NULL,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    fact blob(1) NOT NULL,
    reason TEXT NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (producer, position)
);
CREATE INDEX parked_fact_subject ON parked_fact (producer, subject, position);

CREATE TABLE pay (
    engagement_id uuid_text NOT NULL,
    month date_text NOT NULL,
    paid_on TEXT NOT NULL,
    salary_pence INTEGER NOT NULL,
    employer_ni_pence INTEGER NOT NULL,
    employer_pension_pence INTEGER NOT NULL,
    fees_pence INTEGER NOT NULL,
    reference TEXT NOT NULL,
    owner_code TEXT NOT NULL,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX pay_engagement ON pay (engagement_id, month, known_from);
CREATE INDEX pay_owner ON pay (owner_code, month, engagement_id);

CREATE TABLE posting (
    pcn_code TEXT NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    year TEXT NOT NULL,
    pot TEXT NOT NULL,
    amount_pence INTEGER NOT NULL,
    claim_month date_text,
    claim_number INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    posted_by TEXT NOT NULL,
    PRIMARY KEY (pcn_code, number, account)
);
CREATE TRIGGER posting_no_delete BEFORE delete ON posting BEGIN SELECT RAISE(ABORT, 'posting is added to only'); END;
CREATE TRIGGER posting_no_update BEFORE update ON posting BEGIN SELECT RAISE(ABORT, 'posting is added to only'); END;

CREATE TABLE practice_funded (
    pcn_code TEXT NOT NULL,
    role TEXT NOT NULL,
    valid_from date_text NOT NULL,
    wte_micro INTEGER NOT NULL,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX practice_funded_pcn ON practice_funded (pcn_code, role);

CREATE TABLE projection_cursor (
    producer TEXT NOT NULL,
    position INTEGER NOT NULL,
    fact_id TEXT NOT NULL,
    whole_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (producer)
);

CREATE TABLE projection_day (
    producer TEXT NOT NULL,
    until INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (producer, until)
);

CREATE TABLE relay (
    id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    again_after INTEGER,
    PRIMARY KEY (id)
);

CREATE TABLE seaql_migrations (
    version varchar NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (version)
);

CREATE TABLE stored_answer (
    tenant_code TEXT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id uuid_text NOT NULL,
    digest blob(1) NOT NULL,
    body blob(1) NOT NULL,
    position INTEGER,
    stored_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_code, principal, method, request_id)
);
CREATE INDEX stored_answer_age ON stored_answer (stored_at);
