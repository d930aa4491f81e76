// GitHub: workflow commands that put the worst findings beside the lines of the cases, and the step's outputs.

import { signed } from '../../base/numbers.ts';
import type { CheckResult, Place, SuiteCheck } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { isPaired } from '../text/comparison-text.ts';

/** GitHub shows ten annotations of a kind per step and drops the rest in silence. */
export const MOST_ANNOTATIONS = 10;

interface Finding {
  readonly level: 'error' | 'warning' | 'notice';
  readonly place: Place | null;
  readonly title: string;
  readonly message: string;
}

/** At most ten `::error`, `::warning` and `::notice` lines in all; the last one counts what did not fit. */
export function githubAnnotations(r: CheckResult): string {
  const found = [...r.suites].sort((a, b) => weight(b) - weight(a)).flatMap(findingsOf);
  const shown = found.length > MOST_ANNOTATIONS ? found.slice(0, MOST_ANNOTATIONS - 1) : found;
  const lines = shown.map(command);
  if (found.length > shown.length)
    lines.push(
      command({
        level: 'notice',
        place: null,
        title: 'lastgood',
        message: `${found.length - shown.length} more findings are in the step summary and the report`,
      }),
    );
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/**
 * Log text that the runner does not read for commands: everything between a pair of lines that only who knows the token can
 * write. `token` must be random.
 */
export function githubGuarded(text: string, token: string): string {
  return `::stop-commands::${token}\n${text.endsWith('\n') ? text : `${text}\n`}::${token}::\n`;
}

/** Lines for the file `$GITHUB_OUTPUT` names. Every value is a word or a number of our own. */
export function githubOutputs(r: CheckResult): string {
  return `verdict=${r.verdict}\ngate=${r.gate.outcome}\nexit-code=${r.exitCode}\n`;
}

function weight(s: SuiteCheck): number {
  return s.gate === 'fail' ? 2 : s.gate === 'inconclusive' ? 1 : 0;
}

function findingsOf(s: SuiteCheck): Finding[] {
  const found: Finding[] = [];
  const at = (id: string): Place => s.places[id] ?? s.place;
  for (const c of s.firstRun)
    if (c.outcome !== 'pass')
      found.push({
        level: c.outcome === 'fail' ? 'error' : 'warning',
        place: at(c.id),
        title: `${s.suite}: ${c.id}`,
        message: `passes ${c.passed} of ${c.trials} trials on its first run${c.critical === true ? '; critical, and not compared' : ''}`,
      });
  for (const { what } of (s.exam?.changes ?? []).filter((c) => c.weaker))
    found.push({
      level: 'warning',
      place: s.place,
      title: `${s.suite}: the exam is weaker`,
      message: what,
    });
  const regressed = (s.status === 'compared' ? (s.comparison?.cases ?? []) : [])
    .filter(isPaired)
    .filter((d) => d.verdict === 'regressed')
    .sort((a, b) => Number(b.critical) - Number(a.critical) || a.delta - b.delta);
  for (const d of regressed)
    found.push({
      level: 'error',
      place: at(d.id),
      title: `${s.suite}: ${d.id} regressed${d.critical ? ' (critical)' : ''}`,
      message: `${d.baseline.passed}/${d.baseline.trials} -> ${d.candidate.passed}/${d.candidate.trials} (${signed(d.delta, 2)}): ${d.reason}`,
    });
  if (s.gate === 'fail' && found.every((f) => f.level !== 'error'))
    found.push({ level: 'error', place: s.place, title: `${s.suite}: ${s.verdict}`, message: s.reason });
  if (s.gate === 'inconclusive' && found.every((f) => f.title.endsWith('the exam is weaker')))
    found.push({
      level: s.exitCode === 0 ? 'notice' : 'warning',
      place: s.place,
      title: `${s.suite}: ${s.verdict}`,
      message: s.reason,
    });
  return found;
}

function command({ level, place, title, message }: Finding): string {
  const properties = [
    ...(place === null ? [] : [`file=${property(place.file, 500)}`, `line=${place.line}`]),
    `title=${property(title, 150)}`,
  ];
  return `::${level} ${properties.join(',')}::${data(terminalLine(message, 600))}`;
}

/** As the runner decodes it: `%`, CR and LF; in a property `:` and `,` as well. */
function data(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function property(text: string, max: number): string {
  return data(terminalLine(text, max)).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
