// Migration 5: what never changes may change within a transaction that takes a text out of the ledger.

// `lastgood.forgetting` is a setting of that transaction alone, as SQLite's ledger has a row in `maintenance` for its length. Only documents
// may be deleted by it: the one without the text has another hash.
export const FORGETTING = `
CREATE OR REPLACE FUNCTION lg.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('lastgood.forgetting', true) = 'on' THEN
    IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
    IF TG_TABLE_NAME = 'document' THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION 'lastgood: rows of % never change', TG_TABLE_NAME;
END $$;
CREATE OR REPLACE FUNCTION lg.refuse_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT state FROM lg.snapshot WHERE no = OLD.snapshot) = 'running' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND current_setting('lastgood.forgetting', true) = 'on' THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'lastgood: a trial of an ended snapshot never changes';
END $$;
`;
