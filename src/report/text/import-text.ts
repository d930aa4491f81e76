// What an import came to, for a terminal.

import { count } from '../../base/numbers.ts';
import type { ImportResult, Loss } from '../../core/import-result.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** Losses that are listed; `--json` has all of them. */
const MOST_LISTED = 40;

/** The account: what was written, then what did not come over as it was. */
export function importText(result: ImportResult, style: Style = PLAIN): string {
  const { cases, drafts, duplicates, releases, recordings, labels, masked } = result;
  const extras = [
    ...(drafts === 0 ? [] : [`${drafts} of them drafts without a grader`]),
    ...(duplicates === 0 ? [] : [`${count(duplicates, 'duplicate')} merged`]),
  ];
  const lines = [
    `${result.dryRun ? 'would import' : 'imported'} ${style.bold(result.format)} into ${terminalLine(result.to, 200)}: ${count(cases, 'case')}${extras.length === 0 ? '' : ` (${extras.join(', ')})`}, ${count(releases, 'release')}, ${count(recordings, 'recording')}${labels === 0 ? '' : `, ${count(labels, 'label')}`}`,
    `  ${result.mapped} constructs mapped, ${total(result.approximated)} approximated, ${total(result.dropped)} dropped`,
    ...(masked === 0 ? [] : [`  ${count(masked, 'credential')} replaced by [secret]`]),
    ...section('approximated', result.approximated, style),
    ...section('dropped', result.dropped, style),
  ];
  return `${lines.join('\n')}\n`;
}

function total(losses: readonly Loss[]): number {
  return losses.reduce((n, loss) => n + loss.count, 0);
}

function section(title: string, losses: readonly Loss[], style: Style): string[] {
  if (losses.length === 0) return [];
  const more = losses.length - MOST_LISTED;
  return [
    style.bold(`${title}:`),
    ...losses.slice(0, MOST_LISTED).map((loss) => {
      const place = [loss.file, loss.line].filter((p) => p !== null).join(':');
      const times = loss.count === 1 ? '' : ` (${loss.count} times)`;
      return `  ${terminalLine(place, 120)}: ${terminalLine(loss.construct, 120)}${times}: ${terminalLine(loss.reason, 200)}`;
    }),
    ...(more > 0 ? [`  … and ${more} more; --json lists all`] : []),
  ];
}
