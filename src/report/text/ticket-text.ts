// Whether a rollout may start, for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import type { TicketReadiness } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** The answer first, then each condition and what to do about those that are not met. */
export function ticketText(r: TicketReadiness, style: Style = PLAIN): string {
  const open = r.checks.filter((c) => c.state !== 'met');
  const head = r.ready
    ? `${style.green(style.bold('READY'))}  the rollout of ${terminalLine(r.feature, 64)} may start`
    : `${style.yellow(style.bold('NOT READY'))}  the rollout of ${terminalLine(r.feature, 64)} may not start: ${open.length} of ${r.checks.length} conditions are open`;
  const out = [
    head,
    `  control    ${terminalLine(r.control.release, 60)} ${shortHash(r.control.fingerprint)}`,
    `  candidate  ${terminalLine(r.candidate.release, 60)} ${shortHash(r.candidate.fingerprint)}`,
    `  suite      ${terminalLine(r.suite, 60)}`,
    '',
  ];
  for (const c of r.checks) {
    const mark =
      c.state === 'met' ? style.green('yes') : c.state === 'missing' ? style.red('NO ') : style.yellow('?  ');
    out.push(`  ${mark}  ${c.what}`, `       ${terminalLine(c.detail, 240)}`);
    if (c.next !== null) out.push(`       next: ${terminalLine(c.next, 240)}`);
  }
  return `${out.join('\n')}\n`;
}
