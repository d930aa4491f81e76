// Running only what did not pass: to see quickly whether a change helps. It gives no verdict on the suite, because its cases were chosen
// for having failed.

import { LastgoodError } from '../../base/index.ts';
import type { CaseResult, Rerun, SnapshotSummary, Suite } from '../../core/index.ts';
import { type Assignment, loadAssignment } from '../../engine/arms/assignment.ts';
import { type RunResult, type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { withCases } from '../../suite/with-cases.ts';

export interface RerunInput {
  readonly suite: string;
  readonly release: string | undefined;
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  /** Whose failures; default: the newest run of the suite. */
  readonly against?: string | undefined;
  readonly settings: RunSettings;
}

/** What is to be run again. */
export interface PlannedRerun {
  readonly source: SnapshotSummary;
  /** null = every case of the suite passed there, so there is nothing to run. */
  readonly assignment: Assignment | null;
  readonly gone: readonly string[];
  readonly edited: readonly string[];
}

/** Label that names the snapshot whose failures were run again. */
const RERUN_OF = 'rerun-of';

/** The cases of the suite that did not pass in the source. Throws `REF_NOT_FOUND` without one. No call is made. */
export async function planRerun(work: Workplace, input: RerunInput): Promise<PlannedRerun> {
  if (input.release === undefined)
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: 'no release was named',
      hint: 'pass --release FILE, or set `release:` in lastgood.yaml',
    });
  const assignment = await loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
  });
  const { suite } = assignment;
  const source = await work.store.resolve(await sourceOf(work, input), {
    suite: suite.name,
    now: work.clock.now(),
  });
  if (source.suite !== suite.name)
    throw new LastgoodError({
      code: 'RERUN_OTHER_SUITE',
      message: `${source.id} is a run of suite "${source.suite}", not of "${suite.name}"`,
      hint: 'name a snapshot of this suite with --against',
    });
  const failed = (await work.store.results(source.id)).cases.filter((c) => !passedAll(c));
  const wanted = new Map(failed.map((c) => [c.id, c]));
  const cases = suite.cases.filter((c) => wanted.has(c.id));
  return {
    source,
    assignment: cases.length === 0 ? null : { ...assignment, suite: withCases(suite, cases) },
    gone: input.filter === undefined ? goneFrom(suite, failed) : [],
    edited: cases.filter((c) => wanted.get(c.id)?.exam.contentHash !== c.contentHash).map((c) => c.id),
  };
}

/** The reference of the snapshot whose failures are meant; an exported file is imported first. */
async function sourceOf(work: Workplace, { against = 'latest', cwd }: RerunInput): Promise<string> {
  if (!against.endsWith('.snapshot.jsonl')) return against;
  const { importFiles } = await import('../../engine/exchange/exchange.ts');
  return (await importFiles(work, [against], cwd)).snapshots[0]?.snapshot ?? against;
}

function goneFrom(suite: Suite, failed: readonly CaseResult[]): string[] {
  const now = new Set(suite.cases.map((c) => c.id));
  return failed.filter((c) => !now.has(c.id)).map((c) => c.id);
}

/** Every planned trial has a grade and passed. What failed, was skipped or could not be graded did not pass. */
function passedAll({ plannedTrials, trials }: CaseResult): boolean {
  return trials.length >= plannedTrials && trials.every((t) => t.pass === true);
}

/** Runs them and says which pass every trial now. */
export async function runAgain(
  work: Workplace,
  planned: PlannedRerun & { readonly assignment: Assignment },
  settings: RunSettings,
): Promise<RunResult & { readonly rerun: Rerun }> {
  const { assignment, source } = planned;
  const result = await runSuite(work, assignment, {
    ...settings,
    purpose: 'confirmation',
    labels: { ...settings.labels, [RERUN_OF]: source.id },
  });
  const { cases } = await work.store.results(result.summary.id);
  const passing = cases.filter(passedAll).map((c) => c.id);
  const failing = cases.filter((c) => !passedAll(c)).map((c) => c.id);
  return { ...result, rerun: rerunOf(planned, cases.length, passing, failing) };
}

/** The report of a rerun; of one that had nothing to run, too. */
export function rerunOf(
  { edited, gone, source }: PlannedRerun,
  cases: number,
  nowPassing: readonly string[],
  stillFailing: readonly string[],
): Rerun {
  return { of: source.id, cases, ofCases: source.cases, nowPassing, stillFailing, edited, gone };
}

/** Has the suite a baseline, in the ledger or as a file in `dir`? Then only a whole run can be green. */
export async function hasBaseline(work: Workplace, suite: string, dir: string): Promise<boolean> {
  if ((await work.store.blessings(suite)).length > 0) return true;
  const { snapshotFiles } = await import('../../engine/exchange/baseline-file.ts');
  return (await snapshotFiles(dir, suite, () => {})).length > 0;
}
