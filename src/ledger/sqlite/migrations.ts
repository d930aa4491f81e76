// The ledger's schema: numbered migrations in order, as plain SQL. A migration that was ever released is never edited; a change is a new number.
//
// Public to people who write their own SQL: the views `v_snapshots`, `v_cases`, `v_trials`, `v_grades`, `v_rollups` and `v_observations`. Their columns
// are only ever added to. The tables under them are private and may change with any migration.

import { GUARD } from './migration-guard.ts';
import { OBSERVATIONS } from './migration-observations.ts';
import { SEALS } from './migration-seals.ts';
import { SHIPPING } from './migration-shipping.ts';
import { SINGLE_TRIALS, UPKEEP, VECTORS } from './migration-upkeep.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** `LGLD`: how a ledger is told from any other SQLite file. */
export const APPLICATION_ID = 0x4c474c44;

// How things are kept:
// - content: a JSON value under the SHA-256 of its canonical form, once. `encoding` says how the body is written: 0 = canonical JSON,
//   1 = the value is this text, 2 = the value is the output `{text: <body>, toolCalls: []}`.
// - document: a JSON value whose long texts are content of their own; `shape` is the rest, `parts` the JSON array of their content ids.
// - word: short strings that come back in thousands of rows.
// - grading: one distinct list of grades. A night that changed nothing adds no grade row, only a reference.
// - trial.outcome: 1 answered · 2 app_error · 3 infra_error · 4 timeout (failed) · 5 budget · 6 cancelled · 7 deadline (skipped).
// - Hash columns typed ANY hold 32 bytes where the value is 64 lower-case hex digits, else the text itself.
const LEDGER = `
CREATE TABLE word (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE content (
  id       INTEGER PRIMARY KEY,
  sha256   BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  encoding INTEGER NOT NULL,
  body     ANY NOT NULL
) STRICT;

CREATE TABLE document (
  id    INTEGER PRIMARY KEY,
  shape INTEGER NOT NULL REFERENCES content (id),
  parts TEXT NOT NULL,
  UNIQUE (shape, parts)
) STRICT;

CREATE TABLE release (
  id           INTEGER PRIMARY KEY,
  document     INTEGER NOT NULL UNIQUE REFERENCES document (id),
  name         TEXT NOT NULL,
  fingerprint  TEXT NOT NULL,
  layer_hashes TEXT NOT NULL,
  pinned       INTEGER NOT NULL
) STRICT;

CREATE TABLE suite (
  id     INTEGER PRIMARY KEY,
  key    BLOB NOT NULL UNIQUE,
  name   TEXT NOT NULL,
  hash   TEXT NOT NULL,
  header INTEGER NOT NULL REFERENCES document (id),
  cases  INTEGER NOT NULL
) STRICT;
CREATE INDEX suite_by_name ON suite (name);

CREATE TABLE case_version (
  id            INTEGER PRIMARY KEY,
  key           BLOB NOT NULL UNIQUE,
  case_id       TEXT NOT NULL,
  tags          INTEGER NOT NULL REFERENCES word (id),
  grp           INTEGER REFERENCES word (id),
  critical      INTEGER NOT NULL,
  trials        INTEGER NOT NULL,
  min_pass_rate REAL,
  content_hash  ANY NOT NULL,
  graders_hash  ANY NOT NULL,
  shape         TEXT NOT NULL,
  parts         TEXT NOT NULL
) STRICT;

CREATE TABLE suite_case (
  suite        INTEGER NOT NULL REFERENCES suite (id),
  case_no      INTEGER NOT NULL,
  case_version INTEGER NOT NULL REFERENCES case_version (id),
  file         INTEGER REFERENCES word (id),
  line         INTEGER,
  col          INTEGER,
  place        TEXT,
  PRIMARY KEY (suite, case_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
  no                INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  purpose           TEXT NOT NULL,
  suite             INTEGER NOT NULL REFERENCES suite (id),
  release           INTEGER NOT NULL REFERENCES release (id),
  judge             INTEGER REFERENCES release (id),
  embedder          INTEGER REFERENCES release (id),
  exam              TEXT NOT NULL,
  exam_book         INTEGER NOT NULL REFERENCES content (id),
  started_at        TEXT NOT NULL,
  started_ms        INTEGER NOT NULL,
  planned_trials    INTEGER NOT NULL,
  seed              REAL NOT NULL,
  labels            TEXT NOT NULL,
  environment       TEXT NOT NULL,
  finished_at       TEXT,
  state             TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished', 'interrupted')),
  validity          TEXT NOT NULL DEFAULT 'invalid' CHECK (validity IN ('valid', 'degraded', 'invalid')),
  validity_reasons  TEXT NOT NULL DEFAULT '[]',
  findings          TEXT NOT NULL DEFAULT '[]',
  trials            INTEGER NOT NULL DEFAULT 0,
  answered          INTEGER NOT NULL DEFAULT 0,
  failed            INTEGER NOT NULL DEFAULT 0,
  skipped           INTEGER NOT NULL DEFAULT 0,
  ungraded          INTEGER NOT NULL DEFAULT 0,
  calls             INTEGER NOT NULL DEFAULT 0,
  cost_usd          REAL NOT NULL DEFAULT 0,
  cost_unknown      INTEGER NOT NULL DEFAULT 0,
  judge_usd         REAL NOT NULL DEFAULT 0,
  judge_unknown     INTEGER NOT NULL DEFAULT 0,
  graded_cases      INTEGER NOT NULL DEFAULT 0,
  pass_share_sum    REAL NOT NULL DEFAULT 0,
  score_mean_sum    REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX snapshot_by_suite ON snapshot (suite, started_ms);
CREATE INDEX snapshot_by_start ON snapshot (started_ms);

CREATE TABLE served (
  id                 INTEGER PRIMARY KEY,
  key                TEXT NOT NULL UNIQUE,
  model              TEXT,
  system_fingerprint TEXT,
  service_tier       TEXT,
  region             TEXT,
  simulated          INTEGER
) STRICT;

CREATE TABLE snapshot_served (
  snapshot INTEGER NOT NULL REFERENCES snapshot (no),
  served   INTEGER NOT NULL REFERENCES served (id),
  PRIMARY KEY (snapshot, served)
) STRICT, WITHOUT ROWID;

CREATE TABLE grading (
  id       INTEGER PRIMARY KEY,
  key      BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE grade (
  grading INTEGER NOT NULL REFERENCES grading (id),
  no      INTEGER NOT NULL,
  grader  INTEGER NOT NULL REFERENCES word (id),
  type    INTEGER NOT NULL REFERENCES word (id),
  weight  REAL NOT NULL,
  required INTEGER NOT NULL,
  pass    INTEGER,
  score   REAL,
  cause   INTEGER REFERENCES word (id),
  reason  TEXT NOT NULL,
  details TEXT,
  PRIMARY KEY (grading, no)
) STRICT, WITHOUT ROWID;

CREATE TABLE trial (
  snapshot           INTEGER NOT NULL REFERENCES snapshot (no),
  case_no            INTEGER NOT NULL,
  trial              INTEGER NOT NULL,
  outcome            INTEGER NOT NULL,
  pass               INTEGER,
  score              REAL,
  ungraded           INTEGER REFERENCES word (id),
  length             INTEGER,
  refusal            INTEGER,
  latency_ms         REAL,
  cost_usd           REAL,
  judge_usd          REAL,
  stop_reason        INTEGER REFERENCES word (id),
  served             INTEGER REFERENCES served (id),
  request_id         TEXT,
  usage_known        INTEGER,
  input_tokens       INTEGER,
  output_tokens      INTEGER,
  cached_tokens      INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens   INTEGER,
  dropped_params     INTEGER REFERENCES word (id),
  output             INTEGER REFERENCES content (id),
  sent               INTEGER REFERENCES document (id),
  grading            INTEGER REFERENCES grading (id),
  code               INTEGER REFERENCES word (id),
  message            TEXT,
  calls              INTEGER NOT NULL,
  started_ms         INTEGER,
  attempts           ANY NOT NULL,
  PRIMARY KEY (snapshot, case_no, trial)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup (
  snapshot  INTEGER NOT NULL REFERENCES snapshot (no),
  case_no   INTEGER NOT NULL,
  grader    INTEGER NOT NULL,
  scored    INTEGER NOT NULL,
  passed    INTEGER NOT NULL,
  ungraded  INTEGER NOT NULL,
  score_sum REAL NOT NULL,
  PRIMARY KEY (snapshot, case_no, grader)
) STRICT, WITHOUT ROWID;

CREATE TABLE blessing (
  no       INTEGER PRIMARY KEY,
  snapshot INTEGER NOT NULL REFERENCES snapshot (no),
  suite    TEXT NOT NULL,
  by_whom  TEXT NOT NULL,
  why      TEXT NOT NULL,
  at       TEXT NOT NULL,
  overrode TEXT NOT NULL
) STRICT;
CREATE INDEX blessing_by_suite ON blessing (suite);

CREATE TABLE verdict (
  key  TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL,
  at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
  no    INTEGER PRIMARY KEY,
  kind  TEXT NOT NULL,
  suite TEXT NOT NULL,
  at    TEXT NOT NULL,
  body  TEXT NOT NULL
) STRICT;
CREATE INDEX record_by_kind ON record (kind, suite);

CREATE TRIGGER snapshot_finished_stays BEFORE UPDATE ON snapshot WHEN OLD.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished snapshot never changes'); END;
CREATE TRIGGER snapshot_finished_kept BEFORE DELETE ON snapshot WHEN OLD.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished snapshot is not deleted'); END;
CREATE TRIGGER trial_added_while_running BEFORE INSERT ON trial
  WHEN (SELECT state FROM snapshot WHERE no = NEW.snapshot) IS NOT 'running'
BEGIN SELECT RAISE(ABORT, 'trials are only added to a running snapshot'); END;
CREATE TRIGGER trial_stays BEFORE UPDATE ON trial
BEGIN SELECT RAISE(ABORT, 'a trial never changes'); END;
CREATE TRIGGER trial_of_finished_kept BEFORE DELETE ON trial
  WHEN (SELECT state FROM snapshot WHERE no = OLD.snapshot) = 'finished'
BEGIN SELECT RAISE(ABORT, 'a trial of a finished snapshot is not deleted'); END;
CREATE TRIGGER served_of_finished_stays BEFORE INSERT ON snapshot_served
  WHEN (SELECT state FROM snapshot WHERE no = NEW.snapshot) = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished snapshot never changes'); END;
CREATE TRIGGER rollup_added_before_finish BEFORE INSERT ON rollup
  WHEN (SELECT state FROM snapshot WHERE no = NEW.snapshot) = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished snapshot never changes'); END;
CREATE TRIGGER rollup_stays BEFORE UPDATE ON rollup
BEGIN SELECT RAISE(ABORT, 'a rollup never changes'); END;
CREATE TRIGGER rollup_of_finished_kept BEFORE DELETE ON rollup
  WHEN (SELECT state FROM snapshot WHERE no = OLD.snapshot) = 'finished'
BEGIN SELECT RAISE(ABORT, 'a rollup of a finished snapshot is not deleted'); END;
CREATE TRIGGER grade_stays BEFORE UPDATE ON grade
BEGIN SELECT RAISE(ABORT, 'a grade never changes'); END;
CREATE TRIGGER grade_kept BEFORE DELETE ON grade
  WHEN EXISTS (SELECT 1 FROM trial JOIN snapshot ON snapshot.no = trial.snapshot
               WHERE trial.grading = OLD.grading AND snapshot.state = 'finished')
BEGIN SELECT RAISE(ABORT, 'a grade of a finished snapshot is not deleted'); END;
CREATE TRIGGER content_stays BEFORE UPDATE ON content
BEGIN SELECT RAISE(ABORT, 'content never changes'); END;
CREATE TRIGGER document_stays BEFORE UPDATE ON document
BEGIN SELECT RAISE(ABORT, 'a document never changes'); END;
CREATE TRIGGER case_version_stays BEFORE UPDATE ON case_version
BEGIN SELECT RAISE(ABORT, 'a case version never changes'); END;
CREATE TRIGGER suite_case_stays BEFORE UPDATE ON suite_case
BEGIN SELECT RAISE(ABORT, 'a stored suite never changes'); END;
CREATE TRIGGER suite_stays BEFORE UPDATE ON suite
BEGIN SELECT RAISE(ABORT, 'a stored suite never changes'); END;
CREATE TRIGGER release_stays BEFORE UPDATE ON release
BEGIN SELECT RAISE(ABORT, 'a stored release never changes'); END;
CREATE TRIGGER blessing_stays BEFORE UPDATE ON blessing
BEGIN SELECT RAISE(ABORT, 'the log of blessings is only added to'); END;
CREATE TRIGGER blessing_kept BEFORE DELETE ON blessing
BEGIN SELECT RAISE(ABORT, 'the log of blessings is only added to'); END;
CREATE TRIGGER record_stays BEFORE UPDATE ON record
BEGIN SELECT RAISE(ABORT, 'records are only added to'); END;

-- One row a snapshot. pass_rate: mean over cases of the share of graded trials that passed; NULL when nothing was graded.
-- cost_usd, judge_cost_usd: NULL = unknown for at least one trial.
CREATE VIEW v_snapshots AS
SELECT s.id, s.purpose, u.name AS suite, u.hash AS suite_hash, r.name AS release, r.fingerprint, s.exam,
       s.started_at, s.finished_at, s.state, s.validity, s.validity_reasons, u.cases, s.planned_trials, s.trials,
       s.answered, s.failed, s.skipped, s.ungraded,
       CASE WHEN s.graded_cases > 0 THEN s.pass_share_sum / s.graded_cases END AS pass_rate,
       CASE WHEN s.graded_cases > 0 THEN s.score_mean_sum / s.graded_cases END AS mean_score,
       s.calls,
       CASE WHEN s.cost_unknown = 0 THEN s.cost_usd END AS cost_usd,
       CASE WHEN s.judge_unknown = 0 THEN s.judge_usd END AS judge_cost_usd,
       s.labels
FROM snapshot s JOIN suite u ON u.id = s.suite JOIN release r ON r.id = s.release;

-- One row a case of a snapshot, whether or not it was tried. tags is a JSON array.
CREATE VIEW v_cases AS
SELECT s.id AS snapshot, v.case_id, tags.text AS tags, grp.text AS grp, v.critical, v.trials AS planned_trials, v.min_pass_rate
FROM snapshot s JOIN suite_case c ON c.suite = s.suite JOIN case_version v ON v.id = c.case_version
     JOIN word tags ON tags.id = v.tags LEFT JOIN word grp ON grp.id = v.grp;

-- One row a trial. status is answered, failed or skipped; pass is 1, 0 or NULL (not graded); output is the text of the answer.
CREATE VIEW v_trials AS
SELECT s.id AS snapshot, v.case_id, t.trial,
       CASE WHEN t.outcome = 1 THEN 'answered' WHEN t.outcome <= 4 THEN 'failed' ELSE 'skipped' END AS status,
       CASE t.outcome WHEN 2 THEN 'app_error' WHEN 3 THEN 'infra_error' WHEN 4 THEN 'timeout'
                      WHEN 5 THEN 'budget' WHEN 6 THEN 'cancelled' WHEN 7 THEN 'deadline' END AS cause,
       code.text AS code, t.message, t.pass, t.score, ungraded.text AS ungraded, t.length, t.refusal, t.latency_ms,
       t.cost_usd, t.judge_usd AS judge_cost_usd, t.input_tokens, t.output_tokens, t.cached_tokens, t.reasoning_tokens,
       stop.text AS stop_reason, d.model AS served_model, d.system_fingerprint, d.simulated, t.request_id, t.calls,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.started_ms / 1000.0, 'unixepoch') AS started_at,
       lower(hex(o.sha256)) AS output_hash,
       CASE o.encoding WHEN 2 THEN o.body WHEN 0 THEN json_extract(o.body, '$.text') END AS output
FROM trial t JOIN snapshot s ON s.no = t.snapshot
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
     LEFT JOIN word code ON code.id = t.code LEFT JOIN word ungraded ON ungraded.id = t.ungraded
     LEFT JOIN word stop ON stop.id = t.stop_reason LEFT JOIN served d ON d.id = t.served LEFT JOIN content o ON o.id = t.output;

-- One row a grade. pass and score are NULL where the grader could not measure; cause says why. reason may quote the model: treat it as text.
CREATE VIEW v_grades AS
SELECT s.id AS snapshot, v.case_id, t.trial, g.no, grader.text AS grader, type.text AS type, g.required, g.weight,
       CASE WHEN g.cause IS NULL THEN 'scored' ELSE 'ungraded' END AS status, cause.text AS cause, g.pass, g.score, g.reason, g.details
FROM trial t JOIN snapshot s ON s.no = t.snapshot
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
     JOIN grade g ON g.grading = t.grading
     JOIN word grader ON grader.id = g.grader JOIN word type ON type.id = g.type LEFT JOIN word cause ON cause.id = g.cause;

-- Of ended snapshots: sums over the trials of a case, per grader; grader NULL = the trials as a whole.
CREATE VIEW v_rollups AS
SELECT s.id AS snapshot, v.case_id, grader.text AS grader, p.scored, p.passed, p.ungraded, p.score_sum
FROM rollup p JOIN snapshot s ON s.no = p.snapshot
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = p.case_no JOIN case_version v ON v.id = c.case_version
     LEFT JOIN word grader ON grader.id = p.grader;
`;

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'ledger', sql: LEDGER },
  { version: 2, name: 'upkeep', sql: UPKEEP },
  { version: 3, name: 'embedding vectors', sql: VECTORS },
  { version: 4, name: 'single trials', sql: SINGLE_TRIALS },
  { version: 5, name: 'seals', sql: SEALS },
  { version: 6, name: 'observations', sql: OBSERVATIONS },
  { version: 7, name: 'shipping', sql: SHIPPING },
  { version: 8, name: 'guard', sql: GUARD },
];

/** The schema this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;
