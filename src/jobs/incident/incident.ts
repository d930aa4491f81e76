// The post-mortem: what changed in behaviour, what changed in the configuration, how long it went unseen, whether the suite
// covers it, what was restored and what follows. Every statement comes from the ledger or from what the caller stated.

import { type JsonObject, LastgoodError } from '../../base/index.ts';
import {
  type Comparison,
  type IncidentArm,
  type IncidentProduction,
  type IncidentReport,
  type RollbackDecision,
  resolvePolicy,
  type SnapshotSummary,
  type Suite,
  type TimelineEntry,
} from '../../core/index.ts';
import { compareWithPool } from '../../engine/comparison/compare-stored.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { diffReleases } from '../../release/index.ts';
import { regressedCases } from '../../rollback/index.ts';
import { describeBehaviour } from './incident-behaviour.ts';
import { draftCase, MAX_DRAFTS, sharedGraders } from './incident-drafts.ts';
import { ALERT, type GivenEvents, ledgerEvents } from './incident-events.ts';
import { followUps } from './incident-follow-ups.ts';
import { type Detection, findSignals, pathBetween } from './incident-signals.ts';
import { configurationHistory, recordedConfiguration } from './incident-timeline.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** How far back the configuration is listed. */
const WINDOW_DAYS = 30;

export interface IncidentInput {
  readonly good: string;
  readonly bad: string;
  readonly suite?: string | undefined;
  /** ISO times, as stated; undefined = not stated. */
  readonly since?: string | undefined;
  readonly detectedAt?: string | undefined;
  readonly resolvedAt?: string | undefined;
  /** From files, beside the ledger's own events. */
  readonly given?: GivenEvents | undefined;
  /** Reads what users saw between two ISO times; absent = no feature was named. */
  readonly production?: ((from: string, to: string) => Promise<IncidentProduction>) | undefined;
}

/** Everything the ledger and the caller know of the incident between two snapshots of one suite. */
export async function writeIncident(work: Workplace, input: IncidentInput): Promise<IncidentReport> {
  const { store } = work;
  const now = work.clock.now();
  const bad = await store.resolve(input.bad, { suite: input.suite, now });
  const good = await store.resolve(input.good, { suite: input.suite ?? bad.suite, now });
  checkPair(good, bad);
  checkOrder(input);
  const comparison = await compareWithPool(work, good, bad);
  const suite = await store.suiteOf(bad.id);
  const results = { good: await store.results(good.id), bad: await store.results(bad.id) };
  const releases = { good: await store.releaseOf(good.id), bad: await store.releaseOf(bad.id) };
  const listed = (await store.list({ suite: bad.suite })).filter((s) => s.state === 'finished');

  const path = pathBetween(listed, good, bad);
  const found = await findSignals(work, path, results.good, comparison, resolvePolicy(suite.policy));
  const begin = input.since ?? found.firstBad.at;
  const since = new Date(Date.parse(begin) - WINDOW_DAYS * DAY_MS).toISOString();
  const window = listed
    .filter(
      (s) =>
        s.startedAt >= since &&
        s.startedAt <= bad.startedAt &&
        (s.purpose === 'run' || s.id === good.id || s.id === bad.id),
    )
    .reverse();
  const history = await configurationHistory(store, window);
  const rollback = await lastRollback(work, bad);
  const known = await ledgerEvents(store, bad.suite);
  const timeline = [
    ...history.entries,
    ...known,
    ...(input.given?.entries ?? []),
    ...(await blessings(work, bad.suite)),
    ...milestones(input, good, bad, found),
    ...(rollback === null
      ? []
      : [
          {
            at: rollback.at,
            kind: 'rollback',
            text: `rollback decision: ${rollback.decision.decision}${rollback.decision.target === null ? '' : `, target ${rollback.decision.target.release}`}`,
            source: 'ledger' as const,
          },
        ]),
  ]
    .filter((e) => e.at >= since)
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

  const facts = {
    schemaVersion: 1 as const,
    kind: 'incident' as const,
    suite: bad.suite,
    writtenAt: now.toISOString(),
    good: arm(good),
    bad: arm(bad),
    comparison,
    behaviour: await describeBehaviour(store, comparison, results, releases, suite),
    configuration: {
      since,
      good: recordedConfiguration(good, releases.good),
      bad: recordedConfiguration(bad, releases.bad),
      difference: diffReleases(releases.good, releases.bad).filter((l) => l.state !== 'same'),
      changes: history.changes,
    },
    timeline,
    detection: {
      since: input.since ?? null,
      detectedAt: input.detectedAt ?? null,
      resolvedAt: input.resolvedAt ?? null,
      alertAt:
        known
          .filter(
            (e) => e.kind === ALERT && e.source === 'ledger' && e.at > (found.lastGood?.at ?? good.startedAt),
          )
          .map((e) => e.at)
          .sort()[0] ?? null,
      lastGood: found.lastGood,
      firstBad: found.firstBad,
      runsLookedAt: found.runsLookedAt,
      signals: found.signals,
      hoursToDetect: hours(input.since, input.detectedAt),
      hoursToResolve: hours(input.detectedAt, input.resolvedAt),
      hoursBetweenRuns: usualGap(path),
    },
    ...(input.production === undefined
      ? {}
      : {
          production: await input.production(
            input.since ?? found.lastGood?.at ?? good.startedAt,
            latest(bad.startedAt, input.detectedAt, input.resolvedAt),
          ),
        }),
    coverage: await coverageOf(suite, comparison, found, bad, input),
    rollback,
  };
  return { ...facts, followUps: followUps(facts), unknowns: unknowns(facts, comparison) };
}

/** The latest of ISO times. */
function latest(...times: readonly (string | undefined)[]): string {
  return times.flatMap((t) => t ?? []).reduce((a, b) => (a > b ? a : b));
}

function checkPair(good: SnapshotSummary, bad: SnapshotSummary): void {
  if (good.suite !== bad.suite) {
    throw new LastgoodError({
      code: 'OTHER_SUITE',
      message: `${good.id} is a snapshot of suite "${good.suite}", ${bad.id} of "${bad.suite}": an incident report covers one suite`,
      hint: `lastgood list --suite ${bad.suite}`,
    });
  }
  if (good.id === bad.id) {
    throw new LastgoodError({
      code: 'SAME_SNAPSHOT',
      message: `both references mean snapshot ${good.id}`,
      hint: 'name a run from before the incident with --good and one that shows it with --bad; lastgood list shows both',
    });
  }
}

function checkOrder({ since, detectedAt, resolvedAt }: IncidentInput): void {
  const times = [
    ['--since', since],
    ['--detected', detectedAt],
    ['--resolved', resolvedAt],
  ].filter((t): t is [string, string] => t[1] !== undefined);
  for (const [i, [name, at]] of times.entries()) {
    const [before, earlier] = times[i - 1] ?? [];
    if (earlier !== undefined && at < earlier) {
      throw new LastgoodError({
        code: 'BAD_TIME',
        message: `${name} (${at}) lies before ${before} (${earlier})`,
      });
    }
  }
}

function arm(s: SnapshotSummary): IncidentArm {
  const { id, release, fingerprint, startedAt, passRate, validity, cases, trials, simulated } = s;
  return { id, release, fingerprint, startedAt, passRate, validity, cases, trials, simulated };
}

function milestones(
  input: IncidentInput,
  good: SnapshotSummary,
  bad: SnapshotSummary,
  found: Detection,
): TimelineEntry[] {
  const stated = (at: string | undefined, kind: string, text: string): TimelineEntry[] =>
    at === undefined ? [] : [{ at, kind, text, source: 'told' }];
  const run = (id: string, at: string, kind: string, text: string): TimelineEntry => ({
    at,
    kind,
    text,
    source: 'ledger',
    ref: id,
  });
  const entries = [
    run(good.id, good.startedAt, 'good run', `run taken as good: release ${good.release}`),
    ...(found.lastGood === null || found.lastGood.id === good.id
      ? []
      : [run(found.lastGood.id, found.lastGood.at, 'last good run', 'the last run that does not show it')]),
    run(found.firstBad.id, found.firstBad.at, 'first bad run', 'the first run that shows it'),
    ...(bad.id === found.firstBad.id
      ? []
      : [run(bad.id, bad.startedAt, 'bad run', `run taken as bad: release ${bad.release}`)]),
  ];
  return [
    ...entries,
    ...stated(input.since, 'start', 'the incident begins'),
    ...stated(input.detectedAt, 'detected', 'the incident is noticed'),
    ...stated(input.resolvedAt, 'resolved', 'the incident is over'),
  ];
}

async function blessings(work: Workplace, suite: string): Promise<TimelineEntry[]> {
  return (await work.store.blessings(suite)).map((b) => ({
    at: b.at,
    kind: 'baseline',
    text: `${b.by} named ${b.snapshot} the baseline: ${b.why}`,
    source: 'ledger',
    ref: b.snapshot,
  }));
}

/** The newest rollback decision made after the bad run began. */
async function lastRollback(work: Workplace, bad: SnapshotSummary): Promise<IncidentReport['rollback']> {
  const records = (await work.store.records('rollback', bad.suite)).filter((r) => r.at >= bad.startedAt);
  const last = [...records].sort((a, b) => (a.at < b.at ? -1 : 1)).at(-1);
  return last === undefined ? null : { at: last.at, decision: last.body as unknown as RollbackDecision };
}

async function coverageOf(
  suite: Suite,
  comparison: Comparison,
  found: Detection,
  bad: SnapshotSummary,
  input: IncidentInput,
): Promise<IncidentReport['coverage']> {
  const gate = found.firstBadComparison.gate;
  const caught = gate.outcome === 'fail';
  const failed = gate.rules.filter((r) => r.outcome === 'fail').map((r) => r.rule);
  const shows = comparison.verdict === 'regressed' || comparison.gate.outcome === 'fail';
  const ids = shows ? regressedCases(comparison) : [];
  const single = comparison.cases.filter((c) => c.verdict === 'regressed').length;
  const byId = new Map(suite.cases.map((c) => [c.id, c]));
  const shared = await sharedGraders(suite);
  const source = { ref: bad.id, at: input.since ?? found.firstBad.at };
  const own = (input.given?.cases ?? []).map(
    (c): JsonObject => ({
      ...c,
      tags: Array.isArray(c['tags']) ? c['tags'] : ['incident'],
      source: { kind: 'incident', ref: bad.id, at: source.at.slice(0, 10) },
    }),
  );
  const drafted = ids
    .slice(0, MAX_DRAFTS)
    .flatMap((id) => byId.get(id) ?? [])
    .map((c) => draftCase(c, source, shared));
  const late =
    input.detectedAt !== undefined && found.firstBad.at > input.detectedAt
      ? ' But it was not run in time: the first run that shows it came after people had noticed.'
      : '';
  return {
    caught,
    sentence: caught
      ? `Yes. The first run that shows it, ${found.firstBad.id}, fails the gate on ${failed.slice(0, 4).join(', ')}${failed.length > 4 ? ` and ${failed.length - 4} more` : ''}; ${
          single > 0
            ? `${single} cases regressed by themselves`
            : `no single case is shown to have regressed, but ${ids.length} pass less often`
        }.${late}`
      : shows
        ? 'Only in hindsight. The comparison of the two snapshots shows it, but the gate of the first bad run does not fail.'
        : `No. Between the two snapshots the suite shows no regression (${comparison.verdict}), so whatever users saw is not covered by its cases.`,
    cases: ids,
    drafts: [...own, ...drafted],
    draftNote: [
      own.length > 0 ? `${own.length} drafts are inputs passed with the events; check their graders.` : '',
      drafted.length > 0
        ? `${own.length > 0 ? `${drafted.length} drafts` : 'They'} repeat inputs that the suite already holds (${ids.length > drafted.length ? `the worst of ${ids.length}` : 'all that fail'}), as critical cases in the group of their original, so that the two do not count as independent evidence. Marking the originals critical does the same without the extra calls.`
        : '',
      shared > 0 ? "Graders that come from the suite's defaults are left out." : '',
      !shows && own.length === 0
        ? 'There is nothing to draft from: put the inputs that failed into the --event file as `case`.'
        : '',
    ]
      .filter(Boolean)
      .join(' '),
  };
}

function hours(from: string | undefined, to: string | undefined): number | null {
  return from === undefined || to === undefined ? null : (Date.parse(to) - Date.parse(from)) / HOUR_MS;
}

/** Median hours between neighbouring runs; null with fewer than three. */
function usualGap(path: readonly SnapshotSummary[]): number | null {
  if (path.length < 3) return null;
  const gaps = path
    .slice(1)
    .map((s, i) => Date.parse(s.startedAt) - Date.parse(path[i]?.startedAt ?? s.startedAt))
    .sort((a, b) => a - b);
  return (gaps[Math.floor(gaps.length / 2)] ?? 0) / HOUR_MS;
}

function unknowns(facts: Omit<IncidentReport, 'followUps' | 'unknowns'>, comparison: Comparison): string[] {
  const { detection: d, timeline, configuration } = facts;
  const out: string[] = [];
  if (d.since === null)
    out.push(
      d.lastGood === null
        ? 'When it began: not given (--since).'
        : `When exactly it began: after the last good run (${d.lastGood.id}) and before the first bad one (${d.firstBad.id}); not given more exactly (--since).`,
    );
  if (d.detectedAt === null) out.push('When and by whom it was noticed: not given (--detected).');
  if (d.resolvedAt === null) out.push('Whether and when it was over for users: not given (--resolved).');
  out.push('How many users were affected: the suite measures cases, not traffic.');
  if (facts.production === undefined)
    out.push('What users saw: no feature was named (--feature NAME adds the signals of production).');
  else if (facts.production.unjudged.length > 0)
    out.push(
      `Whether these signals of production moved: ${facts.production.unjudged.slice(0, 8).join(', ')} (too few answers or days before).`,
    );
  if (configuration.bad.servedModels.every((m) => m === null))
    out.push('Which model the provider served: it was not disclosed.');
  if (!timeline.some((e) => e.source === 'event' || e.source === 'file'))
    out.push('Deploys and provider notices: no events were recorded or given (--event FILE).');
  if (comparison.attribution.layersChanged.length > 1)
    out.push(
      `Which of the changed layers (${comparison.attribution.layersChanged.join(', ')}) did it: they changed together. lastgood bisect ${facts.suite} --good ${facts.good.id} --bad ${facts.bad.id} finds out by running hybrids.`,
    );
  if (facts.good.simulated || facts.bad.simulated)
    out.push(
      'When the answers were given: they come from recordings or a simulator, and the times here are those of the runs over them.',
    );
  return out;
}
