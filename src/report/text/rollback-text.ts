// The rollback decision for the on-call engineer: what to restore, the proof, and why not the others.

import { shortHash } from '../../base/index.ts';
import { count, milliseconds, percent, pointInterval, points, usd, when } from '../../base/numbers.ts';
import type {
  Dependent,
  Economy,
  EconomyRatio,
  RollbackDecision,
  StateCheck,
  Verification,
} from '../../core/index.ts';
import { markdownText, terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';

/** Decision as lines of text. */
export function rollbackText(
  d: RollbackDecision,
  options: { readonly style?: Style; readonly next?: string } = {},
): string {
  const style = options.style ?? PLAIN;
  const colour = verdictStyle(style, d.decision);
  const out: string[] = [`${colour(style.bold(d.decision.toUpperCase()))}  ${terminalLine(d.reason, 500)}`];
  out.push(
    `  incident  ${d.current.id}  ${terminalLine(d.current.release, 40)} ${shortHash(d.current.fingerprint)}  pass rate ${percent(d.current.passRate)}`,
    `  baseline  ${d.baseline.id}  ${terminalLine(d.baseline.release, 40)} ${shortHash(d.baseline.fingerprint)}  pass rate ${percent(d.baseline.passRate)}`,
    ...poolLines(d),
    `  regressed: ${count(d.regressedCases.length, 'case')}${
      d.regressedCases.length > 0
        ? ` (${d.regressedCases
            .slice(0, 6)
            .map((id) => terminalLine(id, 50))
            .join(', ')}${d.regressedCases.length > 6 ? ', …' : ''})`
        : ''
    }`,
  );
  if (d.onset !== null) {
    out.push(
      `  since: ${when(d.onset.at)} (${d.onset.snapshot}); layers changed there: ${d.onset.layersChanged.length > 0 ? d.onset.layersChanged.join(', ') : 'none, so look at the provider'}`,
    );
  }
  if (d.target !== null) {
    const t = d.target;
    out.push('', `Restore ${style.bold(`${terminalLine(t.release, 60)} ${shortHash(t.fingerprint)}`)}`);
    out.push(
      `  layers that change: ${t.layersRestored.join(', ') || 'none'}${t.hybrid ? '; a hybrid that had never been run before this check' : ''}`,
    );
    if (t.snapshot !== null) out.push(`  it was good in snapshot ${t.snapshot}`);
    for (const dep of t.dependentStates ?? []) {
      const mark =
        dep.state === 'fits'
          ? style.green('fits')
          : dep.state === 'does-not-fit'
            ? style.red('DOES NOT FIT')
            : style.yellow(dep.state.replace('-', ' '));
      out.push(
        `  dependent state: ${terminalLine(dep.name, 60)}, built from ${dep.builtFrom}: ${mark}; ${terminalLine(dep.detail, 200)}`,
      );
    }
  }
  if (d.verification !== null) {
    const v = d.verification;
    out.push(
      '',
      `Verification (fresh run ${v.snapshot}): ${verdictStyle(style, v.outcome === 'failed' ? 'fail' : v.outcome)(v.outcome)}`,
    );
    out.push(`  ${terminalLine(v.reason, 400)}`);
    out.push(
      ...controlLines(v),
      ...conditionLines(v),
      ...economyLines(v.economy),
      `  recovered ${v.recovered} of ${d.regressedCases.length}${
        v.stillFailing.length > 0
          ? `; still failing: ${v.stillFailing
              .slice(0, 8)
              .map((id) => terminalLine(id, 50))
              .join(', ')}`
          : ''
      }`,
    );
  }
  if (d.rejected.length > 0) {
    out.push('', `Refused (${d.rejected.length})`);
    for (const r of d.rejected.slice(0, 20)) {
      out.push(
        `  ${terminalLine(r.release, 50)} ${shortHash(r.fingerprint)}  ${r.reason.replaceAll('_', ' ')}`,
        `    ${style.dim(terminalLine(r.detail, 300))}`,
      );
    }
    if (d.rejected.length > 20) out.push(`  … ${d.rejected.length - 20} more; --json has all of them`);
  }
  if (d.steps.length > 0)
    out.push('', 'Steps', ...d.steps.map((s, i) => `  ${i + 1}. ${terminalLine(s, 300)}`));
  out.push('', `${count(d.callsSpent, 'call')} spent.`);
  if (d.lastDrill !== undefined && d.target !== null)
    out.push(
      d.lastDrill === null
        ? style.yellow(`this path has never been rehearsed: lastgood drill ${terminalLine(d.suite, 80)}`)
        : `last drill: ${terminalLine(d.lastDrill.outcome, 20)}, ${count(d.lastDrill.ageDays, 'day')} ago`,
    );
  if (options.next !== undefined) out.push(`next: ${options.next}`);
  return `${out.join('\n')}\n`;
}

/** The last good release, run beside the target today. */
function controlLines({ control }: Verification): string[] {
  if (control === undefined) return [];
  if (control === null)
    return [
      '  measured against the stored runs of the baseline: its release could not be run beside the target',
    ];
  const name = `${terminalLine(control.release, 40)} ${shortHash(control.fingerprint)}`;
  const rate = `pass rate today ${percent(control.passRate)}${control.delta === null ? '' : ` (${points(control.delta)} against its stored runs)`}`;
  const fell =
    control.fell.length === 0
      ? ''
      : `; ${count(control.fell.length, 'case')} fell: ${control.fell
          .slice(0, 6)
          .map((id) => terminalLine(id, 50))
          .join(', ')}${control.fell.length > 6 ? ', …' : ''}`;
  return [
    `  run beside it: the last good release ${name}, ${rate}`,
    ...(control.moved ? [`  the world moved: the last good release is no longer good today${fell}`] : []),
  ];
}

/** Every demand, met or not; decisions of older versions have none. */
function conditionLines(v: Verification): string[] {
  if (v.conditions === undefined) {
    return v.nonInferiority === null
      ? []
      : [
          `  against the baseline: ${points(v.nonInferiority.delta)}, interval ${pointInterval(v.nonInferiority.interval)}, margin ${percent(v.nonInferiority.margin)}: ${v.nonInferiority.holds ? 'not worse' : 'not shown to be not worse'}`,
        ];
  }
  const named = { holds: 'ok   ', fails: 'FAILS', open: 'open ' } as const;
  return [
    ...v.conditions.map((c) => `  ${named[c.state]}  ${terminalLine(c.detail, 300)}`),
    ...(v.trialsToSettle == null
      ? []
      : [
          `  price of an answer: about ${count(v.trialsToSettle, 'trial')} a case and arm (--trials ${v.trialsToSettle})`,
        ]),
  ];
}

/** Cost, latency and length of the target beside the last good release. */
function economyLines(economy: Economy | undefined): string[] {
  if (economy === undefined) return [];
  const part = (name: string, r: EconomyRatio, show: (value: number) => string): string =>
    r.target === null
      ? `${name} not known`
      : r.baseline === null
        ? `${name} ${show(r.target)} (the baseline's is not known)`
        : `${name} ${show(r.baseline)} → ${show(r.target)}${r.ratio === null ? '' : ` (× ${r.ratio.toFixed(2)})`}`;
  return [
    `  ${[
      part('cost', economy.costUsd, usd),
      part('latency', economy.latencyMs, milliseconds),
      part('length', economy.length, (v) => `${Math.round(v)}`),
    ].join('; ')}`,
  ];
}

/** The runs that count with the blessed one, and those that do not. */
function poolLines({ baseline }: RollbackDecision): string[] {
  const { pool } = baseline;
  if (pool === undefined) return [];
  const lines =
    pool.runs > 1
      ? [`  its pool  ${count(pool.runs, 'run')}, pass rate together ${percent(pool.passRate)}`]
      : [];
  const [first] = pool.leftOut;
  if (first !== undefined)
    lines.push(
      `  left out  ${count(pool.leftOut.length, 'run')} of the same release: ${first.snapshot} ${terminalLine(first.reason, 160)}${pool.leftOut.length > 1 ? '; …' : ''}`,
    );
  return lines;
}

/** The checks of dependent state, one line each and the end of what they printed where they did not fit. */
export function stateChecksText(
  r: {
    readonly release: string;
    readonly fingerprint: string;
    readonly checks: readonly StateCheck[];
    readonly unchecked: readonly Dependent[];
  },
  options: { readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const out = [`State built for ${terminalLine(r.release, 60)} ${shortHash(r.fingerprint)}`];
  for (const c of r.checks) {
    const mark = c.outcome === 'fits' ? style.green('fits') : style.red(c.outcome.replaceAll('-', ' '));
    out.push(
      `  ${terminalLine(c.name, 60)}, built from ${c.builtFrom}: ${mark}${c.exitCode === null ? '' : ` (exit code ${c.exitCode})`}`,
    );
    if (c.outcome !== 'fits' && c.output !== '') out.push(`    ${style.dim(terminalLine(c.output, 300))}`);
  }
  for (const d of r.unchecked)
    out.push(
      `  ${terminalLine(d.name, 60)}, built from ${d.builtFrom}: ${style.yellow('no check')}; only a person can say whether it fits`,
    );
  return `${out.join('\n')}\n`;
}

/** Decision as Markdown. */
export function rollbackMarkdown(d: RollbackDecision): string {
  const out = [`## Rollback: ${d.decision}`, '', markdownText(d.reason), ''];
  if (d.target !== null) {
    out.push(
      `Restore **${markdownText(d.target.release)}** \`${shortHash(d.target.fingerprint)}\`, changing ${d.target.layersRestored.join(', ') || 'nothing'}.`,
      '',
    );
  }
  if (d.verification !== null)
    out.push(
      `Verification \`${d.verification.snapshot}\`: **${d.verification.outcome}** — ${markdownText(d.verification.reason)}`,
      '',
    );
  if (d.rejected.length > 0) {
    out.push('| refused | reason | detail |', '|---|---|---|');
    for (const r of d.rejected)
      out.push(
        `| ${markdownText(r.release)} \`${shortHash(r.fingerprint)}\` | ${r.reason.replaceAll('_', ' ')} | ${markdownText(r.detail)} |`,
      );
    out.push('');
  }
  if (d.steps.length > 0) out.push('### Steps', ...d.steps.map((s, i) => `${i + 1}. ${markdownText(s)}`), '');
  return `${out.join('\n')}\n`;
}
