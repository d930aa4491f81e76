// Migration 6: production. Observations, their outcomes, the windows they are counted in, and access tokens of the server.

// How things are kept:
// - dimension: names that come back in many rows, by their feature (0 = names of features). 0 in a row = none was given.
// - observation.key: the first 16 bytes of the SHA-256 of the id as it was sent; the id itself may be masked.
// - session, user: 8 bytes of an HMAC under the ledger's own salt.
// - cost: billionths of a dollar. NULL is always "not known".
// - outcome.body: fact → [value, time in ms]. It stands apart, because it may come first and come in parts.
// - outcome_change: what an outcome was when its observation was counted, until the window is brought up to date.
// - observation_window.counts: name, count, name, count, …; each row of `observation` up to `folded_to` is in one hour and one day.
// - observation_state.horizon: rows before it were removed, so that none may come again.
export const OBSERVATIONS = `
CREATE TABLE dimension (
  id      INTEGER PRIMARY KEY,
  feature INTEGER NOT NULL,
  kind    TEXT NOT NULL,
  value   TEXT NOT NULL,
  UNIQUE (feature, kind, value)
) STRICT;

CREATE TABLE observation (
  no            INTEGER PRIMARY KEY,
  key           BLOB NOT NULL UNIQUE CHECK (length(key) = 16),
  id            TEXT NOT NULL,
  at            INTEGER NOT NULL,
  feature       INTEGER NOT NULL REFERENCES dimension (id),
  release       INTEGER NOT NULL,
  variant       INTEGER NOT NULL,
  template      INTEGER NOT NULL,
  segment       INTEGER NOT NULL,
  region        INTEGER NOT NULL,
  model         INTEGER NOT NULL,
  served        INTEGER NOT NULL,
  system        INTEGER NOT NULL,
  stop_reason   INTEGER NOT NULL,
  action_mode   INTEGER NOT NULL,
  session       BLOB,
  user          BLOB,
  tags          TEXT,
  failed        INTEGER NOT NULL,
  length        INTEGER,
  refusal       INTEGER,
  schema_valid  INTEGER,
  blocked       INTEGER,
  latency_ms    REAL,
  cost          INTEGER,
  input_tokens  INTEGER,
  output_tokens INTEGER,
  tool_calls    INTEGER
) STRICT;
CREATE INDEX observation_by_time ON observation (feature, at);

CREATE TABLE observation_text (
  no     INTEGER PRIMARY KEY REFERENCES observation (no),
  output TEXT,
  rest   TEXT NOT NULL
) STRICT;

CREATE TABLE observation_vector (
  no      INTEGER PRIMARY KEY REFERENCES observation (no),
  feature INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  vector  BLOB NOT NULL
) STRICT;
CREATE INDEX observation_vector_by_time ON observation_vector (feature, at);

CREATE TABLE outcome (
  key        BLOB NOT NULL PRIMARY KEY CHECK (length(key) = 16),
  at         INTEGER NOT NULL,
  body       TEXT NOT NULL,
  final_text TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE outcome_change (
  no     INTEGER PRIMARY KEY REFERENCES observation (no),
  before TEXT
) STRICT;

CREATE TABLE observation_window (
  no       INTEGER PRIMARY KEY,
  feature  INTEGER NOT NULL,
  span     INTEGER NOT NULL,
  start    INTEGER NOT NULL,
  release  INTEGER NOT NULL,
  variant  INTEGER NOT NULL,
  template INTEGER NOT NULL,
  segment  INTEGER NOT NULL,
  counts   TEXT NOT NULL,
  UNIQUE (feature, span, start, release, variant, template, segment)
) STRICT;

CREATE TABLE observation_state (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  folded_to INTEGER NOT NULL,
  horizon   INTEGER NOT NULL,
  salt      BLOB NOT NULL
) STRICT;
INSERT INTO observation_state VALUES (1, 0, 0, randomblob(16));

CREATE TABLE access_token (
  name       TEXT NOT NULL PRIMARY KEY,
  role       TEXT NOT NULL CHECK (role IN ('read', 'observe', 'operate')),
  sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW v_observations AS
SELECT o.id, strftime('%Y-%m-%dT%H:%M:%fZ', o.at / 1000.0, 'unixepoch') AS at, f.value AS feature, r.value AS release,
       v.value AS variant, t.value AS template, g.value AS segment, m.value AS model, s.value AS served_model,
       o.failed, o.length, o.refusal, o.schema_valid, o.blocked, o.latency_ms, o.cost / 1e9 AS cost_usd, o.input_tokens,
       o.output_tokens, o.tool_calls, c.body AS outcome
FROM observation o JOIN dimension f ON f.id = o.feature LEFT JOIN dimension r ON r.id = o.release
     LEFT JOIN dimension v ON v.id = o.variant LEFT JOIN dimension t ON t.id = o.template
     LEFT JOIN dimension g ON g.id = o.segment LEFT JOIN dimension m ON m.id = o.model
     LEFT JOIN dimension s ON s.id = o.served LEFT JOIN outcome c ON c.key = o.key;
`;
