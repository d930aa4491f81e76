// What is to be run, loaded and checked before the first call: suite, release, judge, embedder.

import {
  type Case,
  examinersAsked,
  LastgoodError,
  panelRelease,
  type Release,
  type Suite,
  throwAll,
  wantsEmbeddings,
} from '../../core/index.ts';
import { loadRelease } from '../../release/load-release.ts';
import { checkRequests } from '../../run/index.ts';
import { filterCases, loadSuite } from '../../suite/index.ts';

export interface Assignment {
  readonly suite: Suite;
  readonly release: Release;
  readonly judge: Release | null;
  readonly embedder: Release | null;
}

/** Loads the files a run names. Everything that can be wrong in them is an error here, before any call. */
export async function loadAssignment(input: {
  readonly suite: string;
  readonly release: string;
  readonly filter?: string | undefined;
  /** Release file of another judge than the suite's. */
  readonly judge?: string | undefined;
  /** Gets the cases while they are read, see `loadSuite`. */
  readonly onCases?: ((cases: readonly Case[]) => void) | undefined;
}): Promise<Assignment> {
  const whole = await loadSuite(input.suite, input.onCases);
  const suite = input.filter === undefined ? whole : filterCases(whole, input.filter);
  const release = await loadRelease(input.release);
  const { judge, embedder } = await loadExaminers(suite, input.judge);
  throwAll(checkRequests(suite.cases, release));
  return { suite, release, judge, embedder };
}

/** The judge's and the embedder's release, where the suite's graders (or its embedding channel) need them. */
export async function loadExaminers(
  suite: Suite,
  otherJudge?: string,
): Promise<{ judge: Release | null; embedder: Release | null }> {
  const { judge: asks, embedder } = examinersAsked(suite.cases);
  const embeds = embedder || wantsEmbeddings(suite.policy);
  const judgeFiles = otherJudge === undefined ? suiteJudges(suite) : [otherJudge];
  if (asks && judgeFiles.length === 0) {
    throw new LastgoodError({
      code: 'SUITE_NO_JUDGE',
      message: 'cases ask a judge, but the suite names none',
      where: { file: suite.file ?? undefined, key: 'judge' },
      hint: 'add `judge: judge.yaml` (a release file) to the suite, or pass --judge FILE',
    });
  }
  return {
    judge: asks ? await loadPanel(judgeFiles, otherJudge === undefined ? (suite.judgeVotes ?? 1) : 1) : null,
    embedder: embeds && suite.embedderFile !== null ? await loadRelease(suite.embedderFile) : null,
  };
}

function suiteJudges(suite: Suite): readonly string[] {
  return suite.panelFiles ?? (suite.judgeFile === null ? [] : [suite.judgeFile]);
}

async function loadPanel(files: readonly string[], votes: number): Promise<Release> {
  const judges: Release[] = [];
  for (const file of files) {
    const judge = await loadRelease(file);
    const same = judges.find((j) => j.fingerprint === judge.fingerprint);
    if (same !== undefined) {
      throw new LastgoodError({
        code: 'SUITE_TWO_JUDGES',
        message: `two judges of the panel are one and the same release, ${judge.fingerprint.slice(0, 12)}; the other is ${same.file ?? same.name}`,
        where: { file },
        hint: 'for several votes of one judge write judge: { release: FILE, votes: 3 }',
      });
    }
    judges.push(judge);
  }
  return panelRelease({ judges, votes });
}
