// The release files of a suite's judge, panel and embedder: named where they are needed, and there.

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { quote, type TextDocument, whereIn } from '../base/document.ts';
import { LastgoodError } from '../base/errors.ts';
import { mustBeInside } from '../base/trust.ts';
import type { Case, Suite } from '../core/suite.ts';
import type { Problems } from './problems.ts';
import type { SuiteFile } from './suite-schema.ts';

/** Cases that need an examiner: how many, and the first of them. */
export interface Needing {
  count: number;
  first: Case | null;
}

export function addNeeding(needing: Needing, c: Case): void {
  needing.count++;
  needing.first ??= c;
}

/** The judge's release file, or all of a panel's; and how often each votes. */
export function judgeFiles(
  head: SuiteFile,
  judged: Needing,
  document: TextDocument,
  problems: Problems,
): Pick<Suite, 'judgeFile' | 'panelFiles' | 'judgeVotes'> {
  const named = typeof head.judge === 'object' ? head.judge.release : head.judge;
  const votes = typeof head.judge === 'object' ? head.judge.votes : undefined;
  if (head.panel === undefined) {
    const judgeFile = examinerFile('judge', named, judged, 'a question to the judge', document, problems);
    return { judgeFile, ...(votes === undefined || votes === 1 ? {} : { judgeVotes: votes }) };
  }
  if (head.judge !== undefined) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_TWO_JUDGES',
        message: 'the suite has both a `judge` and a `panel`, expected one of them',
        where: whereIn(document, ['panel'], 'key'),
        hint: 'put the judge into the panel',
      }),
    );
  }
  const panelFiles = head.panel.flatMap(
    (file) => examinerFile('panel', file, judged, 'a question to the judge', document, problems) ?? [],
  );
  const twice = panelFiles.find((file, i) => panelFiles.indexOf(file) !== i);
  if (twice !== undefined) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_TWO_JUDGES',
        message: `the panel names ${quote(twice)} twice`,
        where: whereIn(document, ['panel']),
        hint: 'for several votes of one judge write judge: { release: FILE, votes: 3 }',
      }),
    );
  }
  return { judgeFile: panelFiles[0] ?? null, panelFiles };
}

/** Resolved path of the judge's or embedder's release; an error when it is needed and not named, or named and not there. */
export function examinerFile(
  key: 'judge' | 'panel' | 'embedder',
  named: string | undefined,
  needing: Needing,
  because: string,
  document: TextDocument,
  problems: Problems,
): string | null {
  if (named !== undefined) {
    const path = resolve(dirname(document.file), named);
    try {
      mustBeInside(path, document.file, whereIn(document, [key]));
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      problems.add(error);
      return null;
    }
    if (!existsSync(path)) {
      problems.add(
        new LastgoodError({
          code: 'SUITE_UNREADABLE',
          message: `the ${key === 'panel' ? 'judge' : key}'s release file ${quote(named)} does not exist`,
          where: whereIn(document, [key]),
          hint: 'paths are relative to the file they stand in',
        }),
      );
    }
    return path;
  }
  const { first } = needing;
  if (first === null) return null;
  problems.add(
    new LastgoodError({
      code: key === 'judge' ? 'SUITE_NO_JUDGE' : 'SUITE_NO_EMBEDDER',
      message: `${because} needs the suite's \`${key}\`, and the suite names none (${needing.count} ${needing.count === 1 ? 'case' : 'cases'})`,
      where: { ...first.where, caseId: first.id },
      hint: `add \`${key}: <release file>\` to ${document.file}`,
    }),
  );
  return null;
}

/** The channel needs vectors, and nothing could make them. */
export function channelWithoutEmbedder(document: TextDocument): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_NO_EMBEDDER',
    message:
      "the policy asks for the embedding channel, which needs the suite's `embedder`, and the suite names none",
    where: whereIn(document, ['policy', 'channels', 'embedding']),
    hint: `add \`embedder: <release file>\` to ${document.file}, or set channels: { embedding: off }`,
  });
}
