-- What the migrations of workforce leave on SQLite. Nobody runs this: a test compares it, and
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
CREATE INDEX engagement_person_id ON engagement (person_id, known_from);
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

CREATE TABLE match_answer (
    owner_code TEXT NOT NULL,
    registration_key TEXT NOT NULL,
    exceed boolean NOT NULL,
    answered_at INTEGER NOT NULL,
    PRIMARY KEY (owner_code, registration_key)
);

CREATE TABLE national_return_row (
    census TEXT NOT NULL,
    pcn_code TEXT NOT NULL,
    digest TEXT NOT NULL,
    repetition INTEGER NOT NULL,
    withdrawn boolean NOT NULL,
    data_source TEXT NOT NULL,
    pcn_name TEXT NOT NULL,
    sub_icb_code TEXT NOT NULL,
    sub_icb_name TEXT NOT NULL,
    icb_code TEXT NOT NULL,
    icb_name TEXT NOT NULL,
    region_code TEXT NOT NULL,
    region_name TEXT NOT NULL,
    staff_group TEXT NOT NULL,
    staff_role TEXT NOT NULL,
    detailed_staff_role TEXT NOT NULL,
    fte_billionths INTEGER NOT NULL,
    unique_identifier TEXT,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    PRIMARY KEY (id)
);
CREATE INDEX national_return_row_pcn ON national_return_row (census, pcn_code);

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

CREATE TABLE person (
    id uuid_text NOT NULL,
    owner_code TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX person_owner ON person (owner_code, reference);
CREATE INDEX person_reference ON person (reference);

CREATE TABLE person_particulars (
    person_id uuid_text NOT NULL,
    family_name TEXT,
    given_name TEXT,
    registration_body TEXT,
    registration_number TEXT,
    owner_code TEXT NOT NULL DEFAULT '',
    registration_key TEXT,
    PRIMARY KEY (person_id)
);
CREATE INDEX person_particulars_registration ON person_particulars (registration_key, owner_code);

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

CREATE TABLE registration (
    person_id uuid_text NOT NULL,
    body TEXT NOT NULL,
    expiry date_text,
    id uuid_text NOT NULL,
    known_from INTEGER NOT NULL,
    known_until INTEGER,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    import_id uuid_text,
    import_line INTEGER,
    owner_code TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (id)
);
CREATE INDEX registration_person ON registration (person_id, body);

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
