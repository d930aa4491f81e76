// The literal rule of a gate: read over the newest observations, as the ticket says it.

import type { ArmCounts, LiteralReading, RolloutGateSpec } from '../core/rollout.ts';
import type { RolloutRule } from '../core/ticket.ts';
import { addArms } from './gate-evidence.ts';

/** One look at a gate. Looks without a candidate are merged into the one before. */
export interface RecentLook {
  readonly at: number;
  readonly candidate: ArmCounts;
  readonly control: ArmCounts;
}

/** The literal rule needs at least so many where the ticket says only a time. */
const FEWEST = 20;

/** The looks that the rule is read over, with the new one; older ones are dropped. */
export function keepRecent(
  gate: RolloutGateSpec,
  recent: readonly RecentLook[],
  look: RecentLook,
): readonly RecentLook[] {
  const last = recent.at(-1);
  const all =
    last !== undefined && look.candidate.n === 0
      ? [...recent.slice(0, -1), { ...last, control: addArms(last.control, look.control) }]
      : [...recent, look];
  if (gate.rule.kind === 'count') return [sumOf(all, look.at)];
  const needed = gate.over?.count ?? null;
  let from = all.length;
  let seen = 0;
  while (from > 0) {
    const next = all[from - 1] as RecentLook;
    const enough = needed === null ? look.at - next.at > (gate.forMs ?? 0) : seen >= needed;
    if (enough) break;
    seen += next.candidate.n;
    from--;
  }
  return all.slice(from);
}

function sumOf(looks: readonly RecentLook[], at: number): RecentLook {
  const arms = { candidate: { n: 0, hits: 0, sum: 0 }, control: { n: 0, hits: 0, sum: 0 } };
  // A loop without new objects: a rule over many calls at 1% reads thousands of looks, each minute.
  for (const look of looks) {
    arms.candidate.n += look.candidate.n;
    arms.candidate.hits += look.candidate.hits;
    arms.candidate.sum += look.candidate.sum;
    arms.control.n += look.control.n;
    arms.control.hits += look.control.hits;
    arms.control.sum += look.control.sum;
  }
  return { at, ...arms };
}

export interface ReadGate {
  readonly literal: LiteralReading;
  readonly candidate: { readonly n: number; readonly value: number | null };
  readonly control: { readonly n: number; readonly value: number | null };
  /** Since when the rule is met without a break; null = it is not met. */
  readonly metSince: number | null;
}

/** Reads the rule. `alone` = the control gets no traffic any more. */
export function readGate(
  gate: RolloutGateSpec,
  recent: readonly RecentLook[],
  { at, metSince, alone }: { readonly at: number; readonly metSince: number | null; readonly alone: boolean },
): ReadGate {
  const { candidate, control } = sumOf(recent, at);
  const shown = { candidate: shownOf(gate, candidate), control: shownOf(gate, control) };
  const none = { ...shown, metSince: null };
  const needed = gate.rule.kind === 'count' ? 1 : (gate.over?.count ?? FEWEST);
  const needsControl = comparesWithControl(gate);
  if (needsControl && alone) return { ...none, literal: 'no-control' };
  if (gate.rule.kind === 'count') {
    const red = candidate.hits >= gate.rule.count;
    return { ...shown, literal: red ? 'red' : 'green', metSince: red ? (metSince ?? at) : null };
  }
  if (candidate.n < needed || shown.candidate.value === null) return { ...none, literal: 'collecting' };
  if (needsControl && shown.control.value === null) return { ...none, literal: 'collecting' };
  const met = isMet(gate, shown.candidate.value, shown.control.value);
  if (!met) return { ...none, literal: 'green' };
  const since = metSince ?? at;
  // A share over the newest so many that must last as well; a time alone is the window itself.
  const lasts = gate.over === null || gate.forMs === null || at - since >= gate.forMs;
  return { ...shown, literal: lasts ? 'red' : 'green', metSince: since };
}

/** Does the control meet the rule too? Then the candidate is not what meets it. Rules that compare the two say nothing of that. */
export function controlMeets(gate: RolloutGateSpec, control: number | null): boolean {
  if (control === null || gate.rule.kind === 'count' || gate.rule.kind === 'worse-by') return false;
  if (gate.measure.kind === 'quantile') return control > 1 - gate.measure.q;
  if (gate.rule.kind === 'above') return control > gate.rule.share;
  return gate.reference !== null && control >= gate.rule.times * gate.reference;
}

function comparesWithControl({ rule, reference, measure }: RolloutGateSpec): boolean {
  if (measure.kind === 'quantile' || reference !== null) return false;
  return (
    rule.kind === 'times' ||
    rule.kind === 'worse-by' ||
    (rule.kind === 'above' && rule.whileControlBelow !== null)
  );
}

function isMet(
  { rule, reference, measure }: RolloutGateSpec,
  candidate: number,
  control: number | null,
): boolean {
  if (measure.kind === 'quantile') return candidate > 1 - measure.q;
  const beside = reference ?? control ?? 0;
  switch (rule.kind) {
    case 'above':
      return (
        candidate > rule.share && (rule.whileControlBelow === null || (control ?? 0) < rule.whileControlBelow)
      );
    case 'times':
      return candidate > 0 && candidate >= rule.times * beside;
    case 'worse-by':
      return candidate - beside >= rule.share;
    case 'count':
      return false;
  }
}

function shownOf({ measure }: RolloutGateSpec, arm: ArmCounts): ReadGate['candidate'] {
  if (measure.kind === 'ratio') return { n: arm.n, value: arm.hits === 0 ? null : arm.sum / arm.hits };
  return { n: arm.n, value: arm.n === 0 ? null : arm.hits / arm.n };
}

/** The rule as a person reads it. */
export function ruleText(gate: {
  readonly rule: RolloutRule;
  readonly over: RolloutGateSpec['over'];
  readonly forMs: number | null;
}): string {
  const { rule } = gate;
  const what =
    rule.kind === 'above'
      ? `above ${share(rule.share)}${rule.whileControlBelow === null ? '' : ` while the control is below ${share(rule.whileControlBelow)}`}`
      : rule.kind === 'times'
        ? `${rule.times} times ${typeof rule.of === 'object' ? `the approved ${rule.of.approvedUsd} USD` : rule.of === 'control' ? "the control's" : "the control's of the 7 days before"}`
        : rule.kind === 'worse-by'
          ? `${number(rule.share * 100)} points worse`
          : `${rule.count} times`;
  const over = gate.over === null ? '' : ` over ${gate.over.count} ${gate.over.unit}`;
  return `${what}${over}${gate.forMs === null ? '' : ` for ${gate.forMs / 60_000} min`}`;
}

const number = (value: number): string => String(Number(value.toPrecision(6)));
const share = (value: number): string => `${number(value * 100)}%`;
