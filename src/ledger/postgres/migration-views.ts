// Migration 6: the public views have the names, columns and values of SQLite's ledger, so that one query reads both.

// Flags are 1 and 0, and times are text, as there. `output_json` is only here. PostgreSQL's text has no U+0000, so `as_json` makes U+FFFD of it:
// one such answer must not make a whole query fail.
export const VIEWS = String.raw`
CREATE FUNCTION lg.as_json(said text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE WHEN position('\u0000' IN said) = 0 THEN said
               ELSE regexp_replace(said, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END)::json
$$;
CREATE FUNCTION lg.time_text(ms double precision) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_char(to_timestamp(ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

DROP VIEW lg.v_snapshots;
DROP VIEW lg.v_cases;
DROP VIEW lg.v_trials;
DROP VIEW lg.v_observations;

-- One row a snapshot. pass_rate: mean over cases of the share of graded trials that passed; NULL when nothing was graded.
-- cost_usd, judge_cost_usd: NULL = unknown for at least one trial. What a running one comes to is counted from its trials.
CREATE VIEW lg.v_snapshots AS
SELECT s.id, s.purpose, u.name AS suite, u.hash AS suite_hash, r.name AS release, r.fingerprint, s.exam, s.started_at, s.finished_at, s.state,
       s.validity, s.validity_reasons, u.cases, s.planned_trials,
       coalesce((c ->> 'trials')::int, n.trials) AS trials, coalesce((c ->> 'answered')::int, n.answered) AS answered,
       coalesce((c ->> 'failed')::int, n.failed) AS failed, coalesce((c ->> 'skipped')::int, n.skipped) AS skipped,
       coalesce((c ->> 'ungraded')::int, n.ungraded) AS ungraded,
       CASE WHEN c IS NULL THEN g.pass_rate ELSE (c ->> 'passShareSum')::float8 / nullif((c ->> 'gradedCases')::int, 0) END AS pass_rate,
       CASE WHEN c IS NULL THEN g.mean_score ELSE (c ->> 'scoreMeanSum')::float8 / nullif((c ->> 'gradedCases')::int, 0) END AS mean_score,
       coalesce((c ->> 'calls')::int, n.calls) AS calls,
       CASE WHEN c IS NULL THEN n.cost_usd WHEN (c ->> 'costUnknown')::int = 0 THEN (c ->> 'costUsd')::float8 END AS cost_usd,
       CASE WHEN c IS NULL THEN n.judge_usd WHEN (c ->> 'judgeUnknown')::int = 0 THEN (c ->> 'judgeUsd')::float8 END AS judge_cost_usd,
       s.labels, s.imported::int AS imported
FROM lg.snapshot s JOIN lg.suite u ON u.id = s.suite JOIN lg.release r ON r.id = s.release
     CROSS JOIN LATERAL (SELECT lg.as_json(s.counts) AS c) counted
     CROSS JOIN LATERAL (
       SELECT count(*)::int AS trials, (count(*) FILTER (WHERE outcome = 1))::int AS answered,
              (count(*) FILTER (WHERE outcome BETWEEN 2 AND 4))::int AS failed, (count(*) FILTER (WHERE outcome > 4))::int AS skipped,
              (count(*) FILTER (WHERE outcome = 1 AND t.ungraded IS NOT NULL))::int AS ungraded, coalesce(sum(t.calls), 0)::int AS calls,
              CASE WHEN bool_or(cost_unknown) THEN NULL ELSE coalesce(sum(t.cost_usd), 0) END AS cost_usd,
              CASE WHEN count(*) = count(t.judge_usd) THEN coalesce(sum(t.judge_usd), 0) END AS judge_usd
       FROM lg.trial t WHERE s.counts IS NULL AND t.snapshot = s.no) n
     CROSS JOIN LATERAL (
       SELECT avg(share) AS pass_rate, avg(mean) AS mean_score
       FROM (SELECT avg(pass::int::float8) AS share, avg(score) AS mean FROM lg.trial t
             WHERE s.counts IS NULL AND t.snapshot = s.no AND pass IS NOT NULL GROUP BY case_no) shares) g;

-- One row a case of a snapshot, whether or not it was tried. tags is a JSON array.
CREATE VIEW lg.v_cases AS
SELECT s.id AS snapshot, v.case_id, v.tags, v.grp, v.critical::int AS critical, v.trials AS planned_trials, v.min_pass_rate
FROM lg.snapshot s JOIN lg.suite_case c ON c.suite = s.suite JOIN lg.case_version v ON v.id = c.case_version;

-- One row a trial. status is answered, failed or skipped; pass is 1, 0 or NULL (not graded); output is the text of the answer.
CREATE VIEW lg.v_trials AS
SELECT s.id AS snapshot, v.case_id, t.trial,
       CASE WHEN t.outcome = 1 THEN 'answered' WHEN t.outcome <= 4 THEN 'failed' ELSE 'skipped' END AS status,
       CASE t.outcome WHEN 2 THEN 'app_error' WHEN 3 THEN 'infra_error' WHEN 4 THEN 'timeout'
                      WHEN 5 THEN 'budget' WHEN 6 THEN 'cancelled' WHEN 7 THEN 'deadline' END AS cause,
       t.code, t.message, t.pass::int AS pass, t.score, t.ungraded, t.length, t.refusal::int AS refusal, t.latency_ms,
       t.cost_usd, t.judge_usd AS judge_cost_usd, (u ->> 'inputTokens')::float8 AS input_tokens, t.output_tokens,
       (u ->> 'cachedInputTokens')::float8 AS cached_tokens, (u ->> 'reasoningTokens')::float8 AS reasoning_tokens,
       t.stop_reason, d ->> 'model' AS served_model, d ->> 'systemFingerprint' AS system_fingerprint,
       (d ->> 'simulated')::boolean::int AS simulated, t.request_id, t.calls, lg.time_text(t.started_ms) AS started_at,
       encode(t.output, 'hex') AS output_hash, lg.as_json(convert_from(o.body, 'UTF8')) ->> 'text' AS output,
       convert_from(o.body, 'UTF8') AS output_json
FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot
     JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN lg.case_version v ON v.id = c.case_version
     LEFT JOIN lg.content o ON o.sha256 = t.output LEFT JOIN lg.served w ON w.id = t.served
     CROSS JOIN LATERAL (SELECT lg.as_json(t.usage) AS u, lg.as_json(w.key) AS d) parsed;

-- One row a grade. pass and score are NULL where the grader could not measure; cause says why. reason may quote the model: treat it as text.
CREATE VIEW lg.v_grades AS
SELECT s.id AS snapshot, v.case_id, t.trial, (g.n - 1)::int AS no, j ->> 'graderId' AS grader, j ->> 'graderType' AS type,
       (j ->> 'required')::boolean::int AS required, (j ->> 'weight')::float8 AS weight, j ->> 'status' AS status, j ->> 'cause' AS cause,
       (j ->> 'pass')::boolean::int AS pass, (j ->> 'score')::float8 AS score, j ->> 'reason' AS reason, (j -> 'details')::text AS details
FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot
     JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN lg.case_version v ON v.id = c.case_version
     JOIN lg.content b ON b.sha256 = t.grades
     CROSS JOIN LATERAL json_array_elements(lg.as_json(convert_from(b.body, 'UTF8'))) WITH ORDINALITY AS g (j, n);

-- Of ended snapshots: sums over the trials of a case, per grader; grader NULL = the trials as a whole.
CREATE VIEW lg.v_rollups AS
SELECT s.id AS snapshot, v.case_id, NULL::text AS grader, count(t.pass)::int AS scored, coalesce(sum(t.pass::int), 0)::int AS passed,
       (count(*) - count(t.pass))::int AS ungraded, coalesce(sum(t.score ORDER BY t.trial), 0) AS score_sum
FROM lg.snapshot s JOIN lg.trial t ON t.snapshot = s.no
     JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN lg.case_version v ON v.id = c.case_version
WHERE s.state <> 'running' AND t.outcome = 1
GROUP BY s.id, t.case_no, v.case_id
UNION ALL
SELECT s.id, v.case_id, j ->> 'graderId', count(j ->> 'pass')::int, coalesce(sum((j ->> 'pass')::boolean::int), 0)::int,
       (count(*) - count(j ->> 'pass'))::int, coalesce(sum((j ->> 'score')::float8 ORDER BY t.trial, n), 0)
FROM lg.snapshot s JOIN lg.trial t ON t.snapshot = s.no
     JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN lg.case_version v ON v.id = c.case_version
     JOIN lg.content b ON b.sha256 = t.grades
     CROSS JOIN LATERAL json_array_elements(lg.as_json(convert_from(b.body, 'UTF8'))) WITH ORDINALITY AS g (j, n)
WHERE s.state <> 'running'
GROUP BY s.id, t.case_no, v.case_id, j ->> 'graderId';

-- One row a production answer.
CREATE VIEW lg.v_observations AS
SELECT o.id, lg.time_text(o.at) AS at, f.value AS feature, r.value AS release, v.value AS variant, t.value AS template,
       g.value AS segment, m.value AS model, s.value AS served_model, o.failed, o.length, o.refusal, o.schema_valid, o.blocked, o.latency_ms,
       (o.cost / 1e9)::float8 AS cost_usd, o.input_tokens, o.output_tokens, o.tool_calls, c.body AS outcome
FROM lg.observation o JOIN lg.dimension f ON f.id = o.feature LEFT JOIN lg.dimension r ON r.id = o.release
     LEFT JOIN lg.dimension v ON v.id = o.variant LEFT JOIN lg.dimension t ON t.id = o.template
     LEFT JOIN lg.dimension g ON g.id = o.segment LEFT JOIN lg.dimension m ON m.id = o.model
     LEFT JOIN lg.dimension s ON s.id = o.served LEFT JOIN lg.outcome c ON c.key = o.key;
`;
