// Who grades, read from the files that a suite or the command line names: without a look at any request, which a regrade does not make.

import { LastgoodError } from '../../base/index.ts';
import { examinersAsked, panelRelease, type Release, type Suite, wantsEmbeddings } from '../../core/index.ts';
import { loadRelease } from '../../release/load-release.ts';

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
