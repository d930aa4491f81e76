// lastgood shadow: a candidate on stored live inputs, beside what users got or what another release answers. Users see none of it.

import { LastgoodError, shortHash, throwAll } from '../../base/index.ts';
import { newSnapshotId, panelOf, type Release, type SnapshotSummary } from '../../core/index.ts';
import type { ObservationStore } from '../../core/observation.ts';
import type { ShadowReport, ShadowSample } from '../../core/shadow.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { refuseUnbatchable } from '../../engine/arms/batch-mode.ts';
import {
  limitsOf,
  type RunResult,
  type RunSettings,
  resumeRun,
  runSuite,
} from '../../engine/arms/run-suite.ts';
import type { JudgeBatching } from '../../engine/examiners/batched-judges.ts';
import { withVotes } from '../../engine/examiners/judge-examiners.ts';
import { programsInTree } from '../../engine/examiners/known-programs.ts';
import { timeRange } from '../../engine/production/time-range.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { slug } from '../../intake/index.ts';
import { loadRelease } from '../../release/index.ts';
import { checkRequests } from '../../run/index.ts';
import { estimate, type RunJobEstimate } from '../run/run-job.ts';
import { drawInputs, noInputs } from './draw-inputs.ts';
import { preferringJudge, withFeatureExam } from './feature-exam.ts';
import { keepPlan, planOf, type ShadowPlanRecord } from './plan-record.ts';
import { reportOf } from './shadow-report.ts';

export interface ShadowInput {
  readonly feature: string;
  readonly release: string;
  /** `observed`, or a release file. */
  readonly against: string;
  readonly suite: string | undefined;
  readonly judge: string | undefined;
  readonly cwd: string;
  /** How far back in milliseconds, or since when. */
  readonly since: number | Date;
  readonly sample: number;
  /** Pairs that a judge is asked about. */
  readonly prefer: number;
  readonly maxJudgeCalls: number | undefined;
  readonly dryRun: boolean;
  /** A snapshot of an interrupted shadow run. */
  readonly resume: string | undefined;
  readonly settings: RunSettings;
  /** What `redact` of the project names; null = nothing. */
  readonly privacy: Privacy | null;
  /** Called before the first call is made. */
  readonly onPlan: (plan: ShadowPlan) => void;
}

/** What will be called, and what it may cost. */
interface ShadowPlan {
  readonly feature: string;
  readonly release: string;
  readonly against: string;
  readonly sample: ShadowSample;
  readonly candidate: RunJobEstimate;
  /** null = what users got is read, not called. */
  readonly baseline: RunJobEstimate | null;
  /** What judging the answers of users may come to; null = nothing of them is judged. */
  readonly observedJudge: RunJobEstimate['judge'];
  readonly graders: readonly string[];
  /** Calls of the judge that compare pairs, at most, retries aside. */
  readonly preferCalls: number;
}

export type ShadowResult =
  | { readonly kind: 'plan'; readonly plan: ShadowPlan }
  | { readonly kind: 'shadow'; readonly report: ShadowReport; readonly next: string | null };

/** Runs the candidate. Throws only on wrong input or when the work could not be done; whatever models do is a result. */
export async function shadowJob(
  work: Workplace,
  production: ObservationStore,
  input: ShadowInput,
): Promise<ShadowResult> {
  if (input.resume !== undefined) return resumed(work, input, input.resume);
  const { feature, cwd } = input;
  await mustExist(production, feature);
  const release = await loadRelease(await findReleaseFile(input.release, cwd));
  const other =
    input.against === 'observed' ? null : await loadRelease(await findReleaseFile(input.against, cwd));
  const suiteName = suiteNameOf(feature);
  const range = timeRange(work.clock.now(), input.since);
  const drawn = await drawInputs(production, {
    feature,
    range,
    most: input.sample,
    suiteName,
    mask: work.mask,
    privacy: input.privacy,
  });
  try {
    const { graders, preferring, ...exam } = await withFeatureExam(drawn.suite, input);
    const candidate: Assignment = { ...exam, release };
    throwAll(checkRequests(exam.suite.cases, release));
    if (other !== null) throwAll(checkRequests(exam.suite.cases, other));
    if (other === null && drawn.observedRelease === null)
      throw noInputs(feature, drawn.sample.observations, 'an answer');
    const baseline: Assignment = {
      ...exam,
      release: other ?? (await loadRelease(drawn.observedRelease ?? '')),
    };
    const before = await estimate(work, baseline, other === null ? readOnly(input.settings) : input.settings);
    const plan: ShadowPlan = {
      feature,
      release: nameOf(release),
      against: other === null ? 'observed' : nameOf(other),
      sample: drawn.sample,
      candidate: await estimate(work, candidate, input.settings),
      baseline: other === null ? null : before,
      observedJudge: other === null ? before.judge : null,
      graders,
      preferCalls: Math.min(pairsFor(input, preferring), drawn.sample.questions) * callsOf(input, preferring),
    };
    await refuseUnbatchable(work, candidate, input.settings);
    if (other !== null) await refuseUnbatchable(work, baseline, input.settings);
    input.onPlan(plan);
    if (input.dryRun) return { kind: 'plan', plan };
    const { name, fingerprint } = release;
    const record = {
      ...{ feature, release: { name, fingerprint } },
      ...{ live: other !== null, sample: drawn.sample, graders },
    };
    return await run(work, input, { baseline, candidate, preferring, record, discard: drawn.discard });
  } finally {
    await drawn.discard();
  }
}

interface Sides {
  readonly baseline: Assignment;
  readonly candidate: Assignment;
  readonly preferring: Release | null;
  readonly record: Omit<ShadowPlanRecord, 'id'>;
  /** Removes the files of the inputs. */
  discard(): Promise<void>;
}

async function run(
  work: Workplace,
  input: ShadowInput,
  { baseline, candidate, preferring, record, discard }: Sides,
): Promise<ShadowResult> {
  const halved = record.live ? half(input.settings) : input.settings;
  const plan: ShadowPlanRecord = { ...record, id: newSnapshotId(work.rng) };
  await keepPlan(work, baseline.suite.name, plan);
  const first = await runSuite(work, baseline, {
    ...(record.live ? halved : readOnly(halved)),
    ...settingsOf('baseline', plan),
    measuresAppErrors: true,
  });
  // What users got is in the ledger now; no copy of it outlives a process that is killed later.
  await discard();
  if (isCut(first)) return { kind: 'shadow', ...(await cutReport(work, input, plan, first)) };
  const second = await runSuite(work, candidate, { ...halved, ...settingsOf('candidate', plan) });
  return finished(work, input, plan, { first: first.summary, second, preferring });
}

/** Goes on with the snapshot of an interrupted shadow run: trials that are stored are not run again. */
async function resumed(work: Workplace, input: ShadowInput, ref: string): Promise<ShadowResult> {
  const { store } = work;
  const asked = await store.resolve(ref, { suite: suiteNameOf(input.feature), now: work.clock.now() });
  const plan = await planOf(work, asked.suite, asked.labels[SHADOW] ?? '');
  if (plan === null || plan.feature !== input.feature)
    throw new LastgoodError({
      code: 'SHADOW_RESUME',
      message: `${asked.id} is not a snapshot of a shadow run of ${input.feature}`,
      hint: 'use the command that the interrupted run printed as `next`',
    });
  const settings = plan.live ? half(input.settings) : input.settings;
  const sides = (await store.list({ suite: asked.suite })).filter((s) => s.labels[SHADOW] === plan.id);
  let first = sides.find((s) => s.labels['arm'] === 'baseline') ?? asked;
  if (first.state !== 'finished') {
    const own = plan.live ? settings : readOnly(settings);
    const again = await resumeRun(work, first.id, { ...own, ...settingsOf('baseline', plan) });
    first = again.summary;
    if (isCut(again)) return { kind: 'shadow', ...(await cutReport(work, input, plan, again)) };
  }
  const begun = sides.find((s) => s.labels['arm'] === 'candidate');
  const judge = first.judge === null ? null : await store.releaseOf(first.id, 'judge');
  const embedder = first.embedder === null ? null : await store.releaseOf(first.id, 'embedder');
  const suite = await store.suiteOf(first.id);
  const second =
    begun === undefined
      ? await runSuite(
          work,
          {
            suite,
            programs: await programsInTree(work, suite),
            release: await loadRelease(await findReleaseFile(input.release, input.cwd)),
            judge,
            embedder,
          },
          { ...settings, ...settingsOf('candidate', plan) },
        )
      : begun.state !== 'finished'
        ? await resumeRun(work, begun.id, { ...settings, ...settingsOf('candidate', plan) })
        : { summary: begun, report: { stoppedBy: null } };
  const preferring = input.judge === undefined && judge !== null ? judge : await preferringJudge(input);
  return finished(work, input, plan, { first, second, preferring });
}

const SHADOW = 'shadow';

function settingsOf(
  arm: 'baseline' | 'candidate',
  { id }: Pick<ShadowPlanRecord, 'id'>,
): Pick<RunSettings, 'purpose' | 'labels' | 'batchWaits'> {
  return { purpose: 'run', labels: { arm, [SHADOW]: id }, batchWaits: BATCH_WAITS };
}

/** What users got costs nothing to read, so no limit may cut it off and no batch takes it. Its judge may be asked in batches. */
function readOnly(settings: RunSettings): RunSettings {
  return {
    ...settings,
    maxCalls: undefined,
    maxCostUsd: undefined,
    batch: undefined,
    batchJudge: settings.batch,
  };
}

/** Two live sides share the limits. */
function half(settings: RunSettings): RunSettings {
  const { maxCalls, maxCostUsd } = settings;
  return {
    ...settings,
    maxCalls: maxCalls === undefined ? undefined : Math.max(1, Math.floor(maxCalls / 2)),
    maxCostUsd: maxCostUsd === undefined ? undefined : maxCostUsd / 2,
  };
}

type Ran = Pick<RunResult, 'summary'> & { readonly report: Pick<RunResult['report'], 'stoppedBy'> };

/** Stopped by a person or a dead account: the other side is not begun. */
function isCut({ report }: Ran): boolean {
  return report.stoppedBy === 'cancelled' || report.stoppedBy === 'fatal';
}

async function finished(
  work: Workplace,
  input: ShadowInput,
  plan: ShadowPlanRecord,
  { first, second, preferring }: { first: SnapshotSummary; second: Ran; preferring: Release | null },
): Promise<ShadowResult> {
  const { stoppedBy } = second.report;
  const judged = stoppedBy === null ? preferring : null;
  const report = await reportOf(work, plan, {
    baseline: first,
    candidate: second.summary,
    stoppedBy,
    preferring: judged,
    pairs: pairsFor(input, judged),
    batch: judged === null ? undefined : await preferringInBatches(work, input, plan, judged),
  });
  const next =
    second.summary.state === 'interrupted' || report.stoppedBy !== null
      ? resumeCommand(input, second.summary.id)
      : null;
  return { kind: 'shadow', report, next };
}

/** The first side was cut off: its trials are stored, and the other side was not asked. */
async function cutReport(
  work: Workplace,
  input: ShadowInput,
  plan: ShadowPlanRecord,
  { summary, report }: Ran,
): Promise<{ readonly report: ShadowReport; readonly next: string }> {
  const found = await reportOf(work, plan, {
    baseline: summary,
    candidate: null,
    stoppedBy: report.stoppedBy,
    preferring: null,
    pairs: 0,
    batch: undefined,
  });
  return { report: found, next: resumeCommand(input, summary.id) };
}

/** How the judge is asked which answers are better; undefined = in single calls. */
async function preferringInBatches(
  work: Workplace,
  { feature, settings }: ShadowInput,
  { id }: ShadowPlanRecord,
  judge: Release,
): Promise<JudgeBatching | undefined> {
  if (settings.batch !== true) return undefined;
  const { isJudgeBatchable } = await import('../../engine/examiners/batched-judges.ts');
  if (!(await isJudgeBatchable(work, judge))) return undefined;
  const { batchPollMs: pollMs, deadlineMs } = settings;
  const { outageMs } = limitsOf(settings);
  const scope = { scope: `preferences of shadow ${id}`, suite: suiteNameOf(feature) };
  return { pollMs, deadlineMs, outageMs, scope, ...BATCH_WAITS };
}

/** A shadow run prints how it is continued. */
const BATCH_WAITS = {
  keepAtDeadline: false,
  continueWith: 'the command that is printed as `next` continues',
};

function resumeCommand({ feature, release, suite, judge, settings }: ShadowInput, id: string): string {
  const named = [
    ...(suite === undefined ? [] : ['--suite', suite]),
    ...(judge === undefined ? [] : ['--judge', judge]),
    ...(settings.batch === true ? ['--batch'] : []),
  ];
  return ['lastgood shadow', feature, '--release', release, ...named, '--resume', id].join(' ');
}

/** Judge calls for one pair: every vote in both orders. */
function callsOf({ settings }: ShadowInput, judge: Release | null): number {
  if (judge === null) return 0;
  const panel = panelOf(withVotes(judge, settings.judgeVotes) ?? judge);
  return 2 * panel.judges.length * panel.votes;
}

/** Pairs that the judge is asked about within its limit. */
function pairsFor(input: ShadowInput, judge: Release | null): number {
  if (judge === null) return 0;
  const { prefer, maxJudgeCalls } = input;
  return maxJudgeCalls === undefined
    ? prefer
    : Math.min(prefer, Math.floor(maxJudgeCalls / callsOf(input, judge)));
}

function suiteNameOf(feature: string): string {
  return `${slug(feature, 50) || 'feature'}-shadow`;
}

function nameOf({ name, fingerprint }: Release): string {
  return `${name} ${shortHash(fingerprint)}`;
}
