// Migrations 3 and 4: shipping and the guard of agents. What people decided about what users get, and every decision about an agent's action.

// As in SQLite's ledger (`../sqlite/migration-shipping.ts`, `migration-guard.ts`). `shipping_change.no` has no gaps, so it is no identity.
const keptTriggers = (tables: readonly string[]): string =>
  tables
    .map(
      (table) =>
        `CREATE TRIGGER ${table}_stays BEFORE UPDATE OR DELETE ON lg.${table} FOR EACH ROW EXECUTE FUNCTION lg.refuse();`,
    )
    .join('\n');

export const SHIPPING = `
CREATE TABLE lg.shipping_change (
  no          bigint PRIMARY KEY,
  kind        text COLLATE "C" NOT NULL,
  feature     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  at          text COLLATE "C" NOT NULL,
  by_whom     text COLLATE "C" NOT NULL,
  why         text COLLATE "C" NOT NULL,
  body        text COLLATE "C" NOT NULL,
  seal        bytea NOT NULL CHECK (length(seal) = 32)
);
CREATE INDEX shipping_change_by_name ON lg.shipping_change (kind, feature, environment, name);
${keptTriggers(['shipping_change'])}
`;

export const GUARD = `
CREATE TABLE lg.approval (
  no          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id          text COLLATE "C" PRIMARY KEY,
  at          bigint NOT NULL,
  feature     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  agent       text COLLATE "C",
  action      text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  impact      double precision,
  above       double precision
);
CREATE INDEX approval_by_action ON lg.approval (feature, action, key);

CREATE TABLE lg.approval_answer (
  approval text COLLATE "C" PRIMARY KEY REFERENCES lg.approval (id),
  granted  boolean NOT NULL,
  by_whom  text COLLATE "C" NOT NULL,
  why      text COLLATE "C" NOT NULL,
  at       bigint NOT NULL
);

CREATE TABLE lg.guard_decision (
  no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          bigint NOT NULL,
  feature     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  agent       text COLLATE "C",
  action      text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  impact      double precision,
  outcome     text COLLATE "C" NOT NULL,
  reason      text COLLATE "C" NOT NULL,
  approval    text COLLATE "C" REFERENCES lg.approval (id)
);
CREATE INDEX guard_decision_allowed ON lg.guard_decision (feature, environment, action, at) WHERE outcome = 'allowed';

CREATE TABLE lg.guard_used (
  approval text COLLATE "C" PRIMARY KEY REFERENCES lg.approval (id),
  decision bigint NOT NULL REFERENCES lg.guard_decision (no)
);

CREATE TABLE lg.guard_end (
  decision  bigint PRIMARY KEY REFERENCES lg.guard_decision (no),
  succeeded boolean NOT NULL,
  at        bigint NOT NULL
);
${keptTriggers(['guard_decision', 'guard_end', 'guard_used', 'approval', 'approval_answer'])}
`;
