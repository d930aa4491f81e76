// Flags for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import { when } from '../../base/numbers.ts';
import type {
  Flag,
  FlagAnswer,
  FlagCondition,
  FlagDefinition,
  FlagTest,
  ShippingChange,
} from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const featureText = (feature: string): string =>
  feature === EVERY_FEATURE ? 'every feature' : terminalLine(feature, 64);

/** Each flag with its rules, and who set it. */
export function flagsText(flags: readonly Flag[]): string {
  if (flags.length === 0)
    return 'No flag is set. Set one: lastgood flag set ai.tools.enabled true --why TEXT\n';
  return `${flags
    .map((f) =>
      [
        `${terminalLine(f.key, 100)}  ${featureText(f.feature)}  ${terminalLine(f.environment, 64)}`,
        ...ruleLines(f).map((line) => `  ${line}`),
        `  since ${when(f.at)} UTC by ${terminalLine(f.by, 60)}: ${terminalLine(f.why, 200)}`,
      ].join('\n'),
    )
    .join('\n\n')}\n`;
}

function ruleLines({ value, rules }: FlagDefinition): string[] {
  return [
    ...rules.map((r) => {
      const share = r.percent === null ? '' : `${r.percent}% of `;
      const which =
        r.when.length === 0 ? 'requests' : `requests with ${r.when.map(conditionLine).join(' and ')}`;
      return `${valueText(r.value)} for ${share}${which}`;
    }),
    `${valueText(value)} for ${rules.length === 0 ? 'every request' : 'all others'}`,
  ];
}

function conditionLine({ property, operator, values }: FlagCondition): string {
  return terminalLine(`${property}${operator}${values.join(',')}`, 120);
}

function valueText(value: unknown): string {
  return terminalLine(String(value), 100);
}

/** What `set` did, and what it removed. */
export function flagSetText(flag: Flag, before: FlagDefinition | null): string {
  const gone = before === null || flag.rules.length > 0 ? 0 : before.rules.length;
  const lines = ruleLines(flag).map((line) => `  ${line}`);
  return [
    `${terminalLine(flag.key, 100)} of ${featureText(flag.feature)} in ${terminalLine(flag.environment, 64)} is now`,
    ...lines,
    ...(gone === 0
      ? []
      : [`  (${gone} ${gone === 1 ? 'rule was' : 'rules were'} removed; \`flag history\` has them)`]),
    '',
  ].join('\n');
}

/** One answer. */
export function answerText(answer: FlagAnswer): string {
  if (!answer.ok) return `${answer.key}: ${answer.errorCode}, ${answer.errorDetails}\n`;
  const variant = answer.variant === null ? '' : `  variant ${shortHash(answer.variant)}`;
  return `${valueText(answer.value)}  ${answer.reason}${variant}\n`;
}

/** What a change of the log did to a flag, in one line. */
export function flagChangeText({ kind, name, body }: ShippingChange): string {
  if (kind === 'flag-test') return `${name} test ${String(body['outcome'])}`;
  const { value, rules } = body as unknown as FlagDefinition;
  return `${name} ${ruleLines({ type: 'string', value, rules }).join('; ')}`;
}

export function flagTestText(t: FlagTest, style: Style = PLAIN): string {
  const head = t.outcome === 'passed' ? style.green(style.bold('PASSED')) : style.red(style.bold('FAILED'));
  const ms = (value: number | null): string => (value === null ? 'not seen' : `after ${value} ms`);
  return [
    `${head}  ${terminalLine(t.flag, 100)} of ${featureText(t.feature)} in ${terminalLine(t.environment, 64)}: ${t.reason}`,
    `  read through  ${terminalLine(t.through, 100)}`,
    `  new value     ${valueText(t.value)} ${ms(t.flippedMs)}`,
    `  set back      ${ms(t.restoredMs)}`,
    '',
  ].join('\n');
}
