// The PostgreSQL ledger's schema: numbered migrations in order, as plain SQL. A migration that was ever released is never edited; a change is a
// new number. `lg.` stands for the ledger's schema. A table that SQLite's ledger gets (`../sqlite/migrations.ts`) gets a migration here, too.
//
// Public to people who write their own SQL: the views of `migration-views.ts`. Their columns are only ever added to.

import { FORGETTING } from './migration-forgetting.ts';
import { OBSERVATIONS } from './migration-observations.ts';
import { GUARD, SHIPPING } from './migration-shipping.ts';
import { VIEWS } from './migration-views.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

// How things are kept:
// - content: a JSON value as the bytes of its canonical form, under their SHA-256, once. A body that is NULL was removed. Bytes, because
//   PostgreSQL's text has no U+0000 and models answer it.
// - document: a JSON value whose long texts are content of their own; `shape` is the rest, `parts` their hashes, 32 bytes each.
// - trial: what it refers to by hash is written in the same transaction and never deleted, so it has no foreign keys; `db check` looks.
// - trial.outcome: 1 answered · 2 app_error · 3 infra_error · 4 timeout (failed) · 5 budget · 6 cancelled · 7 deadline (skipped).
// - snapshot.counts: what the trials come to, as JSON; NULL while it runs, because then it is counted from them. So nothing but its own
//   rows is written by whoever adds trials, and any number of processes may.
// - JSON that must come back to the letter is text, never jsonb, which sorts keys and refuses U+0000. Other texts are kept as
//   `storedText` writes them. Everything sorts by bytes (COLLATE "C"), whatever the database was made with.
const LEDGER = `
CREATE TABLE lg.upkeep (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  generation bigint NOT NULL
);
INSERT INTO lg.upkeep (generation) VALUES (0);

CREATE TABLE lg.content (
  sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
  body   bytea
);

CREATE TABLE lg.document (
  sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
  shape  text COLLATE "C" NOT NULL,
  parts  bytea NOT NULL
);

CREATE TABLE lg.release (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document     bytea NOT NULL UNIQUE REFERENCES lg.document (sha256),
  name         text COLLATE "C" NOT NULL,
  fingerprint  text COLLATE "C" NOT NULL,
  layer_hashes text COLLATE "C" NOT NULL,
  pinned       boolean NOT NULL
);

CREATE TABLE lg.suite (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key    bytea NOT NULL UNIQUE,
  name   text COLLATE "C" NOT NULL,
  hash   text COLLATE "C" NOT NULL,
  header bytea NOT NULL REFERENCES lg.document (sha256),
  cases  integer NOT NULL
);
CREATE INDEX suite_by_name ON lg.suite (name);

CREATE TABLE lg.case_version (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key           bytea NOT NULL UNIQUE,
  case_id       text COLLATE "C" NOT NULL,
  tags          text COLLATE "C" NOT NULL,
  grp           text COLLATE "C",
  critical      boolean NOT NULL,
  trials        integer NOT NULL,
  min_pass_rate double precision,
  content_hash  text COLLATE "C" NOT NULL,
  graders_hash  text COLLATE "C" NOT NULL,
  body          bytea NOT NULL REFERENCES lg.document (sha256)
);

CREATE TABLE lg.suite_case (
  suite        bigint NOT NULL REFERENCES lg.suite (id),
  case_no      integer NOT NULL,
  case_version bigint NOT NULL REFERENCES lg.case_version (id),
  place        text COLLATE "C" NOT NULL,
  PRIMARY KEY (suite, case_no)
);

CREATE TABLE lg.snapshot (
  no               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id               text COLLATE "C" NOT NULL UNIQUE,
  purpose          text COLLATE "C" NOT NULL,
  suite            bigint NOT NULL REFERENCES lg.suite (id),
  release          bigint NOT NULL REFERENCES lg.release (id),
  judge            bigint REFERENCES lg.release (id),
  embedder         bigint REFERENCES lg.release (id),
  exam             text COLLATE "C" NOT NULL,
  exam_book        bytea NOT NULL REFERENCES lg.content (sha256),
  started_at       text COLLATE "C" NOT NULL,
  started_ms       double precision NOT NULL,
  planned_trials   integer NOT NULL,
  seed             double precision NOT NULL,
  labels           text COLLATE "C" NOT NULL,
  environment      text COLLATE "C" NOT NULL,
  imported         boolean NOT NULL,
  finished_at      text COLLATE "C",
  state            text COLLATE "C" NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished', 'interrupted')),
  validity         text COLLATE "C" NOT NULL DEFAULT 'invalid' CHECK (validity IN ('valid', 'degraded', 'invalid')),
  validity_reasons text COLLATE "C" NOT NULL DEFAULT '[]',
  findings         text COLLATE "C" NOT NULL DEFAULT '[]',
  trials_per_case  integer,
  counts           text COLLATE "C",
  seal             bytea,
  texts_seal       bytea
);
CREATE INDEX snapshot_by_suite ON lg.snapshot (suite, started_ms);
CREATE INDEX snapshot_by_start ON lg.snapshot (started_ms, no);

CREATE TABLE lg.served (
  id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE lg.trial (
  snapshot       bigint NOT NULL REFERENCES lg.snapshot (no),
  case_no        integer NOT NULL,
  trial          integer NOT NULL,
  outcome        smallint NOT NULL,
  pass           boolean,
  score          double precision,
  ungraded       text COLLATE "C",
  length         integer,
  refusal        boolean,
  latency_ms     double precision,
  cost_usd       double precision,
  judge_usd      double precision,
  stop_reason    text COLLATE "C",
  served         integer,
  request_id     text COLLATE "C",
  usage          text COLLATE "C",
  output_tokens  double precision,
  dropped_params text COLLATE "C",
  output         bytea,
  sent           bytea,
  grades         bytea,
  code           text COLLATE "C",
  message        text COLLATE "C",
  calls          integer NOT NULL,
  started_ms     double precision,
  attempts       text COLLATE "C" NOT NULL,
  cost_unknown   boolean NOT NULL,
  run_again      boolean NOT NULL,
  PRIMARY KEY (snapshot, case_no, trial)
);
CREATE INDEX trial_by_output ON lg.trial (output) WHERE output IS NOT NULL;

CREATE TABLE lg.embedding (
  embedder text COLLATE "C" NOT NULL,
  output   bytea NOT NULL REFERENCES lg.content (sha256),
  vector   bytea NOT NULL,
  seal     bytea NOT NULL,
  PRIMARY KEY (output, embedder)
);

CREATE TABLE lg.blessing (
  no       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  snapshot bigint NOT NULL REFERENCES lg.snapshot (no),
  suite    text COLLATE "C" NOT NULL,
  by_whom  text COLLATE "C" NOT NULL,
  why      text COLLATE "C" NOT NULL,
  at       text COLLATE "C" NOT NULL,
  overrode text COLLATE "C" NOT NULL,
  seal     bytea NOT NULL
);
CREATE INDEX blessing_by_suite ON lg.blessing (suite);

CREATE TABLE lg.imported_blessing (
  no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  snapshot    bigint NOT NULL REFERENCES lg.snapshot (no),
  suite       text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  by_whom     text COLLATE "C" NOT NULL,
  why         text COLLATE "C" NOT NULL,
  at          text COLLATE "C" NOT NULL,
  overrode    text COLLATE "C" NOT NULL,
  key         bytea NOT NULL UNIQUE
);

CREATE TABLE lg.verdict (
  key  text COLLATE "C" PRIMARY KEY,
  body text COLLATE "C" NOT NULL,
  at   text COLLATE "C" NOT NULL
);

CREATE TABLE lg.record (
  no    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind  text COLLATE "C" NOT NULL,
  suite text COLLATE "C" NOT NULL,
  at    text COLLATE "C" NOT NULL,
  body  text COLLATE "C" NOT NULL,
  seal  bytea NOT NULL
);
CREATE INDEX record_by_kind ON lg.record (kind, suite);

-- What never changes, whoever is connected.
CREATE FUNCTION lg.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'lastgood: rows of % never change', TG_TABLE_NAME; END $$;
CREATE FUNCTION lg.refuse_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT state FROM lg.snapshot WHERE no = OLD.snapshot) = 'running' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'lastgood: a trial of an ended snapshot never changes';
END $$;
CREATE TRIGGER snapshot_finished_stays BEFORE UPDATE OR DELETE ON lg.snapshot
  FOR EACH ROW WHEN (OLD.state = 'finished') EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER trial_stays BEFORE UPDATE OR DELETE ON lg.trial FOR EACH ROW EXECUTE FUNCTION lg.refuse_ended();
CREATE TRIGGER case_version_stays BEFORE UPDATE OR DELETE ON lg.case_version FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER suite_case_stays BEFORE UPDATE OR DELETE ON lg.suite_case FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER suite_stays BEFORE UPDATE OR DELETE ON lg.suite FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER release_stays BEFORE UPDATE OR DELETE ON lg.release FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER document_stays BEFORE UPDATE OR DELETE ON lg.document FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER blessing_stays BEFORE UPDATE OR DELETE ON lg.blessing FOR EACH ROW EXECUTE FUNCTION lg.refuse();
CREATE TRIGGER record_stays BEFORE UPDATE OR DELETE ON lg.record FOR EACH ROW EXECUTE FUNCTION lg.refuse();

-- One row a snapshot. pass_rate: mean over cases of the share of graded trials that passed; NULL when nothing was graded, or while it runs.
-- cost_usd, judge_cost_usd: NULL = unknown for at least one trial.
CREATE VIEW lg.v_snapshots AS
SELECT s.id, s.purpose, u.name AS suite, u.hash AS suite_hash, r.name AS release, r.fingerprint, s.exam, s.started_at, s.finished_at, s.state,
       s.validity, s.validity_reasons, u.cases, s.planned_trials, (c ->> 'trials')::int AS trials, (c ->> 'answered')::int AS answered,
       (c ->> 'failed')::int AS failed, (c ->> 'skipped')::int AS skipped, (c ->> 'ungraded')::int AS ungraded,
       (c ->> 'passShareSum')::float8 / nullif((c ->> 'gradedCases')::int, 0) AS pass_rate,
       (c ->> 'scoreMeanSum')::float8 / nullif((c ->> 'gradedCases')::int, 0) AS mean_score,
       (c ->> 'calls')::int AS calls,
       CASE WHEN (c ->> 'costUnknown')::int = 0 THEN (c ->> 'costUsd')::float8 END AS cost_usd,
       CASE WHEN (c ->> 'judgeUnknown')::int = 0 THEN (c ->> 'judgeUsd')::float8 END AS judge_cost_usd,
       s.labels, s.imported
FROM lg.snapshot s JOIN lg.suite u ON u.id = s.suite JOIN lg.release r ON r.id = s.release, LATERAL (SELECT s.counts::json AS c) counted;

-- One row a case of a snapshot, whether or not it was tried. tags is a JSON array.
CREATE VIEW lg.v_cases AS
SELECT s.id AS snapshot, v.case_id, v.tags, v.grp, v.critical, v.trials AS planned_trials, v.min_pass_rate
FROM lg.snapshot s JOIN lg.suite_case c ON c.suite = s.suite JOIN lg.case_version v ON v.id = c.case_version;

-- One row a trial. status is answered, failed or skipped; pass is NULL where it was not graded; output_json is the answer as JSON.
CREATE VIEW lg.v_trials AS
SELECT s.id AS snapshot, v.case_id, t.trial,
       CASE WHEN t.outcome = 1 THEN 'answered' WHEN t.outcome <= 4 THEN 'failed' ELSE 'skipped' END AS status,
       CASE t.outcome WHEN 2 THEN 'app_error' WHEN 3 THEN 'infra_error' WHEN 4 THEN 'timeout'
                      WHEN 5 THEN 'budget' WHEN 6 THEN 'cancelled' WHEN 7 THEN 'deadline' END AS cause,
       t.code, t.message, t.pass, t.score, t.ungraded, t.length, t.refusal, t.latency_ms, t.cost_usd, t.judge_usd AS judge_cost_usd,
       t.output_tokens, t.stop_reason, t.request_id, t.calls, to_timestamp(t.started_ms / 1000.0) AS started_at,
       encode(t.output, 'hex') AS output_hash, convert_from(o.body, 'UTF8') AS output_json
FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot
     JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN lg.case_version v ON v.id = c.case_version
     LEFT JOIN lg.content o ON o.sha256 = t.output;
`;

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'ledger', sql: LEDGER },
  { version: 2, name: 'observations', sql: OBSERVATIONS },
  { version: 3, name: 'shipping', sql: SHIPPING },
  { version: 4, name: 'guard', sql: GUARD },
  { version: 5, name: 'forgetting', sql: FORGETTING },
  { version: 6, name: 'views', sql: VIEWS },
];
