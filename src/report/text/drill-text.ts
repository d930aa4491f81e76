// A drill for a person at a terminal: each proof with its time and what was looked at.

import { shortHash } from '../../base/index.ts';
import { count, when } from '../../base/numbers.ts';
import type { DrillReport } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** `ageDays` for a drill out of the ledger. */
export function drillText(
  r: DrillReport,
  options: { readonly style?: Style; readonly ageDays?: number } = {},
): string {
  const style = options.style ?? PLAIN;
  const paint = (outcome: string): ((text: string) => string) =>
    outcome === 'passed' || outcome === 'proven'
      ? style.green
      : outcome === 'failed'
        ? style.red
        : style.yellow;
  const age = options.ageDays === undefined ? '' : `  ${count(options.ageDays, 'day')} ago`;
  const out = [
    `${paint(r.outcome)(style.bold(r.outcome.toUpperCase()))}  drill of ${terminalLine(r.suite, 60)}, ${when(r.at)} UTC${age}`,
    `  release  ${terminalLine(r.release, 60)} ${shortHash(r.fingerprint)}${r.releaseFrom === undefined ? '' : ` (from ${terminalLine(r.releaseFrom, 80)})`}`,
    `  on       ${r.where.kind === 'simulator' ? `the simulator (${terminalLine(r.where.name, 40)}): the path was rehearsed, not the provider` : `staging (${terminalLine(r.where.name, 60)})`}`,
  ];
  if (r.flips !== undefined) {
    const { feature, environment, through, tests } = r.flips;
    const passed = tests.filter((t) => t.outcome === 'passed').length;
    out.push(
      `  flags    of ${terminalLine(feature, 60)} in ${terminalLine(environment, 60)}, read through ${terminalLine(through, 100)}: ${passed} of ${r.proofs.length} flipped and restored`,
    );
  }
  for (const p of r.proofs) {
    out.push(
      '',
      `${paint(p.outcome)(p.outcome)}  ${style.bold(p.name)}  ${(p.elapsedMs / 1000).toFixed(1)} s${p.layersChanged.length === 0 ? '' : `, changes ${p.layersChanged.join(', ')}`}${p.snapshot === null ? '' : `, run ${p.snapshot}`}`,
    );
    for (const c of p.checks) {
      const mark =
        c.holds === true ? style.green('yes') : c.holds === false ? style.red('NO') : style.yellow('?');
      out.push(`  ${mark}  ${c.what}: ${terminalLine(c.detail, 240)}`);
    }
  }
  out.push('', `${count(r.callsSpent, 'call')} spent.`);
  return `${out.join('\n')}\n`;
}
