// Migration 2: production. Observations, their outcomes, the windows they are counted in, and access tokens of the server.

// As in SQLite's ledger (`../sqlite/migration-observations.ts`), with booleans, and with vectors and texts in columns that large values leave
// by themselves. Whoever adds or counts holds the lock `observe`, so numbers are committed in their order: `folded_to` then skips no row.
export const OBSERVATIONS = `
CREATE TABLE lg.dimension (
  id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  feature integer NOT NULL,
  kind    text COLLATE "C" NOT NULL,
  value   text COLLATE "C" NOT NULL,
  UNIQUE (feature, kind, value)
);

CREATE TABLE lg.observation (
  no            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key           bytea NOT NULL UNIQUE CHECK (length(key) = 16),
  id            text COLLATE "C" NOT NULL,
  at            bigint NOT NULL,
  feature       integer NOT NULL,
  release       integer NOT NULL,
  variant       integer NOT NULL,
  template      integer NOT NULL,
  segment       integer NOT NULL,
  region        integer NOT NULL,
  model         integer NOT NULL,
  served        integer NOT NULL,
  system        integer NOT NULL,
  stop_reason   integer NOT NULL,
  action_mode   integer NOT NULL,
  session       bytea,
  "user"        bytea,
  tags          text COLLATE "C",
  failed        smallint NOT NULL,
  length        double precision,
  refusal       smallint,
  schema_valid  smallint,
  blocked       smallint,
  latency_ms    double precision,
  cost          bigint,
  input_tokens  double precision,
  output_tokens double precision,
  tool_calls    double precision
);
CREATE INDEX observation_by_time ON lg.observation (feature, at, no);

CREATE TABLE lg.observation_text (
  no     bigint PRIMARY KEY REFERENCES lg.observation (no),
  output text COLLATE "C",
  rest   text COLLATE "C" NOT NULL
);

CREATE TABLE lg.observation_vector (
  no      bigint PRIMARY KEY REFERENCES lg.observation (no),
  feature integer NOT NULL,
  at      bigint NOT NULL,
  vector  bytea NOT NULL
);
CREATE INDEX observation_vector_by_time ON lg.observation_vector (feature, at, no);

CREATE TABLE lg.outcome (
  key        bytea PRIMARY KEY CHECK (length(key) = 16),
  at         bigint NOT NULL,
  body       text COLLATE "C" NOT NULL,
  final_text text COLLATE "C"
);

CREATE TABLE lg.outcome_change (
  no     bigint PRIMARY KEY REFERENCES lg.observation (no),
  before text COLLATE "C"
);

CREATE TABLE lg.observation_window (
  feature  integer NOT NULL,
  span     integer NOT NULL,
  start    bigint NOT NULL,
  release  integer NOT NULL,
  variant  integer NOT NULL,
  template integer NOT NULL,
  segment  integer NOT NULL,
  counts   text COLLATE "C" NOT NULL,
  PRIMARY KEY (feature, span, start, release, variant, template, segment)
);

CREATE TABLE lg.observation_state (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  folded_to bigint NOT NULL,
  horizon   bigint NOT NULL,
  salt      bytea NOT NULL
);
INSERT INTO lg.observation_state (folded_to, horizon, salt)
VALUES (0, 0, decode(replace(gen_random_uuid()::text, '-', ''), 'hex'));

CREATE TABLE lg.access_token (
  name       text COLLATE "C" PRIMARY KEY,
  role       text COLLATE "C" NOT NULL CHECK (role IN ('read', 'observe', 'operate')),
  sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at text COLLATE "C" NOT NULL
);

CREATE VIEW lg.v_observations AS
SELECT o.id, to_timestamp(o.at / 1000.0) AS at, f.value AS feature, r.value AS release, v.value AS variant, t.value AS template,
       g.value AS segment, m.value AS model, s.value AS served_model, o.failed, o.length, o.refusal, o.schema_valid, o.blocked, o.latency_ms,
       o.cost / 1e9 AS cost_usd, o.input_tokens, o.output_tokens, o.tool_calls, c.body AS outcome
FROM lg.observation o JOIN lg.dimension f ON f.id = o.feature LEFT JOIN lg.dimension r ON r.id = o.release
     LEFT JOIN lg.dimension v ON v.id = o.variant LEFT JOIN lg.dimension t ON t.id = o.template
     LEFT JOIN lg.dimension g ON g.id = o.segment LEFT JOIN lg.dimension m ON m.id = o.model
     LEFT JOIN lg.dimension s ON s.id = o.served LEFT JOIN lg.outcome c ON c.key = o.key;
`;
