// Migration 5: digests of what was measured, and snapshots that came out of files.

// Version 5. A snapshot that came out of a file is marked `imported`. Seals are SHA-256 digests of what a verdict rests on, see seals.ts; NULL =
// written before version 5. `sealed` says from which number on a row must have one, and how many rows there are: a damaged page must not
// hide a row. What people and models wrote may be taken out under `maintenance`, wherever it stands.
export const SEALS = `
ALTER TABLE snapshot ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
ALTER TABLE snapshot ADD COLUMN seal BLOB;
ALTER TABLE snapshot ADD COLUMN texts_seal BLOB;
ALTER TABLE blessing ADD COLUMN seal BLOB;
ALTER TABLE record ADD COLUMN seal BLOB;
ALTER TABLE embedding ADD COLUMN seal BLOB;

CREATE TABLE imported_blessing (
  no          INTEGER PRIMARY KEY,
  snapshot    INTEGER NOT NULL REFERENCES snapshot (no),
  suite       TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  by_whom     TEXT NOT NULL,
  why         TEXT NOT NULL,
  at          TEXT NOT NULL,
  overrode    TEXT NOT NULL,
  UNIQUE (snapshot, at, by_whom, why)
) STRICT;

CREATE TABLE sealed (
  what    TEXT NOT NULL PRIMARY KEY,
  from_no INTEGER NOT NULL,
  rows    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sealed SELECT 'snapshot', coalesce(max(no), 0) + 1, count(*) FROM snapshot;
INSERT INTO sealed SELECT 'blessing', coalesce(max(no), 0) + 1, count(*) FROM blessing;
INSERT INTO sealed SELECT 'record', coalesce(max(no), 0) + 1, count(*) FROM record;
INSERT INTO sealed SELECT 'record ' || kind || ' ' || suite, 0, count(*) FROM record GROUP BY kind, suite;

CREATE TRIGGER snapshot_counted AFTER INSERT ON snapshot BEGIN UPDATE sealed SET rows = rows + 1 WHERE what = 'snapshot'; END;
CREATE TRIGGER snapshot_counted_off AFTER DELETE ON snapshot BEGIN UPDATE sealed SET rows = rows - 1 WHERE what = 'snapshot'; END;
CREATE TRIGGER blessing_counted AFTER INSERT ON blessing BEGIN UPDATE sealed SET rows = rows + 1 WHERE what = 'blessing'; END;
CREATE TRIGGER record_counted AFTER INSERT ON record BEGIN
  UPDATE sealed SET rows = rows + 1 WHERE what = 'record';
  INSERT INTO sealed (what, from_no, rows) VALUES ('record ' || NEW.kind || ' ' || NEW.suite, 0, 1) ON CONFLICT (what) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER record_counted_off AFTER DELETE ON record BEGIN
  UPDATE sealed SET rows = rows - 1 WHERE what IN ('record', 'record ' || OLD.kind || ' ' || OLD.suite);
END;

DROP TRIGGER snapshot_finished_stays;
CREATE TRIGGER snapshot_finished_stays BEFORE UPDATE ON snapshot WHEN OLD.state = 'finished' AND NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a finished snapshot never changes'); END;
DROP TRIGGER suite_case_stays;
CREATE TRIGGER suite_case_stays BEFORE UPDATE ON suite_case WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a stored suite never changes'); END;
DROP TRIGGER suite_stays;
CREATE TRIGGER suite_stays BEFORE UPDATE ON suite WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a stored suite never changes'); END;
DROP TRIGGER release_stays;
CREATE TRIGGER release_stays BEFORE UPDATE ON release WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a stored release never changes'); END;
DROP TRIGGER blessing_stays;
CREATE TRIGGER blessing_stays BEFORE UPDATE ON blessing WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'the log of blessings is only added to'); END;

DROP VIEW v_snapshots;
CREATE VIEW v_snapshots AS
SELECT s.id, s.purpose, u.name AS suite, u.hash AS suite_hash, r.name AS release, r.fingerprint, s.exam,
       s.started_at, s.finished_at, s.state, s.validity, s.validity_reasons, u.cases, s.planned_trials, s.trials,
       s.answered, s.failed, s.skipped, s.ungraded,
       CASE WHEN s.graded_cases > 0 THEN s.pass_share_sum / s.graded_cases END AS pass_rate,
       CASE WHEN s.graded_cases > 0 THEN s.score_mean_sum / s.graded_cases END AS mean_score,
       s.calls,
       CASE WHEN s.cost_unknown = 0 THEN s.cost_usd END AS cost_usd,
       CASE WHEN s.judge_unknown = 0 THEN s.judge_usd END AS judge_cost_usd,
       s.labels, s.imported
FROM snapshot s JOIN suite u ON u.id = s.suite JOIN release r ON r.id = s.release;
`;
