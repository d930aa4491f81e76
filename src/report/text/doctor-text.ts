// What doctor found, for a terminal.

import { usd } from '../../base/numbers.ts';
import type { DoctorCheck, Feature, ProbePlan, ReleaseProbe } from '../../core/doctor.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** One line a check, then what the server of the release supports. */
export function doctorText(
  { checks, probe }: { readonly checks: readonly DoctorCheck[]; readonly probe: ReleaseProbe | null },
  style: Style = PLAIN,
): string {
  const marks = { ok: style.green('ok  '), warn: style.yellow('warn'), bad: style.red('bad ') };
  const lines = checks.map(
    (c) =>
      `${marks[c.state]} ${c.name}: ${terminalLine(c.message, 500)}${c.hint === undefined ? '' : `\n     try: ${terminalLine(c.hint, 500)}`}`,
  );
  return `${[...lines, ...(probe === null ? [] : probeLines(probe, style))].join('\n')}\n`;
}

function probeLines(probe: ReleaseProbe, style: Style): string[] {
  const { params, unknown, pin } = probe;
  const words = { yes: style.green('yes    '), no: style.yellow('no     '), unknown: 'unknown' };
  const sent = params.sent.map(({ name, as }) =>
    name.replaceAll('-', '_') === as ? name : `${name} (as ${as})`,
  );
  return [
    '',
    style.bold(`${terminalLine(probe.model, 200)} at ${probe.provider}, by ${probe.api}:`),
    ...probe.features.map(
      ({ feature, state, detail }: Feature) =>
        `  ${feature.padEnd(12)} ${words[state]} ${terminalLine(detail, 200)}`,
    ),
    `  ${'params'.padEnd(12)} ${sent.length === 0 ? 'the release sets none' : `sent: ${terminalLine(sent.join(', '), 300)}`}`,
    ...(params.dropped.length === 0
      ? []
      : [`  ${''.padEnd(12)} refused, left out: ${terminalLine(params.dropped.join(', '), 300)}`]),
    `  ${'pin'.padEnd(12)} ${pin.state}: ${terminalLine(pin.reason, 300)}`,
    `  ${'cost'.padEnd(12)} ${usd(probe.costUsd)} for ${probe.calls} calls; price key ${terminalLine(probe.priceKeys.join(', or '), 300)}`,
    unknown.length === 0
      ? 'Snapshots will know everything that they can record.'
      : `Snapshots will record as unknown:\n${unknown.map((what) => `  ${terminalLine(what, 300)}`).join('\n')}`,
  ];
}

/** What is about to be called. */
export function probePlanText(plan: ProbePlan): string {
  const { calls, outputTokensUpper, costUpperUsd } = plan;
  const most = costUpperUsd === null ? 'cost unknown' : `at most ${usd(costUpperUsd)}`;
  return `doctor makes ${calls === 1 ? 'one small call' : `${calls} small calls`} to ${terminalLine(plan.model, 200)} at ${plan.provider}: at most ${outputTokensUpper} output tokens, ${most}\n`;
}
