// A bisection for a person at a terminal: the answer first, then every hybrid that was run.

import { shortHash } from '../../base/index.ts';
import { count, grouped, usd } from '../../base/numbers.ts';
import type { BisectReport } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

export function bisectText(r: BisectReport, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const colour = r.outcome === 'found' ? style.green : style.yellow;
  const out = [
    `${colour(style.bold(r.outcome.toUpperCase()))}  ${terminalLine(r.reason, 500)}`,
    `  good  ${r.good.id}  ${terminalLine(r.good.release, 40)} ${shortHash(r.good.fingerprint)}`,
    `  bad   ${r.bad.id}  ${terminalLine(r.bad.release, 40)} ${shortHash(r.bad.fingerprint)}`,
    `  layers that differ: ${r.layersChanged.join(', ') || 'none'}; ${count(r.regressedCases.length, 'regressed case')}`,
  ];
  if (r.cause !== null) {
    out.push('', `Cause  ${style.bold(r.cause.layers.join(' + '))}${minimal(r.cause.minimal)}`);
    out.push(`  ${terminalLine(r.cause.reason, 300)}`);
  }
  if (r.cure !== null) {
    out.push(
      `Cure   put back ${style.bold(r.cure.layers.join(' + '))} → ${shortHash(r.cure.fingerprint)}${minimal(r.cure.minimal)}`,
      `  ${terminalLine(r.cure.reason, 300)}`,
      '  shown on the regressed cases only; the whole suite is proven by: lastgood rollback',
    );
  }
  if (r.plan !== null && r.outcome === 'planned') {
    const { configurations, calls, costUsd } = r.plan;
    out.push(
      '',
      `Plan: ${count(r.plan.cases.length, 'case')} × ${count(r.plan.trialsPerRound, 'trial')} a round, up to ${r.plan.maxRounds} rounds where a round cannot decide`,
      `  ${configurations.least} to ${configurations.most} configurations, ${grouped(calls.least)} to ${grouped(calls.most)} calls, cost ${costUsd === null ? 'unknown' : `${usd(costUsd.least)} to ${usd(costUsd.most)}`}`,
      ...r.plan.order.map((line, i) => `  ${i + 1}. ${terminalLine(line, 200)}`),
    );
  }
  if (r.tests.length > 0) {
    out.push('', 'What was run');
    out.push(
      ...table(
        [
          ['from the bad release', 'outcome', 'passed', 'cases passing', 'calls'].map((h) => style.dim(h)),
          ...r.tests.map((t) => [
            t.fromBad.join(' + ') || 'nothing (the good release)',
            t.outcome === 'good'
              ? style.green('good')
              : t.outcome === 'bad'
                ? style.red('bad')
                : style.yellow(t.outcome),
            `${t.passed}/${t.trials}`,
            String(t.recovered),
            String(t.calls),
          ]),
        ],
        [2, 3, 4],
      ),
    );
  }
  if (r.outcome !== 'planned') out.push('', `${count(r.callsSpent, 'call')} spent.`);
  if (r.outcome === 'found')
    out.push(
      `next: lastgood rollback ${terminalLine(r.suite, 80)} --from ${r.bad.id} --baseline ${r.good.id}`,
    );
  return `${out.join('\n')}\n`;
}

function minimal(is: boolean): string {
  return is ? '' : '  (a smaller set could not be ruled out: some hybrids were inconclusive)';
}
