// What became of the cases that did not pass, for a terminal.

import { count } from '../../base/numbers.ts';
import type { Rerun } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';

const MOST_NAMED = 12;

/** The outcome of a rerun, and what it does not say. */
export function rerunText(r: Rerun): string {
  if (r.cases === 0)
    return `every case that ${r.of} ran passed (${count(r.ofCases, 'case')}): nothing to run again, nothing was called\n${goneLine(r)}`;
  const lines = [
    `of ${count(r.cases, 'case')} that did not pass in ${r.of}, ${r.nowPassing.length} ${r.nowPassing.length === 1 ? 'passes' : 'pass'} every trial now and ${r.stillFailing.length} ${r.stillFailing.length === 1 ? 'does' : 'do'} not`,
    ...(r.stillFailing.length === 0 ? [] : [`  not passing: ${named(r.stillFailing)}`]),
    ...(r.edited.length === 0 ? [] : [`  edited since ${r.of}: ${named(r.edited)}`]),
    `This is not a verdict on the suite: the other ${count(Math.max(0, r.ofCases - r.cases), 'case')} were not run, and these were chosen because they failed.`,
  ];
  return `${lines.join('\n')}\n${goneLine(r)}`;
}

function goneLine(r: Rerun): string {
  return r.gone.length === 0 ? '' : `  failed in ${r.of} and not in the suite any more: ${named(r.gone)}\n`;
}

function named(ids: readonly string[]): string {
  const some = ids.slice(0, MOST_NAMED).map((id) => terminalLine(id, 60));
  return `${some.join(', ')}${ids.length > MOST_NAMED ? `, and ${ids.length - MOST_NAMED} more` : ''}`;
}
