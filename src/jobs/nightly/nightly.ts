// The scheduled job: run, compare with the pinned baseline, with last night and with the trend, tell once what broke, keep a record.

import { alphaSpent } from '../../compare/decide-night.ts';
import { compareSnapshots } from '../../compare/index.ts';
import {
  type CheckBaseline,
  type Failure,
  type ModelFacts,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { plannedAssignment, type RunSettings } from '../../engine/arms/run-suite.ts';
import { type AlertState, sendPending } from '../../engine/records/alerts.ts';
import { listEvents, type TimelineEvent } from '../../engine/records/events.ts';
import {
  baselinePool,
  DEFAULT_SERIES,
  earlierNights,
  keepNight,
  missedBetween,
  type NightRecord,
  type NightState,
  nightRecords,
  usualDistance,
} from '../../engine/records/night-records.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import type { WebhookPost } from '../../provider/webhook.ts';
import { type Episode, keepEpisode, nextEpisode, openEpisode, recoveryFrom } from './episodes.ts';
import { type ConfirmLater, type Night, runNight } from './night.ts';
import { queue } from './night-alert.ts';
import { nightBaseline } from './night-baseline.ts';
import { NIGHT_VARIABLE, NIGHTS_TO_BLESS, nightsWithout } from './night-count.ts';
import { findOpenNight } from './night-runs.ts';
import { nextStep, stateOf } from './night-state.ts';
import { judgeSentinel, type Sentinel } from './nightly-sentinel.ts';
import { type NightlyTrend, nightlyTrend } from './nightly-trend.ts';

export interface NightlyInput {
  readonly settings: RunSettings;
  readonly series?: string | undefined;
  /** Snapshot reference or exported file instead of the baseline. */
  readonly against?: string | undefined;
  /** Folder with committed baselines; absent = only the ledger knows any. */
  readonly snapshots?: { readonly dir: string; readonly cwd: string } | undefined;
  /** Where alerts are posted; null = nowhere, they wait in the ledger. */
  readonly webhook: URL | null;
  readonly post?: WebhookPost | undefined;
  /** When a suspicious night is run again; default at once. */
  readonly confirm?: ConfirmLater | undefined;
  /** The night's trials start evenly over this long; default at once. */
  readonly spreadMs?: number | undefined;
  /** Frozen outputs judged again (default 12; 0 = none). */
  readonly sentinel?: number | undefined;
  /** For the record and for telling missed nights. */
  readonly schedule?: { readonly cron: string; readonly tz: string } | null | undefined;
}

/** Last night, for information; it decides nothing. */
interface AgainstPrevious {
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
  readonly words?: string | undefined;
  readonly night: Night;
  /** Its batch is not back: the same command continues with it. */
  readonly waits: boolean;
  readonly record: NightRecord;
  readonly baseline: {
    readonly id: string;
    readonly at: string;
    readonly pooled: number;
    readonly source: CheckBaseline['source'];
    readonly file: string | null;
  } | null;
  /** Nights in a row without a baseline, this one included; 0 = there is one. */
  readonly nightsWithoutBaseline: number;
  /** Too many of them: a night like this is no success any more. */
  readonly baselineOverdue: boolean;
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

/** Batches that are not back at the deadline cost their price anyway, and the next command has a use for them. */
const WAITS = {
  keepAtDeadline: true,
  continueWith: 'the next `lastgood nightly --batch` of this suite and release continues',
} as const;

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
  const kept = await nightRecords(store, suite, series);
  const { judgeVotes } = input.settings;
  const waiting =
    input.settings.batch === true
      ? await findOpenNight(work, assignment, { series, records: kept, judgeVotes })
      : null;
  const startedAt = waiting?.night.startedAt ?? work.clock.now().toISOString();

  const found = await nightBaseline(work, suite, input);
  const baseline = found === null ? null : await store.results(found.id);
  const pool = baseline === null ? [] : await baselinePool(store, baseline.summary);
  const records = kept.filter((r) => r.snapshot !== waiting?.night.id);
  const fellow = records.filter(
    (r) => r.number !== null && r.baseline === found?.id && r.fingerprint === assignment.release.fingerprint,
  );
  const number = fellow.length + 1;
  const open = await openEpisode(store, suite, series);
  const model = await modelFactsOf(work, assignment);

  const earlier = await earlierNights(store, fellow, policy.appError);
  const night = await runNight(
    work,
    assignment,
    baseline,
    pool,
    { ...input.settings, trials: undefined, ...(input.settings.batch === true ? { batchWaits: WAITS } : {}) },
    {
      series,
      open: waiting,
      earlier,
      number,
      confirmCases: true,
      rerun: open === null || open.baseline !== found?.id,
      confirm: input.confirm,
      spreadMs: input.spreadMs,
    },
  );
  const { decision } = night;
  const usable = decision !== null && decision.looks.length > 0;
  const at = work.clock.now().toISOString();

  const changes: Episode[] = [];
  if (decision !== null && found !== null) {
    const seen = {
      suite,
      series,
      at: night.summary.startedAt,
      snapshot: night.summary.id,
      evidence: evidenceOf(night),
      baseline: found.id,
      decision,
      regressed: regressedIds(night),
    };
    const recovery = recoveryFrom(store, {
      baseline: await store.results(found.id),
      pool,
      earlier,
      tonight: await store.results(night.summary.id),
      policy,
    });
    const first = await nextEpisode(open, seen, recovery);
    if (first !== null) changes.push(first);
    // A new baseline ends the old episode; tonight may open one of its own.
    if (first?.status === 'superseded') {
      const second = await nextEpisode(null, seen, recovery);
      if (second !== null) changes.push(second);
    }
  }
  for (const episode of changes) await keepEpisode(store, at, episode);
  const episode = changes.at(-1) ?? open;

  const without = found === null ? nightsWithout(records, work.env(NIGHT_VARIABLE)) : 0;
  const decided = stateOf(night, changes.at(-1) ?? null, without);
  const look = decision?.looks[0];
  const record: NightRecord = {
    series,
    snapshot: night.summary.id,
    release: night.summary.release,
    fingerprint: night.summary.fingerprint,
    exam: night.summary.exam,
    baseline: found?.id ?? null,
    number: usable ? number : null,
    ...decided,
    decision,
    rerun: night.rerun?.summary.id ?? null,
    fresh: night.fresh.map((f) => f.id),
    passRate: look?.passRate ?? null,
    validity: night.summary.validity,
    episode: episode?.id ?? null,
    schedule: input.schedule ?? null,
    calls: night.spent.calls,
    startedAt,
    finishedAt: night.summary.finishedAt,
    spreadMs: input.spreadMs ?? null,
    ...(night.waits ? { waits: true } : {}),
  };
  await keepNight(store, suite, at, record);

  const before = records.at(-1);
  const since = new Date(Date.parse(startedAt) - EVENT_DAYS * DAY_MS).toISOString();
  const from = before !== undefined && before.startedAt < since ? before.startedAt : since;
  const events = (await listEvents(store, suite)).filter((e) => e.at >= from && e.at <= at);
  const next = nextStep(decided.state, night, found !== null);
  for (const e of changes) await queue(work, e, night, events, next);
  const alerts = await sendPending(work, suite, input.webhook, { signal: work.signal, ...input.post });

  const distance = usualDistance(records.map((r) => r.startedAt));
  const lost =
    before === undefined || distance === null ? 0 : missedBetween(before.startedAt, startedAt, distance);
  return {
    ...decided,
    night,
    waits: night.waits,
    record,
    baseline: found === null ? null : { ...found, pooled: pool.length + 1 },
    nightsWithoutBaseline: without,
    baselineOverdue: without >= NIGHTS_TO_BLESS,
    budget: usable ? { ...alphaSpent(number), limit: BUDGET } : null,
    previous: await againstPrevious(work, records, night, policy),
    trend: baseline === null || !usable ? null : trendOf(baseline, pool, [...fellow, record]),
    sentinel:
      baseline === null || night.waits
        ? { kind: 'none', why: night.waits ? 'the night waits for its batch' : 'there is no baseline yet' }
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
