// Migration 7: shipping. The log of what people decided about what users get: pointers, deprecations, flags, stops.

// How things are kept:
// - no: without gaps, because nothing is removed; the newest is the generation that servers and their listeners compare.
// - seal: the digest of the row, so that a damaged page cannot change what is served.
export const SHIPPING = `
CREATE TABLE shipping_change (
  no          INTEGER PRIMARY KEY,
  kind        TEXT NOT NULL,
  feature     TEXT NOT NULL,
  environment TEXT NOT NULL,
  name        TEXT NOT NULL,
  at          TEXT NOT NULL,
  by_whom     TEXT NOT NULL,
  why         TEXT NOT NULL,
  body        TEXT NOT NULL,
  seal        BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;
CREATE INDEX shipping_change_by_name ON shipping_change (kind, feature, environment, name);

INSERT INTO sealed (what, from_no, rows) VALUES ('shipping_change', 1, 0);
CREATE TRIGGER shipping_change_counted AFTER INSERT ON shipping_change
BEGIN UPDATE sealed SET rows = rows + 1 WHERE what = 'shipping_change'; END;
CREATE TRIGGER shipping_change_stays BEFORE UPDATE ON shipping_change WHEN NOT EXISTS (SELECT 1 FROM maintenance)
BEGIN SELECT RAISE(ABORT, 'the log of shipping is only added to'); END;
CREATE TRIGGER shipping_change_kept BEFORE DELETE ON shipping_change
BEGIN SELECT RAISE(ABORT, 'the log of shipping is only added to'); END;
`;
