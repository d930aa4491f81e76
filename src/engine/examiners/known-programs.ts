// Which graders outside this process may run: those that stand in a suite file of the working tree. A ledger, and what was imported into it,
// is data and never brings a command of its own.

import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import { type ProgramGrader, programsOf, type Suite } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** The graders outside this process that may run, by their keys. */
export type KnownPrograms = ReadonlyMap<string, ProgramGrader>;

type Place = Pick<Workplace, 'project'>;

/**
 * The programs of a suite that came out of the ledger, as its file in the working tree has them. Throws `GRADER_NOT_IN_TREE` when it wants
 * one that does not stand there.
 */
export async function programsInTree(work: Place, suite: Suite): Promise<KnownPrograms> {
  const { known, strange } = await sorted(work, suite);
  if (strange === undefined) return known;
  const { file, name } = suite;
  throw new LastgoodError({
    code: 'GRADER_NOT_IN_TREE',
    message: `the stored suite "${name}" grades with ${describe(strange)}, which ${file === null ? 'stands in no suite file' : `does not stand in ${file}`} of this working tree, so it is not run`,
    hint: 'check out the suite that was run, or run the suite anew: a ledger never starts a program or calls a service by itself',
  });
}

/** Those of a suite's programs that its file in the working tree has; the others give no grade. */
export async function knownProgramsOf(work: Place, suite: Suite): Promise<KnownPrograms> {
  return (await sorted(work, suite)).known;
}

async function sorted(
  work: Place,
  suite: Suite,
): Promise<{ readonly known: KnownPrograms; readonly strange: ProgramGrader | undefined }> {
  const wanted = programsOf(suite.cases);
  if (wanted.size === 0) return { known: wanted, strange: undefined };
  const { file } = suite;
  const there: KnownPrograms = file !== null && isInTree(work, file) ? await programsInFile(file) : new Map();
  const known = new Map([...wanted].filter(([key]) => there.has(key)));
  return { known, strange: [...wanted].find(([key]) => !there.has(key))?.[1] };
}

/** The place of the file was stored with the suite, so it is data too. */
function isInTree({ project }: Place, file: string): boolean {
  const inside = relative(resolve(project?.root ?? '.'), resolve(file));
  return !isAbsolute(inside) && inside.split(sep)[0] !== '..' && existsSync(file);
}

async function programsInFile(file: string): Promise<KnownPrograms> {
  const { loadSuite } = await import('../../suite/load-suite.ts');
  return programsOf((await loadSuite(file)).cases);
}

function describe(spec: ProgramGrader): string {
  if (spec.type === 'command') return `the command ${JSON.stringify(spec.options.run)}`;
  const { url } = spec.options;
  return `the service at ${typeof url === 'string' ? url : `$${url.env}`}`;
}
