// A rollback decision in 25 lines: what to restore, what proves it, what still has to be done.

import { shortHash } from '../../base/index.ts';
import { count, milliseconds, percent, usd, when } from '../../base/numbers.ts';
import type { RollbackDecision, Verification } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { fitLines, fold, idList, labelled, list, type Part, WIDTH } from './short-lines.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';

/** The short report. `next` is the command to suggest; without it the decision's own step is. */
export function rollbackSummary(
  d: RollbackDecision,
  options: { readonly style?: Style; readonly next?: string } = {},
): string {
  const style = options.style ?? PLAIN;
  const word = d.decision.toUpperCase();
  const [first = '', ...more] = fold(d.words ?? d.reason, WIDTH - word.length - 2, 3);
  const parts: Part[] = [
    {
      lines: [
        `${verdictStyle(style, d.decision)(style.bold(word))}  ${first}`,
        ...more.map((line) => `${' '.repeat(word.length + 2)}${line}`),
      ],
      least: 1,
    },
    { lines: incidentLines(d) },
    ...restoreParts(d),
    ...(d.verification === null ? [] : proofParts(d, d.verification)),
    { lines: [], entries: refusedLines(d).map((line) => [line]), order: 3 },
    list(
      d.steps.map((step, i) => `  ${i + 1}. ${terminalLine(step, WIDTH - 5)}`),
      4,
      { order: 1 },
    ),
    { lines: [...labelled('spent', count(d.callsSpent, 'call')), ...rehearsalLines(d)] },
    { lines: [`next: ${options.next ?? nextCommand(d)}`] },
  ];
  return `${fitLines(parts).join('\n')}\n`;
}

function incidentLines(d: RollbackDecision): string[] {
  const { current, baseline, onset, regressedCases } = d;
  const layers = onset?.layersChanged ?? [];
  const cause = [
    d.diagnosis ?? '',
    onset === null
      ? 'when it began is not known'
      : `since ${when(onset.at)} UTC (${onset.snapshot}), ${layers.length > 0 ? `layers changed: ${layers.join(', ')}` : 'no layer changed'}`,
  ].filter((part) => part !== '');
  const pool = baseline.pool;
  const good =
    pool === undefined || pool.runs < 2
      ? percent(baseline.passRate)
      : `${percent(pool.passRate)} over ${count(pool.runs, 'run')}`;
  const leftOut = pool?.leftOut.length ?? 0;
  return [
    ...labelled(
      'incident',
      `${current.id}  ${terminalLine(current.release, 40)} ${shortHash(current.fingerprint)}, pass rate ${percent(current.passRate)}`,
    ),
    ...labelled(
      'baseline',
      `${baseline.id}  ${terminalLine(baseline.release, 40)} ${shortHash(baseline.fingerprint)}, pass rate ${good}${leftOut === 0 ? '' : `; ${count(leftOut, 'run')} left out`}`,
    ),
    ...labelled('cause', cause.join('; ')),
    ...labelled(
      'cases',
      `${regressedCases.length} regressed${regressedCases.length === 0 ? '' : `: ${idList(regressedCases)}`}`,
    ),
  ];
}

function restoreParts({ target, decision }: RollbackDecision): Part[] {
  if (target === null) return [];
  const name = `${terminalLine(target.release, 50)} ${shortHash(target.fingerprint)}`;
  const hybrid = target.hybrid ? '; a hybrid that was never run before this check' : '';
  const states = (target.dependentStates ?? []).filter((s) => s.state !== 'fits');
  const fitting = (target.dependentStates ?? []).length - states.length;
  return [
    {
      lines: labelled(
        'restore',
        `${name}${decision === 'verified' ? '' : ' (NOT VERIFIED)'}; layers that change: ${target.layersRestored.join(', ') || 'none'}${hybrid}`,
      ),
    },
    list(
      states.flatMap((s) =>
        labelled(
          'state',
          `${s.name}, built from ${s.builtFrom}: ${s.state.replaceAll('-', ' ')}; ${s.detail}`,
        ),
      ),
      3,
      { order: 2 },
    ),
    { lines: fitting === 0 ? [] : labelled('state', `${count(fitting, 'dependent state')} checked: fits`) },
  ];
}

/** The verification, the conditions that do not hold, and what it says about the world. */
function proofParts(d: RollbackDecision, v: Verification): Part[] {
  const conditions = v.conditions ?? [];
  const unmet = conditions.filter((c) => c.state !== 'holds');
  const met =
    conditions.length === 0
      ? ''
      : `; ${conditions.length - unmet.length} of ${count(conditions.length, 'condition')} hold`;
  const failing = v.stillFailing.length === 0 ? '' : `; still failing: ${idList(v.stillFailing)}`;
  return [
    {
      lines: labelled(
        'proof',
        `${v.outcome} by fresh run ${v.snapshot}: ${v.recovered} of ${d.regressedCases.length} regressed cases pass again${met}${failing}`,
        2,
      ),
      least: 1,
    },
    list(
      unmet.flatMap((c) => labelled(c.state === 'fails' ? 'FAILS' : 'open', c.words ?? c.detail)),
      4,
      { order: 2 },
    ),
    {
      lines: [
        ...(v.trialsToSettle == null
          ? []
          : labelled(
              'needs',
              `about ${count(v.trialsToSettle, 'trial')} per case and arm: --trials ${v.trialsToSettle}`,
            )),
        ...controlLines(d, v),
        ...economyLines(v),
      ],
    },
  ];
}

function controlLines({ target, baseline }: RollbackDecision, { control }: Verification): string[] {
  if (control === undefined) return [];
  // The last good release itself is measured against its own stored runs.
  if (control === null && target?.fingerprint === baseline.fingerprint) return [];
  if (control === null)
    return labelled(
      'world',
      'the last good release was not run beside the target: its stored runs are the measure',
    );
  const name = `the last good release ${terminalLine(control.release, 40)}`;
  return control.moved
    ? labelled(
        'world',
        `moved: ${name} passes only ${percent(control.passRate)} today${control.fell.length === 0 ? '' : `; ${count(control.fell.length, 'case')} fell`}`,
      )
    : labelled('world', `${name} passes ${percent(control.passRate)} today, run beside the target`);
}

function economyLines({ economy }: Verification): string[] {
  if (economy === undefined) return [];
  const change = (
    name: string,
    { baseline, target }: (typeof economy)['costUsd'],
    show: (n: number) => string,
  ): string =>
    target === null
      ? `${name} not known`
      : `${name} ${baseline === null ? '' : `${show(baseline)} → `}${show(target)}`;
  return labelled(
    'economy',
    [
      change('cost', economy.costUsd, usd),
      change('latency', economy.latencyMs, milliseconds),
      change('length', economy.length, (n) => String(Math.round(n))),
    ].join('; '),
  );
}

function refusedLines({ rejected }: RollbackDecision): string[] {
  return rejected.flatMap((r) =>
    labelled(
      'refused',
      `${r.release} ${shortHash(r.fingerprint)}: ${r.reason.replaceAll('_', ' ')}; ${r.words ?? r.detail}`,
    ),
  );
}

function rehearsalLines({ lastDrill, target }: RollbackDecision): string[] {
  if (lastDrill === undefined || target === null) return [];
  return labelled(
    'drill',
    lastDrill === null
      ? 'this rollback was never rehearsed (lastgood drill)'
      : `${lastDrill.outcome}, ${count(lastDrill.ageDays, 'day')} ago`,
  );
}

function nextCommand(d: RollbackDecision): string {
  const suite = terminalLine(d.suite, 60);
  if (d.decision === 'verified')
    return `lastgood rollback ${suite} --from ${d.current.id} --write plan  (verifies again, writes the files)`;
  if (d.target === null) return `lastgood history ${suite}`;
  const trials = d.verification?.trialsToSettle;
  return `lastgood rollback ${suite} --from ${d.current.id}${trials == null ? '' : ` --trials ${trials}`}`;
}
