// What of a run cannot be shared out: whatever needs files or programs of the machine that started it. Refused before anything is stored.

import { LastgoodError } from '../../base/errors.ts';
import { panelOf, programsOf, type Release } from '../../core/index.ts';
import type { Assignment } from '../arms/assignment.ts';
import type { RunSettings } from '../arms/run-settings.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** Throws `DISTRIBUTED_LOCAL`. */
export function checkShareable(
  work: Pick<Workplace, 'privacy'>,
  { suite, release, judge, embedder }: Assignment,
): void {
  const judges = judge === null ? [] : panelOf(judge).judges;
  for (const one of [release, ...judges, ...(embedder === null ? [] : [embedder])]) checkRoute(one);
  for (const c of suite.cases) {
    const code = c.graders.find((g) => g.type === 'javascript');
    if (code !== undefined) refuse(`case "${c.id}" is graded by a JavaScript file`, { caseId: c.id });
  }
  const [program] = programsOf(suite.cases).values();
  if (program !== undefined)
    refuse(`the suite is graded by a ${program.type} grader, which is outside lastgood`, {});
  if ((work.privacy ?? null) !== null)
    refuse('`redact` and `store` of lastgood.yaml, or --store, decide what is stored', { key: 'redact' });
}

/** A cost limit needs an upper bound of each call. Throws `DISTRIBUTED_LIMIT`. */
export function checkBound(settings: RunSettings, boundUsd: number | null): void {
  if (settings.maxCostUsd === undefined || boundUsd !== null) return;
  throw unsupported(
    '--max-cost needs an upper bound of the cost of each call, and there is none',
    'set max-tokens (or the like) in the params of the release and a price for its model, or use --max-calls',
  );
}

function checkRoute(release: Release): void {
  const { provider } = release.layers.route;
  if (provider !== 'command' && provider !== 'replay') return;
  const what = provider === 'command' ? 'starts a program' : 'reads a recording';
  const where = release.file === null ? {} : { file: release.file };
  refuse(`release "${release.name}" ${what} of this machine`, { ...where, key: 'route.provider' });
}

function refuse(why: string, where: LastgoodError['where']): never {
  throw new LastgoodError({
    code: 'DISTRIBUTED_LOCAL',
    message: `the run cannot be distributed: ${why}, and workers have no files of this machine; nothing was run`,
    where,
    hint: 'run it without --distributed',
  });
}

function unsupported(message: string, hint: string): LastgoodError {
  return new LastgoodError({
    code: 'DISTRIBUTED_LIMIT',
    message: `${message}; nothing was run`,
    hint,
  });
}
