// The scheduled job: run, compare with the pinned baseline, with last night and with the trend, tell once what broke, keep a record.

import { compareSnapshots } from '../../compare/index.ts';
import { alphaSpent, nightsNeeded, tellLook } from '../../compare/nights.ts';
import {
  type Comparison,
  type Failure,
  type ModelFacts,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { WebhookPost } from '../../provider/webhook.ts';
import { alertBody } from '../../report/alert-body.ts';
import { listEvents, type TimelineEvent } from '../incident/events.ts';
import type { Assignment } from '../run/assignment.ts';
import { plannedAssignment, type RunSettings } from '../run/run-suite.ts';
import { providerOf, type Workplace } from '../workplace.ts';
import {
  type AlertState,
  alertEvent,
  type Episode,
  keepEpisode,
  nextEpisode,
  openEpisode,
  queueAlert,
  recoveryFrom,
  sendPending,
} from './alerts.ts';
import { type Night, runNight } from './night.ts';
import {
  baselinePool,
  DEFAULT_SERIES,
  keepNight,
  missedBetween,
  type NightRecord,
  type NightState,
  nightRecords,
  usualDistance,
} from './night-records.ts';
import { judgeSentinel, type Sentinel } from './nightly-sentinel.ts';
import { type NightlyTrend, nightlyTrend } from './nightly-trend.ts';

export interface NightlyInput {
  readonly settings: RunSettings;
  readonly series?: string | undefined;
  /** Where alerts are posted; null = nowhere, they wait in the ledger. */
  readonly webhook: URL | null;
  readonly post?: WebhookPost | undefined;
  /** Frozen outputs judged again (default 12; 0 = none). */
  readonly sentinel?: number | undefined;
  /** For the record and for telling missed nights. */
  readonly schedule?: { readonly cron: string; readonly tz: string } | null | undefined;
}

/** Last night, for information; it decides nothing. */
export interface AgainstPrevious {
  readonly snapshot: string;
  readonly at: string;
  readonly delta: number | null;
  readonly p: number | null;
  readonly servedModelChanged: boolean;
  readonly layersChanged: readonly string[];
}

export interface NightlyResult {
  readonly state: NightState;
  readonly reason: string;
  readonly night: Night;
  readonly record: NightRecord;
  readonly baseline: { readonly id: string; readonly at: string; readonly pooled: number } | null;
  readonly budget: { readonly period: number; readonly spent: number; readonly limit: number } | null;
  readonly previous: AgainstPrevious | null;
  readonly trend: NightlyTrend | null;
  readonly sentinel: Sentinel;
  /** What the provider's catalogue says; null = it has none. */
  readonly model: ModelFacts | { readonly state: 'unreachable'; readonly message: string } | null;
  readonly episode: Episode | null;
  /** Alerts that were waiting or came tonight, as they stand now. */
  readonly alerts: readonly AlertState[];
  readonly webhook: boolean;
  /** Since the night before, and a little longer. */
  readonly events: readonly TimelineEvent[];
  readonly missed: { readonly nights: number; readonly since: string } | null;
  readonly next: string;
}

const BUDGET = 0.05;
const DEFAULT_SENTINEL = 12;
/** Events this old are still worth a line under an alarm. */
const EVENT_DAYS = 3;
const DAY_MS = 86_400_000;

/** Runs one night and does everything that follows from it. */
export async function runNightly(
  work: Workplace,
  asked: Assignment,
  input: NightlyInput,
): Promise<NightlyResult> {
  const { store } = work;
  const assignment = plannedAssignment(asked, input.settings);
  const suite = assignment.suite.name;
  const series = input.series ?? DEFAULT_SERIES;
  const policy = resolvePolicy(assignment.suite.policy);
  const startedAt = work.clock.now().toISOString();

  const blessing = (await store.blessings(suite)).at(-1) ?? null;
  const baseline = blessing === null ? null : await store.results(blessing.snapshot);
  const pool = baseline === null ? [] : await baselinePool(store, baseline.summary);
  const records = await nightRecords(store, suite, series);
  const fellow = records.filter(
    (r) =>
      r.number !== null &&
      r.baseline === blessing?.snapshot &&
      r.fingerprint === assignment.release.fingerprint,
  );
  const number = fellow.length + 1;
  const open = await openEpisode(store, suite, series);
  const model = await modelFactsOf(work, assignment);

  const night = await runNight(
    work,
    assignment,
    baseline,
    pool,
    { ...input.settings, trials: undefined },
    {
      earlier: await loadAll(
        work,
        fellow.slice(fellow.length - (nightsNeeded(number) - 1)).map((r) => r.snapshot),
      ),
      number,
      confirmCases: true,
      rerun: open === null || open.baseline !== blessing?.snapshot,
    },
  );
  const { decision } = night;
  const usable = decision !== null && decision.looks.length > 0;
  const at = work.clock.now().toISOString();

  const told: Episode[] = [];
  if (decision !== null && blessing !== null) {
    const seen = {
      suite,
      series,
      at: night.summary.startedAt,
      snapshot: night.summary.id,
      evidence: evidenceOf(night),
      baseline: blessing.snapshot,
      decision,
      regressed: regressedIds(night),
    };
    const recovery = recoveryFrom(store, policy);
    const first = await nextEpisode(open, seen, recovery);
    if (first !== null) told.push(first);
    // A new baseline ends the old episode; tonight may open one of its own.
    if (first?.status === 'superseded') {
      const second = await nextEpisode(null, seen, recovery);
      if (second !== null) told.push(second);
    }
  }
  for (const episode of told) await keepEpisode(store, at, episode);
  const episode = told.at(-1) ?? open;

  const { state, reason } = stateOf(night, told.at(-1) ?? null);
  const look = decision?.looks[0];
  const record: NightRecord = {
    series,
    snapshot: night.summary.id,
    release: night.summary.release,
    fingerprint: night.summary.fingerprint,
    exam: night.summary.exam,
    baseline: blessing?.snapshot ?? null,
    number: usable ? number : null,
    state,
    reason,
    decision,
    rerun: night.rerun?.summary.id ?? null,
    fresh: night.fresh.map((f) => f.id),
    passRate: look?.passRate ?? null,
    validity: night.summary.validity,
    episode: episode?.id ?? null,
    schedule: input.schedule ?? null,
    calls: night.spent.calls,
    startedAt,
  };
  await keepNight(store, suite, at, record);

  const before = records.at(-1);
  const since = new Date(Date.parse(startedAt) - EVENT_DAYS * DAY_MS).toISOString();
  const from = before !== undefined && before.startedAt < since ? before.startedAt : since;
  const events = (await listEvents(store, suite)).filter((e) => e.at >= from && e.at <= at);
  const next = nextStep(state, night, blessing !== null);
  for (const e of told) await queue(work, e, night, events, next);
  const alerts = await sendPending(work, suite, input.webhook, { signal: work.signal, ...input.post });

  const distance = usualDistance(records.map((r) => r.startedAt));
  const lost =
    before === undefined || distance === null ? 0 : missedBetween(before.startedAt, startedAt, distance);
  return {
    state,
    reason,
    night,
    record,
    baseline: blessing === null ? null : { id: blessing.snapshot, at: blessing.at, pooled: pool.length + 1 },
    budget: usable ? { ...alphaSpent(number), limit: BUDGET } : null,
    previous: await againstPrevious(work, records, night, policy),
    trend: baseline === null || !usable ? null : trendOf(baseline, pool, [...fellow, record]),
    sentinel:
      baseline === null
        ? { kind: 'none', why: 'there is no baseline yet' }
        : await judgeSentinel(work, assignment, baseline.summary, input.sentinel ?? DEFAULT_SENTINEL),
    model,
    episode,
    alerts,
    webhook: input.webhook !== null,
    events,
    missed: before === undefined || lost === 0 ? null : { nights: lost, since: before.startedAt },
    next,
  };
}

function stateOf(night: Night, episode: Episode | null): { state: NightState; reason: string } {
  const { decision } = night;
  if (decision === null) {
    if (night.summary.validity === 'invalid')
      return { state: 'unknown', reason: `the run is invalid (${night.summary.validityReasons.join('; ')})` };
    return { state: 'no-baseline', reason: 'nothing to compare with: the suite has no baseline yet' };
  }
  const { reason } = decision;
  if (decision.looks.length === 0) return { state: 'unknown', reason };
  if (episode?.last === 'recovered') return { state: 'recovered', reason };
  if (episode?.last === 'still') {
    const [first] = decision.looks;
    const better = episode.quiet.length > 0 ? '; better, but not yet proven to be well' : '';
    return {
      state: 'still',
      reason: `${decision.outcome === 'alarm' || first === undefined ? reason : tellLook(first)}${better}`,
    };
  }
  // A run that a limit cut short cannot vouch for what it did not see.
  if (night.spent.stoppedBy !== null && decision.outcome !== 'alarm')
    return { state: 'unknown', reason: `${reason}; the run was stopped early (${night.spent.stoppedBy})` };
  return { state: decision.outcome, reason };
}

/** The snapshots that carry an alarm: the second run, else the window, else the fresh trials of single cases. */
function evidenceOf(night: Night): readonly string[] {
  const looks = night.decision?.looks ?? [];
  const convicted = looks.filter((l) => l.outcome === 'regressed');
  const best = convicted.find((l) => l.look === 'rerun') ?? convicted[0];
  return best?.snapshots ?? night.fresh.map((f) => f.id);
}

/** Cases to name: those proven on fresh trials, then those the comparison calls regressed. */
function regressedIds(night: Night): string[] {
  const proven = (night.decision?.cases ?? [])
    .filter((c) => c.outcome === 'alarm' || c.outcome === 'listed')
    .map((c) => c.id);
  const compared = (night.rerun?.comparison ?? night.comparison)?.cases ?? [];
  return [...new Set([...proven, ...compared.filter((c) => c.verdict === 'regressed').map((c) => c.id)])];
}

async function queue(
  work: Workplace,
  episode: Episode,
  night: Night,
  events: readonly TimelineEvent[],
  next: string,
): Promise<void> {
  const event = alertEvent(episode);
  if (event === null) return;
  const at = night.summary.startedAt;
  const id = `${episode.id}-${event.slice('regression.'.length)}`;
  const look = night.decision?.looks.find((l) => l.outcome === 'regressed') ?? night.decision?.looks[0];
  const comparison: Comparison | null = night.rerun?.comparison ?? night.comparison;
  await queueAlert(work, episode.suite, {
    id,
    episode: episode.id,
    event,
    at,
    body: alertBody({
      id,
      event,
      suite: episode.suite,
      series: episode.series,
      at,
      episode: { id: episode.id, openedAt: episode.openedAt, nights: episode.nights },
      release: night.summary.release,
      fingerprint: night.summary.fingerprint,
      snapshot: comparison?.candidate.id ?? night.summary.id,
      baseline: episode.baseline,
      passRate: look?.passRate ?? null,
      baselinePassRate: look?.baselinePassRate ?? null,
      reason: event === 'regression.opened' ? episode.reason : (night.decision?.reason ?? ''),
      tag: episode.affected.tag,
      regressed: episode.regressed,
      diagnosis: comparison?.attribution.diagnosis ?? 'not known',
      servedModels: night.summary.servedModels,
      events: events.map(({ at: when, kind, text }) => ({ at: when, kind, text })),
      next,
      simulated: night.summary.simulated,
    }) as never,
  });
}

function nextStep(state: NightState, night: Night, blessed: boolean): string {
  const { id, suite } = night.summary;
  const shown = /^[\w.-]+$/.test(suite) ? suite : JSON.stringify(suite);
  if (!blessed) return `lastgood bless ${id} --by NAME --why TEXT`;
  if (state === 'alarm' || state === 'still')
    return `lastgood rollback ${shown} --from ${night.rerun?.summary.id ?? id}`;
  if (state === 'unknown' || state === 'watch') return `lastgood diff baseline ${id} --suite ${shown}`;
  return `lastgood status ${shown}`;
}

async function loadAll(work: Workplace, ids: readonly string[]): Promise<SnapshotResults[]> {
  const all: SnapshotResults[] = [];
  for (const id of ids) all.push(await work.store.results(id));
  return all;
}

async function againstPrevious(
  work: Workplace,
  records: readonly NightRecord[],
  night: Night,
  policy: ReturnType<typeof resolvePolicy>,
): Promise<AgainstPrevious | null> {
  const last = records.filter((r) => r.validity !== 'invalid').at(-1);
  if (last === undefined || night.summary.validity === 'invalid') return null;
  const [before, now] = await Promise.all([
    work.store.results(last.snapshot),
    work.store.results(night.summary.id),
  ]);
  const { overall, attribution } = compareSnapshots(before, now, { policy });
  return {
    snapshot: last.snapshot,
    at: last.startedAt,
    delta: overall.delta,
    p: overall.p,
    servedModelChanged: attribution.servedModelChanged || attribution.systemFingerprintChanged,
    layersChanged: attribution.layersChanged,
  };
}

function trendOf(
  baseline: SnapshotResults,
  pool: readonly SnapshotResults[],
  nights: readonly NightRecord[],
): NightlyTrend {
  const point = ({ startedAt, passRate }: SnapshotSummary): { at: string; rate: number }[] =>
    passRate === null ? [] : [{ at: startedAt, rate: passRate }];
  const before = [...pool, baseline]
    .map((s) => s.summary)
    .filter((s) => s.labels['nightly'] !== 'rerun')
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  return nightlyTrend(
    before.flatMap(point),
    nights.flatMap((n) => (n.passRate === null ? [] : [{ at: n.startedAt, rate: n.passRate }])),
  );
}

async function modelFactsOf(work: Workplace, assignment: Assignment): Promise<NightlyResult['model']> {
  const provider = await providerOf(work, assignment.release);
  try {
    if (provider.modelFacts === undefined) return null;
    const facts: ModelFacts | Failure = await provider.modelFacts(work.signal);
    return 'kind' in facts ? { state: 'unreachable', message: work.mask.text(facts.message) } : facts;
  } finally {
    await provider.close?.();
  }
}
