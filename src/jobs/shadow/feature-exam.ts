// What live inputs can be graded with: graders of the feature's suite that are the same for every case and need no expected answer.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, type JsonValue } from '../../base/json.ts';
import { type Case, type GraderSpec, programsOf, type Release, type Suite } from '../../core/index.ts';
import type { KnownPrograms } from '../../engine/examiners/known-programs.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import { loadRelease } from '../../release/index.ts';
import { parseTicket } from '../../rollout/index.ts';
import { needsExpected } from '../../suite/expected.ts';
import { loadSuite } from '../../suite/index.ts';
import { gradersHash } from '../../suite/suite-hash.ts';
import { withCases } from '../../suite/with-cases.ts';

export interface FeatureExam {
  readonly suite: Suite;
  readonly judge: Release | null;
  readonly embedder: Release | null;
  readonly programs: KnownPrograms | undefined;
  /** Who says which of two answers is better; null without a judge. */
  readonly preferring: Release | null;
  /** Ids of the graders that apply. */
  readonly graders: readonly string[];
}

/** Gives live inputs the graders of the suite that `asked` or the feature's ticket names; without one they stay drafts. */
export async function withFeatureExam(
  inputs: Suite,
  input: {
    readonly feature: string;
    readonly suite: string | undefined;
    readonly judge: string | undefined;
    readonly cwd: string;
  },
): Promise<FeatureExam> {
  const { cwd } = input;
  const file = await suiteOf(input);
  const judgeFile = input.judge === undefined ? undefined : await findReleaseFile(input.judge, cwd);
  const own = file === null ? null : await loadSuite(file);
  const graders = own === null ? [] : sharedGraders([...own.cases]);
  const cases = [...inputs.cases].map((c): Case => ({ ...c, graders, gradersHash: gradersHash(graders) }));
  const examined =
    own === null
      ? inputs
      : withCases({ ...own, name: inputs.name, file: null, description: inputs.description }, cases);
  const { judge, embedder } = await loadExaminers(examined, judgeFile);
  const preferring = judgeFile ?? own?.judgeFile ?? null;
  return {
    suite: examined,
    judge,
    embedder,
    programs: programsOf(examined.cases),
    preferring: judge ?? (preferring === null ? null : await loadRelease(preferring)),
    graders: graders.map((g) => g.id),
  };
}

/** Who says which of two answers is better: the judge that is named, or that of the suite; null without one. */
export async function preferringJudge(input: {
  readonly feature: string;
  readonly suite: string | undefined;
  readonly judge: string | undefined;
  readonly cwd: string;
}): Promise<Release | null> {
  if (input.judge !== undefined) return loadRelease(await findReleaseFile(input.judge, input.cwd));
  const file = await suiteOf(input);
  const judgeFile = file === null ? null : (await loadSuite(file)).judgeFile;
  return judgeFile === null ? null : loadRelease(judgeFile);
}

/** null = neither was a suite named, nor has the feature a ticket. */
async function suiteOf(input: {
  readonly feature: string;
  readonly suite: string | undefined;
  readonly cwd: string;
}): Promise<string | null> {
  if (input.suite !== undefined) return findSuiteFile(input.suite, input.cwd);
  if (/[\\/]|^\.\.?$/.test(input.feature)) return null;
  const file = join(input.cwd, 'features', `${input.feature}.yaml`);
  if (!existsSync(file)) return null;
  return findSuiteFile(parseTicket(await readText(file), file).suite, input.cwd);
}

/** Of fewer cases it cannot be known which graders are meant for all of them. */
const LEAST_CASES = 3;

/** Graders that every case has in the same words, and that look at nothing but the answer. */
function sharedGraders(cases: readonly Case[]): readonly GraderSpec[] {
  const graded = cases.filter((c) => c.graders.length > 0);
  const [first, ...others] = graded;
  if (first === undefined || graded.length < LEAST_CASES) return [];
  const written = (g: GraderSpec): string => canonicalJson(JSON.parse(JSON.stringify(g)) as JsonValue);
  const sets = others.map((c) => new Set(c.graders.map(written)));
  return first.graders.filter((g) => !needsExpected(g) && sets.every((set) => set.has(written(g))));
}
