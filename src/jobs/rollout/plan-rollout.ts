// lastgood rollout plan: which stage of a ticket can find what, at so many requests a day. Nothing is changed.

import { LastgoodError } from '../../base/index.ts';
import { percent } from '../../base/numbers.ts';
import { DAY_MS, type ObservationStore, type WindowCounts } from '../../core/observation.ts';
import type { ArmCounts, RolloutGateSpec, RolloutSpec } from '../../core/rollout.ts';
import type { RolloutPlan } from '../../core/rollout-plan.ts';
import type { ReleaseTicket, RolloutGate } from '../../core/ticket.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findTicketFile } from '../../engine/workplace/settings-file.ts';
import { loadRelease } from '../../release/index.ts';
import { parseTicket } from '../../rollout/index.ts';
import { type PlannedGate, planStages } from '../../rollout/plan-stages.ts';
import { ASSUMED_CALLS } from '../../rollout/unit-table.ts';
import { controlHistory } from './count-arms.ts';
import { designEffects } from './count-units.ts';
import { prepareGate } from './gate-counts.ts';
import { ALPHA } from './start-rollout.ts';

/** A rate of which nothing is known. */
const ASSUMED_RATE = 0.01;

export async function planRollout(
  production: ObservationStore | null,
  asked: {
    readonly feature: string;
    readonly requestsPerDay: number;
    readonly cwd: string;
    readonly now: Date;
  },
): Promise<RolloutPlan> {
  const file = await findTicketFile(asked.feature, asked.cwd);
  const ticket = parseTicket(await readText(file), file);
  const [control, candidate] = await Promise.all([
    loadRelease(ticket.control.release),
    loadRelease(ticket.candidate.release),
  ]);
  const arms = {
    control: { release: control.name, fingerprint: control.fingerprint },
    candidate: { release: candidate.name, fingerprint: candidate.fingerprint },
  };
  const now = asked.now.getTime();
  const history =
    production === null
      ? new Map<string, number>()
      : await controlHistory(production, { feature: ticket.feature, arms, now });
  const assumed: string[] = [];
  const single = ticket.gates.map((gate) => plannedGate(gate, history, assumed));
  const effects = await effectsOf(production, {
    ...{ ticket, arms, now, calls: history.get('n') ?? 0, assumed },
    gates: single.map(({ gate }) => gate),
  });
  const gates = single.map((gate, i) => ({ ...gate, designEffects: effects.map((of) => of[i] ?? 1) }));
  const settings = { perDay: asked.requestsPerDay, alpha: ALPHA };
  const [first] = ticket.stages;
  const fits = (percent: number): boolean => {
    const [stage] = planStages(
      [{ percent, forMs: first?.forMs ?? null, sample: null }, ...ticket.stages.slice(1)],
      gates,
      settings,
    );
    return stage?.gates.every((g) => g.calls === null || g.finds) ?? false;
  };
  return {
    schemaVersion: 1,
    kind: 'rollout-plan',
    feature: ticket.feature,
    requestsPerDay: asked.requestsPerDay,
    firstPercent: Array.from({ length: 99 }, (_, i) => i + 1).find(fits) ?? null,
    stages: planStages(ticket.stages, gates, settings),
    assumed,
  };
}

/** Design effects by stage and gate. Where nothing tells them, what is taken instead is added to `assumed`. */
async function effectsOf(
  production: ObservationStore | null,
  asked: {
    readonly ticket: Pick<ReleaseTicket, 'feature' | 'stages' | 'unit'>;
    readonly arms: Pick<RolloutSpec, 'control' | 'candidate'>;
    readonly gates: readonly RolloutGateSpec[];
    readonly calls: number;
    readonly now: number;
    readonly assumed: string[];
  },
): Promise<readonly (readonly number[])[]> {
  const { ticket, arms, gates, calls, now, assumed } = asked;
  const { feature, stages, unit } = ticket;
  const all = (effect: number) => stages.map(() => gates.map(() => effect));
  if (unit === 'request') return all(1);
  if (production === null || calls === 0) {
    assumed.push(`one call of each ${unit ?? 'user'}: more depend on each other, and more are then needed`);
    return all(1);
  }
  const found = await designEffects(production, {
    ...{ spec: { feature, ...arms, gates }, unit: unit ?? 'user', calls, now },
    lengthsMs: stages.map(({ forMs }) => forMs ?? DAY_MS),
  });
  if (found !== null) return found;
  assumed.push(
    `the observations name no ${unit ?? 'user'}, so ${ASSUMED_CALLS} calls may share an outcome, and ${ASSUMED_CALLS} times as many are needed`,
  );
  return all(ASSUMED_CALLS);
}

type SingleGate = Omit<PlannedGate, 'designEffects'>;

function plannedGate(gate: RolloutGate, history: WindowCounts, assumed: string[]): SingleGate {
  const all = history.get('n') ?? 0;
  try {
    const spec = prepareGate(gate, history);
    if (spec.history.n > 0) return { gate: spec, known: Math.min(1, spec.history.n / all) };
    const guessed = guess(spec);
    if (spec.rule.kind !== 'count')
      assumed.push(
        spec.measure.kind === 'ratio'
          ? `${gate.signal}: known of every call`
          : `${gate.signal}: ${percent(guessed.hits / guessed.n)} in the control, known of every call`,
      );
    return { gate: { ...spec, history: guessed }, known: 1 };
  } catch (error) {
    if (!(error instanceof LastgoodError) || error.code !== 'ROLLOUT_GATE' || error.exitCode !== 3)
      throw error;
    assumed.push(
      `${gate.signal}: ${percent(ASSUMED_RATE)} of the control's values beyond the limit, known of every call`,
    );
    const measure: RolloutGateSpec['measure'] = {
      kind: 'quantile',
      q: gate.signal.endsWith('95') ? 0.95 : 0.5,
      limit: 1,
    };
    return {
      gate: { ...gate, measure, reference: null, history: { n: 1000, hits: 1000 * ASSUMED_RATE, sum: 0 } },
      known: 1,
    };
  }
}

function guess({ measure, rule }: RolloutGateSpec): ArmCounts {
  if (measure.kind === 'ratio') return { n: 0, hits: 0, sum: 0 };
  // A rule that names what the control is below of says what its author expects.
  const below = rule.kind === 'above' ? rule.whileControlBelow : null;
  const rate = below === null ? ASSUMED_RATE : below / 2;
  return { n: 10_000, hits: 10_000 * rate, sum: 0 };
}
