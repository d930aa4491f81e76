// Drawn answers as cases with one answered trial each, cleaned by the redaction rules of today.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnsweredTrial, Case, GraderSpec } from '../../core/index.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import { Losses } from '../../intake/index.ts';
import { loadRelease } from '../../release/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { gradersHash } from '../../suite/suite-hash.ts';
import { Cleaning } from '../import/cleaning.ts';
import { SuiteWriter } from '../import/suite-writer.ts';
import type { DrawnAnswer } from './draw-answers.ts';

export interface AnswerCase {
  /** Of the observation. */
  readonly id: string;
  readonly case: Case;
  readonly trial: AnsweredTrial;
}

/** Reads answers the way an import does, in a folder that is gone when this resolves. */
export async function answerCases(
  work: Workplace,
  answers: readonly DrawnAnswer[],
  input: { readonly spec: GraderSpec; readonly privacy: Privacy | null },
): Promise<readonly AnswerCase[]> {
  if (answers.length === 0) return [];
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-judge-'));
  try {
    const writer = new SuiteWriter({
      dir,
      overwrite: true,
      dryRun: false,
      cleaning: new Cleaning(work.mask, input.privacy),
      losses: new Losses(),
      limit: undefined,
      sample: undefined,
    });
    const ids = new Map<string, string>();
    for (const [i, { id, found }] of answers.entries()) {
      const sourceId = `answer-${i}`;
      ids.set(sourceId, id);
      const recordings = (found.recordings ?? []).slice(0, 1).map((r) => ({ ...r, release: 'observed' }));
      // Each answer is a case of its own: equal questions are not merged.
      writer.add({ ...found, sourceId, recordId: undefined, trials: 1, recordings });
    }
    const frame = { description: '', releases: [], files: [] };
    writer.finish(frame, 'answers');
    // Beside the recordings' folder: a release reads only files below its own.
    const release = join(dir, 'observed.yaml');
    await writeFile(
      release,
      'name: observed\nroute: { provider: replay, file: recordings/observed.jsonl }\n',
    );
    const suite = await loadSuite(join(dir, 'suite.yaml'));
    const observed = await providerOf(work, await loadRelease(release));
    const graders = [input.spec];
    const found: AnswerCase[] = [];
    for (const c of suite.cases) {
      const reply = await observed.call(
        { caseId: c.id, trial: 0, messages: [], vars: {}, params: {} },
        work.hardSignal,
      );
      const id = ids.get(c.id);
      if (reply.kind !== 'answered' || id === undefined) continue;
      const { output, stopReason, served, usage, latencyMs, costUsd = null } = reply;
      found.push({
        id,
        case: { ...c, graders, gradersHash: gradersHash(graders) },
        trial: {
          ...{ caseId: c.id, trial: 0, attempts: [], sent: null, status: 'answered' },
          ...{ output, stopReason, served, usage, latencyMs, costUsd, droppedParams: [] },
        },
      });
    }
    await observed.close?.();
    return found;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
