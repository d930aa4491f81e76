// The tables of shared runs: in a schema of their own beside the ledger's, with those of the queue. They hold nothing once a run has ended.

/** A process that says nothing for so long has lost its batches. One that ends loses them at once. */
export const HEARTBEAT_SECONDS = 30;

/** Calls a second below which the pace never falls. */
const SLOWEST = '1.0 / 30';

/** `lq.` stands for the schema. */
export const TABLES = `
CREATE TABLE IF NOT EXISTS lq.run (
  id             text PRIMARY KEY,
  started        boolean NOT NULL DEFAULT false,
  at             timestamptz NOT NULL DEFAULT now(),
  settings       text NOT NULL,
  -- Of each service: calls a second, and calls in flight at once, over all workers.
  per_second     double precision,
  at_once        integer,
  stop           text,
  failure        text,
  dropped_params text NOT NULL DEFAULT '[]'
);
-- One row for each of 'subject', 'judge' and 'embedder': what its calls may come to, and have come to.
CREATE TABLE IF NOT EXISTS lq.budget (
  run         text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  role        text NOT NULL,
  max_calls   bigint,
  max_usd     double precision,
  -- The most that one call has cost or can cost; null = not known yet.
  bound_usd   double precision,
  calls       bigint NOT NULL DEFAULT 0,
  -- What counts against max_usd: ended calls at their cost, the others at what is kept in hand.
  charged_usd double precision NOT NULL DEFAULT 0,
  known_usd   double precision NOT NULL DEFAULT 0,
  unpriced    bigint NOT NULL DEFAULT 0,
  -- The limit that keeps the judge from being asked: 'calls', 'cost' or 'unpriced'.
  reached     text,
  refused     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (run, role)
);
CREATE TABLE IF NOT EXISTS lq.worker (
  id        text PRIMARY KEY,
  lock_key  bigint NOT NULL,
  seen_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS lq.share (
  run       text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  worker    text NOT NULL,
  refusal   text,
  PRIMARY KEY (run, worker)
);
CREATE TABLE IF NOT EXISTS lq.flight (
  run       text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  worker    text NOT NULL,
  role      text NOT NULL,
  service   text NOT NULL,
  calls     integer NOT NULL,
  PRIMARY KEY (run, worker, role, service)
);
CREATE TABLE IF NOT EXISTS lq.held (
  job    text PRIMARY KEY,
  run    text NOT NULL REFERENCES lq.run ON DELETE CASCADE,
  worker text NOT NULL
);
CREATE TABLE IF NOT EXISTS lq.service (
  name       text PRIMARY KEY,
  -- What its headers state, and what its refusals taught.
  per_second double precision,
  learnt     double precision,
  next_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Calls that began since, and how many of them were refused for their rate. Before the first refusal there is no such time.
  window_no  integer NOT NULL DEFAULT 0,
  window_at  timestamptz,
  started    integer NOT NULL DEFAULT 0,
  refused    integer NOT NULL DEFAULT 0,
  held       boolean NOT NULL DEFAULT false,
  clean      integer NOT NULL DEFAULT 0
);
-- A process that ends loses its lock at once. One that is cut off or stands still keeps it, and is not seen.
CREATE OR REPLACE FUNCTION lq.alive(p_worker text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM lq.worker w JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((l.classid::bigint << 32) | l.objid::bigint) = w.lock_key
    WHERE w.id = p_worker AND w.seen_at > clock_timestamp() - interval '${HEARTBEAT_SECONDS} seconds')
$$;
-- Calls of a run in flight, of workers that are alive: the end of the others never comes.
CREATE OR REPLACE FUNCTION lq.in_flight(p_run text, p_role text) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(sum(calls), 0)::bigint FROM lq.flight
  WHERE run = p_run AND role = p_role AND calls > 0 AND lq.alive(worker)
$$;
-- A service that states no limit: what it takes of all workers' calls while it refuses others is what it allows. Each second or so ends a
-- window. One with refusals sets the pace to what was taken; one without lets it grow, ever faster, where calls had to wait for it.
CREATE OR REPLACE FUNCTION lq.learn(p_service text, p_window integer, p_started integer, p_refused integer,
  p_so_far double precision)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  s lq.service;
  seconds double precision;
  taken double precision;
BEGIN
  SELECT * INTO s FROM lq.service WHERE name = p_service FOR UPDATE;
  IF NOT FOUND OR p_window <> s.window_no THEN RETURN; END IF;
  s.started := s.started + p_started;
  s.refused := s.refused + p_refused;
  seconds := extract(epoch FROM clock_timestamp() - s.window_at);
  IF s.learnt IS NULL AND s.refused >= 6 AND s.refused >= 0.6 * s.started THEN
    -- A crowd that is refused must not wait for a measurement. What the calls so far came to is a first guess.
    s.learnt := p_so_far;
    seconds := NULL;
  ELSIF seconds IS NOT NULL AND (seconds < 1 OR s.started < 4) THEN
    UPDATE lq.service SET started = s.started, refused = s.refused WHERE name = p_service;
    RETURN;
  END IF;
  -- A window in which nothing was called for long says nothing.
  IF seconds < greatest(30, 20 / s.learnt) THEN
    taken := greatest(s.started - s.refused - 0.5, 0.5) / seconds;
    IF s.refused = 0 THEN
      IF s.held THEN
        s.learnt := s.learnt * (1 + least(0.3, 0.02 * 2 ^ least(s.clean, 8)));
        s.clean := s.clean + 1;
      END IF;
    ELSE
      s.clean := 0;
      -- Few refusals are what it takes to use a limit up.
      IF s.refused > 0.1 * s.started THEN s.learnt := greatest(0.5 * s.learnt, taken);
      ELSIF s.learnt IS NOT NULL THEN s.learnt := greatest(0.97 * s.learnt, least(s.learnt, taken));
      END IF;
    END IF;
  END IF;
  UPDATE lq.service SET learnt = CASE WHEN s.learnt IS NULL THEN NULL ELSE greatest(s.learnt, ${SLOWEST}) END, clean = s.clean, window_no = s.window_no + 1,
    window_at = clock_timestamp(), started = 0, refused = 0, held = false WHERE name = p_service;
END $$;
-- Limits are kept, and calls counted, under the lock of the budget's row, then that of the service. The clock is the server's, so that
-- workers need not agree on the time.
CREATE OR REPLACE FUNCTION lq.admit(
  p_run text, p_worker text, p_role text, p_service text, p_wanted integer, p_ended integer,
  p_spent double precision, p_released double precision, p_dearest double precision,
  p_unpriced integer, p_blind integer, p_unused integer, p_window integer, p_started integer, p_refused integer,
  OUT granted integer, OUT reserved double precision, OUT delay_ms double precision,
  OUT gap_ms double precision, OUT wait_ms double precision,
  OUT stopped text, OUT failed text, OUT limit_reached text, OUT window_no integer
) LANGUAGE plpgsql AS $$
DECLARE
  r lq.run;
  b lq.budget;
  s lq.service;
  now_at timestamptz;
  pace double precision;
  ahead double precision;
BEGIN
  granted := 0; reserved := 0; delay_ms := 0; gap_ms := 0; wait_ms := 0; window_no := 0;
  -- The lock is not to be held until the disk has the count: a server that crashes ends the run, and its counts with it.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO b FROM lq.budget WHERE run = p_run AND role = p_role FOR UPDATE;
  IF NOT FOUND THEN stopped := 'cancelled'; RETURN; END IF;
  SELECT * INTO r FROM lq.run WHERE id = p_run;
  IF p_blind > 0 AND b.max_usd IS NOT NULL AND b.bound_usd IS NULL THEN b.reached := coalesce(b.reached, 'unpriced'); END IF;
  b.charged_usd := b.charged_usd - p_released + p_spent;
  b.known_usd := b.known_usd + p_spent;
  b.calls := b.calls - p_unused;
  b.unpriced := b.unpriced + p_unpriced;
  IF p_dearest > 0 THEN b.bound_usd := greatest(b.bound_usd, p_dearest); END IF;
  reserved := coalesce(b.bound_usd, 0);
  SELECT * INTO s FROM lq.service WHERE name = p_service;
  IF NOT FOUND THEN INSERT INTO lq.service (name) VALUES (p_service) ON CONFLICT DO NOTHING; END IF;
  IF p_refused > 0 OR s.window_at IS NOT NULL THEN
    PERFORM lq.learn(p_service, p_window, p_started, p_refused,
      b.calls / greatest(1, extract(epoch FROM clock_timestamp() - r.at)));
    SELECT * INTO s FROM lq.service WHERE name = p_service;
  END IF;
  window_no := coalesce(s.window_no, 0);
  -- Answers of a run that has stopped are still judged.
  IF p_role = 'subject' THEN stopped := r.stop; failed := r.failure; END IF;

  IF p_wanted > 0 AND stopped IS NULL THEN
    IF b.reached IS NULL THEN
      granted := p_wanted;
      IF b.max_calls IS NOT NULL THEN
        granted := least(granted, b.max_calls - b.calls);
        IF granted <= 0 THEN b.reached := 'calls'; END IF;
      END IF;
      IF granted > 0 AND b.max_usd IS NOT NULL THEN
        IF b.charged_usd >= b.max_usd * (1 - 1e-9) THEN granted := 0;
        ELSIF b.bound_usd IS NULL THEN
          -- Until one call has a price, they go one by one.
          granted := CASE WHEN lq.in_flight(p_run, p_role) - p_ended > 0 THEN 0 ELSE 1 END;
        ELSIF reserved > 0 THEN
          granted := least(granted, greatest(0, floor((b.max_usd * (1 + 1e-9) - b.charged_usd) / reserved)));
        END IF;
        -- A call in flight may turn out cheaper than what is kept in hand for it.
        IF granted <= 0 THEN
          IF lq.in_flight(p_run, p_role) - p_ended > 0 THEN wait_ms := 50; ELSE b.reached := 'cost'; END IF;
        END IF;
      END IF;
      granted := greatest(granted, 0);
    END IF;
    IF b.reached IS NOT NULL THEN
      b.refused := true;
      IF p_role = 'subject' THEN
        stopped := 'max-' || b.reached;
        UPDATE lq.run SET stop = stopped WHERE id = p_run AND stop IS NULL;
      END IF;
    END IF;
    IF granted > 0 THEN
      IF coalesce(r.at_once, r.per_second, s.per_second, s.learnt) IS NOT NULL THEN
        SELECT * INTO s FROM lq.service WHERE name = p_service FOR UPDATE;
      END IF;
      IF r.at_once IS NOT NULL THEN
        granted := least(granted, greatest(0, r.at_once + p_ended -
          (SELECT coalesce(sum(f.calls), 0) FROM lq.flight f WHERE f.run = p_run AND f.service = p_service)));
        IF granted = 0 THEN wait_ms := 25; END IF;
      END IF;
    END IF;
    IF granted > 0 THEN
      now_at := clock_timestamp();
      pace := least(r.per_second, s.per_second, s.learnt);
      ahead := extract(epoch FROM s.next_at - now_at);
      IF pace IS NULL THEN
        IF ahead > 0 THEN granted := 0; wait_ms := least(1000, ahead * 1000); END IF;
      ELSIF ahead > 0.75 THEN
        granted := 0; wait_ms := least(1000, (ahead - 0.5) * 1000);
      ELSE
        -- Half a second at a time, and little more than one ahead of time: a worker that dies loses that much. A worker that asks late has its
        -- turns made up for, as far as no second holds more than a twentieth too many.
        granted := least(granted, greatest(1, floor(pace / 2)));
        ahead := greatest(ahead, -0.05);
        delay_ms := greatest(0, ahead) * 1000;
        gap_ms := 1000 / pace;
        UPDATE lq.service v SET next_at = now_at + (ahead + granted / pace) * interval '1 second', held = held OR ahead > 0.1
          WHERE name = p_service;
      END IF;
    END IF;
  END IF;
  limit_reached := b.reached;
  UPDATE lq.budget SET calls = b.calls + granted, charged_usd = b.charged_usd + granted * reserved,
    known_usd = b.known_usd, unpriced = b.unpriced, bound_usd = b.bound_usd, reached = b.reached, refused = b.refused
    WHERE run = p_run AND role = p_role;
  INSERT INTO lq.flight AS f (run, worker, role, service, calls) VALUES (p_run, p_worker, p_role, p_service, granted)
    ON CONFLICT (run, worker, role, service) DO UPDATE SET calls = f.calls + granted - p_ended;
END $$;
`;
