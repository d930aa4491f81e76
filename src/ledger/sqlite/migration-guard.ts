// Migration 8: the guard of agents. Every decision, approvals with their answers, and how allowed actions ended.

// How things are kept:
// - guard_decision.at, approval.at, …: milliseconds since 1970.
// - guard_used: an approval is used once, by the decision that allowed its action.
const KEPT = ['guard_decision', 'guard_end', 'guard_used', 'approval', 'approval_answer']
  .map(
    (table) => `
CREATE TRIGGER ${table}_stays BEFORE UPDATE ON ${table} WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'the log of the guard is only added to'); END;
CREATE TRIGGER ${table}_kept BEFORE DELETE ON ${table}
BEGIN SELECT RAISE(ABORT, 'the log of the guard is only added to'); END;`,
  )
  .join('');

export const GUARD = `
CREATE TABLE approval (
  id          TEXT NOT NULL PRIMARY KEY,
  at          INTEGER NOT NULL,
  feature     TEXT NOT NULL,
  environment TEXT NOT NULL,
  agent       TEXT,
  action      TEXT NOT NULL,
  key         TEXT NOT NULL,
  impact      REAL,
  above       REAL
) STRICT;
CREATE INDEX approval_by_action ON approval (feature, action, key);

CREATE TABLE approval_answer (
  approval TEXT NOT NULL PRIMARY KEY REFERENCES approval (id),
  granted  INTEGER NOT NULL,
  by_whom  TEXT NOT NULL,
  why      TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;

CREATE TABLE guard_decision (
  no          INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  feature     TEXT NOT NULL,
  environment TEXT NOT NULL,
  agent       TEXT,
  action      TEXT NOT NULL,
  key         TEXT NOT NULL,
  impact      REAL,
  outcome     TEXT NOT NULL,
  reason      TEXT NOT NULL,
  approval    TEXT REFERENCES approval (id)
) STRICT;
CREATE INDEX guard_decision_allowed ON guard_decision (feature, environment, action, at) WHERE outcome = 'allowed';

CREATE TABLE guard_used (
  approval TEXT NOT NULL PRIMARY KEY REFERENCES approval (id),
  decision INTEGER NOT NULL REFERENCES guard_decision (no)
) STRICT;

CREATE TABLE guard_end (
  decision  INTEGER PRIMARY KEY REFERENCES guard_decision (no),
  succeeded INTEGER NOT NULL,
  at        INTEGER NOT NULL
) STRICT;
${KEPT}
`;
