// Migrations 2 to 4: upkeep, embedding vectors, and cases with one trial.

// Version 2. Encodings: 3 = a text, deflated · 8 = canonical JSON out of which a text was taken · 9 = the body was removed (its hash
// stays, so that scores and comparisons survive it).
// What never changes may change while `maintenance` holds a row, which is only within a transaction of pruning or forgetting.
export const UPKEEP = `
ALTER TABLE snapshot ADD COLUMN app_errors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE snapshot ADD COLUMN trials_per_case INTEGER;

CREATE TABLE maintenance (why TEXT NOT NULL) STRICT;

DROP TRIGGER snapshot_finished_stays;
UPDATE snapshot SET app_errors = (SELECT count(*) FROM trial WHERE trial.snapshot = snapshot.no AND trial.outcome = 2);
CREATE TRIGGER snapshot_finished_stays BEFORE UPDATE ON snapshot WHEN OLD.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished snapshot never changes'); END;

DROP TRIGGER trial_stays;
CREATE TRIGGER trial_stays BEFORE UPDATE ON trial WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a trial never changes'); END;
DROP TRIGGER grade_stays;
CREATE TRIGGER grade_stays BEFORE UPDATE ON grade WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a grade never changes'); END;
DROP TRIGGER content_stays;
CREATE TRIGGER content_stays BEFORE UPDATE ON content
  WHEN OLD.sha256 IS NOT NEW.sha256 OR (OLD.encoding < 8 AND NOT EXISTS (SELECT 1 FROM maintenance))
BEGIN SELECT RAISE(ABORT, 'content never changes'); END;
DROP TRIGGER case_version_stays;
CREATE TRIGGER case_version_stays BEFORE UPDATE ON case_version WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'a case version never changes'); END;
DROP TRIGGER record_stays;
CREATE TRIGGER record_stays BEFORE UPDATE ON record WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'records are only added to'); END;
`;

// Version 3. embedder: the fingerprint of its release, a word. vector: little-endian float32; empty for an answer that says nothing.
// A vector tells what its text says, so it goes with the text, whoever takes that out.
export const VECTORS = `
CREATE TABLE embedding (
  id       INTEGER PRIMARY KEY,
  embedder INTEGER NOT NULL REFERENCES word (id),
  output   INTEGER NOT NULL REFERENCES content (id),
  vector   BLOB NOT NULL CHECK (length(vector) % 4 = 0),
  UNIQUE (output, embedder)
) STRICT;

CREATE TRIGGER embedding_stays BEFORE UPDATE ON embedding
BEGIN SELECT RAISE(ABORT, 'a vector never changes'); END;
CREATE TRIGGER embedding_goes_with_its_text AFTER UPDATE ON content WHEN NEW.encoding >= 8
BEGIN DELETE FROM embedding WHERE output = NEW.id; END;
CREATE TRIGGER embedding_goes_with_its_row AFTER DELETE ON content
BEGIN DELETE FROM embedding WHERE output = OLD.id; END;
`;

// Version 4. A case with one trial is its own sum, so it has no rollup row any more; snapshots that ended before keep theirs. Each part of the
// view is joined by itself, so that a query about one snapshot reads no other.
export const SINGLE_TRIALS = `
DROP VIEW v_rollups;
CREATE VIEW v_rollups AS
SELECT s.id AS snapshot, v.case_id, grader.text AS grader, p.scored, p.passed, p.ungraded, p.score_sum
FROM snapshot s JOIN rollup p ON p.snapshot = s.no
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = p.case_no JOIN case_version v ON v.id = c.case_version
     LEFT JOIN word grader ON grader.id = p.grader
UNION ALL
SELECT s.id, v.case_id, NULL, t.pass IS NOT NULL, coalesce(t.pass, 0), t.pass IS NULL, coalesce(t.score, 0.0)
FROM snapshot s JOIN trial t ON t.snapshot = s.no
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
WHERE s.state <> 'running' AND t.outcome = 1
  AND NOT EXISTS (SELECT 1 FROM rollup p WHERE p.snapshot = t.snapshot AND p.case_no = t.case_no)
UNION ALL
SELECT s.id, v.case_id, grader.text, g.pass IS NOT NULL, coalesce(g.pass, 0), g.pass IS NULL, coalesce(g.score, 0.0)
FROM snapshot s JOIN trial t ON t.snapshot = s.no
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
     JOIN grade g ON g.grading = t.grading JOIN word grader ON grader.id = g.grader
WHERE s.state <> 'running'
  AND NOT EXISTS (SELECT 1 FROM rollup p WHERE p.snapshot = t.snapshot AND p.case_no = t.case_no);
`;
