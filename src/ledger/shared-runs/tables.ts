// The tables of shared runs: in a schema of their own beside the ledger's, with those of the queue. They hold nothing once a run has ended.

/** `lq.` stands for the schema. */
export const TABLES = `
CREATE TABLE IF NOT EXISTS lq.run (
  id             text PRIMARY KEY,
  started        boolean NOT NULL DEFAULT false,
  at             timestamptz NOT NULL DEFAULT now(),
  settings       text NOT NULL,
  max_calls      bigint,
  max_usd        double precision,
  bound_usd      double precision NOT NULL,
  per_second     double precision,
  stop           text,
  failure        text,
  calls          bigint NOT NULL DEFAULT 0,
  -- What counts against max_usd: ended calls at their cost, the others at what is kept in hand.
  charged_usd    double precision NOT NULL DEFAULT 0,
  known_usd      double precision NOT NULL DEFAULT 0,
  unpriced       bigint NOT NULL DEFAULT 0,
  dropped_params text NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS lq.worker (
  id        text PRIMARY KEY,
  lock_key  bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS lq.share (
  run       text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  worker    text NOT NULL,
  in_flight integer NOT NULL DEFAULT 0,
  refusal   text,
  PRIMARY KEY (run, worker)
);
CREATE TABLE IF NOT EXISTS lq.held (
  job    text PRIMARY KEY,
  run    text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  worker text NOT NULL
);
CREATE TABLE IF NOT EXISTS lq.service (
  name       text PRIMARY KEY,
  per_second double precision,
  next_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE OR REPLACE FUNCTION lq.alive(p_worker text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM lq.worker w JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((l.classid::bigint << 32) | l.objid::bigint) = w.lock_key
    WHERE w.id = p_worker)
$$;
-- Limits are kept, and calls counted, under the lock of the run's row. The clock is the server's, so that workers need not agree on the time.
CREATE OR REPLACE FUNCTION lq.admit(
  p_run text, p_worker text, p_service text, p_wanted integer, p_ended integer,
  p_spent double precision, p_released double precision, p_dearest double precision,
  p_unpriced integer, p_unused integer,
  OUT granted integer, OUT reserved double precision, OUT delay_ms double precision,
  OUT gap_ms double precision, OUT wait_ms double precision, OUT stopped text, OUT failed text
) LANGUAGE plpgsql AS $$
DECLARE
  r lq.run;
  s lq.service;
  now_at timestamptz;
  pace double precision;
  ahead double precision;
BEGIN
  granted := 0; reserved := 0; delay_ms := 0; gap_ms := 0; wait_ms := 0;
  SELECT * INTO r FROM lq.run WHERE id = p_run FOR UPDATE;
  IF NOT FOUND THEN stopped := 'cancelled'; RETURN; END IF;
  r.charged_usd := r.charged_usd - p_released + p_spent;
  r.known_usd := r.known_usd + p_spent;
  r.calls := r.calls - p_unused;
  r.unpriced := r.unpriced + p_unpriced;
  r.bound_usd := greatest(r.bound_usd, p_dearest);
  reserved := r.bound_usd;
  IF r.stop IS NULL AND p_wanted > 0 THEN
    granted := p_wanted;
    IF r.max_calls IS NOT NULL THEN
      granted := least(granted, r.max_calls - r.calls);
      IF granted <= 0 THEN r.stop := 'max-calls'; END IF;
    END IF;
    IF granted > 0 AND r.max_usd IS NOT NULL AND reserved > 0 THEN
      granted := least(granted, floor((r.max_usd * (1 + 1e-9) - r.charged_usd) / reserved));
      IF granted <= 0 THEN
        -- A call in flight may turn out cheaper than what is kept in hand for it; those of dead workers never will.
        IF EXISTS (SELECT FROM lq.share h WHERE h.run = p_run AND lq.alive(h.worker)
                   AND h.in_flight - CASE WHEN h.worker = p_worker THEN p_ended ELSE 0 END > 0)
        THEN wait_ms := 50; ELSE r.stop := 'max-cost'; END IF;
      END IF;
    END IF;
    granted := greatest(granted, 0);
    IF granted > 0 THEN
      INSERT INTO lq.service (name) VALUES (p_service) ON CONFLICT DO NOTHING;
      SELECT * INTO s FROM lq.service WHERE name = p_service FOR UPDATE;
      now_at := clock_timestamp();
      pace := least(r.per_second, s.per_second);
      ahead := extract(epoch FROM s.next_at - now_at);
      IF pace IS NULL THEN
        IF ahead > 0 THEN granted := 0; wait_ms := least(1000, ahead * 1000); END IF;
      ELSIF ahead > 0.5 THEN
        granted := 0; wait_ms := least(1000, (ahead - 0.25) * 1000);
      ELSE
        -- No more than half a second is given ahead of time: a worker that dies loses that much.
        granted := least(granted, greatest(1, floor(pace / 2)));
        delay_ms := greatest(0, ahead) * 1000;
        gap_ms := 1000 / pace;
        UPDATE lq.service SET next_at = greatest(s.next_at, now_at) + granted / pace * interval '1 second'
          WHERE name = p_service;
      END IF;
    END IF;
    r.calls := r.calls + granted;
    r.charged_usd := r.charged_usd + granted * reserved;
  END IF;
  UPDATE lq.run SET stop = r.stop, calls = r.calls, charged_usd = r.charged_usd, known_usd = r.known_usd,
    unpriced = r.unpriced, bound_usd = r.bound_usd WHERE id = p_run;
  INSERT INTO lq.share AS h (run, worker, in_flight) VALUES (p_run, p_worker, granted)
    ON CONFLICT (run, worker) DO UPDATE SET in_flight = h.in_flight + granted - p_ended;
  stopped := r.stop; failed := r.failure;
END $$;
`;
