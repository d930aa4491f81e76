// One look of a rollout at its observations: what is learnt, what fires, and whether the stage ends.

import { percent } from '../base/numbers.ts';
import type {
  GateBlock,
  GateReading,
  RolloutEffect,
  RolloutEvent,
  RolloutGateSpec,
  RolloutSpec,
} from '../core/rollout.ts';
import { powerText, valueText } from '../core/rollout-words.ts';
import type { FlagValues } from '../core/ticket.ts';
import { closedLogEValues } from '../stats/two-arm-evidence.ts';
import {
  type GateEvidence,
  isTested,
  learnBlock,
  learnUnits,
  logEValue,
  UNIT_WEIGHTS,
} from './gate-evidence.ts';
import { controlMeets, keepRecent, readGate } from './gate-reading.ts';
import { addCounts, type GateState, type RolloutState, stageOf, windowFrom } from './rollout-state.ts';
import { learnRatio, RATIO_LOG_LIMIT, ratioLogE } from './sample-ratio.ts';
import { newsOf, unitRatio, unitReading } from './unit-look.ts';

type Looked = Extract<RolloutEvent, { kind: 'looked' }>;

/** The heaviest first: of several gates that fire at once its action is taken. */
const BY_WEIGHT = ['rollback', 'disable-segment', 'reduce', 'freeze', 'pause'] as const;
/** A silence up to this long counts as seen once both arms are heard of again. */
const SILENCE_MS = 3_600_000;

export function look(state: RolloutState, event: Looked): RolloutState {
  const gates = readGates(state, event);
  const seen: RolloutState = {
    ...state,
    gates,
    ratio: ratioOf(state, event),
    window: {
      ...state.window,
      counted: state.window.counted + newsOf(event),
      read: event.units === undefined ? state.window.read : state.window.counted + newsOf(event),
    },
    calls: {
      candidate: state.calls.candidate + event.calls.candidate,
      control: state.calls.control + event.calls.control,
    },
    seen: addCounts(state.seen, { calls: event.calls, gates: event.gates }),
    looks: state.looks + 1,
    lookedAt: event.at,
  };
  const fired = firedGates(state, gates);
  const [worst] = fired;
  if (worst !== undefined) return act(seen, event, worst, fired);
  return state.status === 'running' ? advance(seen, event) : seen;
}

function ratioOf(state: RolloutState, { calls, units }: Looked): RolloutState['ratio'] {
  if (state.spec.evidence !== 'units') return learnRatio(state.ratio, state.percent, calls);
  return units === undefined ? state.ratio : unitRatio(units, state.percent);
}

function readGates(state: RolloutState, event: Looked): readonly GateState[] {
  const { spec } = state;
  const at = Date.parse(event.at);
  const alone = state.percent >= 100;
  const learnt = spec.gates.map((gate, i) => {
    const before = state.gates[i] as GateState;
    const block = event.gates[i];
    if (block === undefined) return before;
    const recent = keepRecent(gate, before.recent, {
      at,
      candidate: block.candidate,
      control: block.control,
    });
    const evidence = learn(state, before.evidence, event, i);
    const { metSince, ...read } = readGate(gate, recent, { at, metSince: before.metSince, alone });
    const units = event.units === undefined ? before.reading.units : unitReading(event.units, i);
    const reading = { ...before.reading, ...read, units };
    return { evidence, recent, metSince, reading };
  });
  const tested = spec.gates.flatMap((gate, i) => (isTested(gate) ? [i] : []));
  // Units that were not read anew say what they said before.
  const isOld = spec.evidence === 'units' && event.units === undefined;
  const adjusted = isOld ? [] : adjustedLogs(spec, learnt, tested);
  return learnt.map((gate, i) => {
    const place = tested.indexOf(i);
    if (place === -1) return withReading(gate, { evidence: null, fired: gate.reading.literal === 'red' });
    if (isOld) return gate;
    const log = adjusted[place] as number;
    return withReading(gate, { evidence: log / Math.LN10, fired: log >= -Math.log(spec.alpha) });
  });
}

function withReading(gate: GateState, read: Pick<GateReading, 'evidence' | 'fired'>): GateState {
  return { ...gate, reading: { ...gate.reading, ...read } };
}

/** One error budget over all gates: each is judged beside the others. */
function adjustedLogs(spec: RolloutSpec, gates: readonly GateState[], tested: readonly number[]): number[] {
  // A stage of 100% has no control to be compared with.
  const compared = Math.max(1, spec.stages.filter((s) => s.percent < 100).length);
  return closedLogEValues(
    tested.map((i) => {
      const [gate, { evidence }] = [spec.gates[i] as RolloutGateSpec, gates[i] as GateState];
      return spec.evidence === 'units'
        ? logEValue(gate, evidence, compared, UNIT_WEIGHTS)
        : logEValue(gate, evidence, spec.stages.length);
    }),
  );
}

function learn({ spec, stage }: RolloutState, before: GateEvidence, event: Looked, i: number): GateEvidence {
  const gate = spec.gates[i] as RolloutGateSpec;
  if (spec.evidence !== 'units') return learnBlock(gate, before, event.gates[i] as GateBlock, stage);
  const found = event.units?.gates[i];
  return found === null || found === undefined ? before : learnUnits(before, found.logs, stage);
}

/** Gates that ask for more than was done already, the heaviest first. A rollout that stands still can still be rolled back. */
function firedGates(state: RolloutState, gates: readonly GateState[]): readonly number[] {
  const stands = state.status === 'paused' || state.status === 'frozen';
  return gates
    .flatMap(({ reading }, i) => (reading.fired && (!stands || reading.action === 'rollback') ? [i] : []))
    .sort((a, b) => weight(gates, a) - weight(gates, b));
}

const weight = (gates: readonly GateState[], i: number): number =>
  BY_WEIGHT.indexOf((gates[i] as GateState).reading.action);

function act(state: RolloutState, event: Looked, worst: number, fired: readonly number[]): RolloutState {
  const gate = state.spec.gates[worst] as RolloutGateSpec;
  const reason = `${gate.signal} ${gateText((state.gates[worst] as GateState).reading)}`;
  const flags: FlagValues = Object.assign(
    {},
    ...fired.map((i) => (state.spec.gates[i] as RolloutGateSpec).flags),
  );
  const segment = event.gates[worst]?.segment ?? null;
  const { status, stage, percent, disabled, what, more } = consequence(state, gate, segment);
  const effects: readonly RolloutEffect[] = [
    { kind: 'set-flags', percent, flags: { ...more, ...flags }, disabled },
    { kind: 'open-episode', reason },
    { kind: 'alert', event: `rollout.${status}`, reason: `${what}: ${reason}` },
  ];
  return {
    ...state,
    ...{ status, stage, percent, disabled, reason, since: event.at, holds: null },
    window: percent === state.percent ? state.window : windowFrom(event.at),
    by: `gate ${gate.signal}`,
    pending: [...state.pending, ...effects],
    history: [...state.history, { at: event.at, by: `gate ${gate.signal}`, what: `${what}: ${reason}` }],
  };
}

interface Consequence {
  readonly status: 'rolled-back' | 'paused' | 'frozen';
  readonly stage: number;
  readonly percent: number;
  readonly disabled: readonly string[];
  readonly what: string;
  readonly more: FlagValues;
}

/** What the action does. Only a rollback ends the rollout; after the others a person decides. */
function consequence(state: RolloutState, gate: RolloutGateSpec, segment: string | null): Consequence {
  const { spec, stage, percent, disabled } = state;
  const stays = { stage, percent, disabled, more: {} };
  switch (gate.action) {
    case 'rollback':
      return {
        ...stays,
        status: 'rolled-back',
        percent: 0,
        what: 'rolled back to 0%',
        more: spec.rollbackFlags,
      };
    case 'pause':
      return { ...stays, status: 'paused', what: `paused at ${percent}%` };
    case 'freeze':
      return { ...stays, status: 'frozen', what: `frozen at ${percent}%` };
    case 'reduce': {
      const before = Math.max(0, stage - 1);
      const less = stage === 0 ? 0 : (spec.stages[before]?.percent ?? 0);
      return {
        ...stays,
        status: 'paused',
        stage: before,
        percent: less,
        what: `reduced from ${percent}% to ${less}%`,
      };
    }
    case 'disable-segment':
      // Observations that name no segment cannot be disabled apart: all of the candidate stops.
      return segment === null
        ? {
            ...stays,
            status: 'paused',
            percent: 0,
            what: 'stopped at 0%, because the observations name no segment',
          }
        : {
            ...stays,
            status: 'paused',
            disabled: [...new Set([...disabled, segment])].sort(),
            what: `disabled for the segment ${segment}, paused at ${percent}%`,
          };
  }
}

/**
 * Does the stage end? Only with new data of both arms, its whole time green, its sample, and every gate green. The literal rule is red by
 * chance now and then when it is read each minute; that time does not count, and the stage takes longer.
 */
function advance(state: RolloutState, event: Looked): RolloutState {
  const at = Date.parse(event.at);
  const stage = stageOf(state);
  const isLast = state.stage === state.spec.stages.length - 1;
  const heard = event.calls.candidate > 0 && (event.calls.control > 0 || state.percent >= 100);
  const gap = at - state.dataAt;
  const readings = state.gates.map((g) => g.reading);
  const red = readings.find((r) => r.literal === 'red');
  const counts = heard && gap >= 0 && gap <= SILENCE_MS && red === undefined;
  const timed: RolloutState = {
    ...state,
    greenMs: state.greenMs + (counts ? gap : 0),
    dataAt: heard ? Math.max(at, state.dataAt) : state.dataAt,
  };
  const holds = whyHeld(timed, { heard, red, stage, readings });
  if (holds !== null) return { ...timed, holds };
  if (isLast) return finished(timed, event);
  const next = state.spec.stages[state.stage + 1] as { readonly percent: number };
  return {
    ...timed,
    stage: state.stage + 1,
    percent: next.percent,
    greenMs: 0,
    dataAt: at,
    calls: { candidate: 0, control: 0 },
    window: windowFrom(event.at),
    ratio: [],
    holds: 'no observation yet',
    since: event.at,
    by: event.by,
    reason: `all gates were green at ${stage.percent}%`,
    pending: [
      ...state.pending,
      { kind: 'set-flags', percent: next.percent, flags: {}, disabled: state.disabled },
    ],
    history: [
      ...state.history,
      {
        at: event.at,
        by: event.by,
        what: `${stage.percent}% → ${next.percent}%: all gates were green for the whole stage`,
      },
    ],
  };
}

function finished(state: RolloutState, event: Looked): RolloutState {
  const what = 'complete: the candidate gets everything; promote makes it the release of the feature';
  return {
    ...state,
    status: 'complete',
    holds: null,
    reason: what,
    since: event.at,
    by: event.by,
    history: [...state.history, { at: event.at, by: event.by, what }],
  };
}

function whyHeld(
  state: RolloutState,
  now: {
    readonly heard: boolean;
    readonly red: GateReading | undefined;
    readonly stage: { readonly forMs: number | null; readonly sample: number | null };
    readonly readings: readonly GateReading[];
  },
): string | null {
  const { heard, red, stage, readings } = now;
  const { spec } = state;
  if (!heard)
    return 'no new observation of both arms since the step before: missing data never advances a stage';
  if (ratioLogE(state.ratio) >= RATIO_LOG_LIMIT) return ratioText(state);
  if (red !== undefined)
    return `${red.signal} meets the literal rule (${red.rule}), but the evidence is not enough to act${restsOn(red, spec.gates[readings.indexOf(red)])}: this time does not count for the stage`;
  const waiting = readings.find((r) => r.literal === 'collecting');
  if (waiting !== undefined)
    return `${waiting.signal} is not known well enough yet (${waiting.candidate.n} seen; the rule: ${waiting.rule})`;
  if (stage.sample !== null && state.calls.candidate < stage.sample)
    return `${state.calls.candidate} of ${stage.sample} requests of the candidate`;
  if (stage.forMs !== null && state.greenMs < stage.forMs)
    return `green for ${minutes(state.greenMs)} of ${minutes(stage.forMs)} min`;
  return null;
}

function ratioText({ calls, percent: set, spec }: RolloutState): string {
  const all = calls.candidate + calls.control;
  const share = ((100 * calls.candidate) / Math.max(1, all)).toPrecision(3);
  const of = spec.evidence === 'units' ? ', and its part of the users is as wrong' : '';
  return `sample-ratio mismatch: the candidate has ${share}% of ${all} calls, but ${set}% is set${of}; find out why, then resume`;
}

/** Why the evidence may be weaker than the number of calls suggests. */
function restsOn({ units, control }: GateReading, gate: RolloutGateSpec | undefined): string {
  if (gate !== undefined && controlMeets(gate, control.value)) return ' (the control meets the rule too)';
  if (units === null) return '';
  const { unit, assumed, candidate, largest } = units;
  if (unit === 'unknown') return ` (the observations name no user, so ${assumed} calls count as one)`;
  const most = largest >= 0.1 ? `, the largest with ${percent(largest)} of the calls` : '';
  return ` (${candidate} ${unit}s of the candidate${most})`;
}

const minutes = (ms: number): number => Math.floor(ms / 60_000);

/** A fired gate in one clause. */
function gateText({ candidate, control, evidence, rule, unit }: GateReading): string {
  const strength = evidence === null ? 'literal rule' : `evidence ${powerText(evidence)}`;
  return `${valueText(candidate.value, unit)} of ${candidate.n} against ${valueText(control.value, unit)} of the control (${rule}; ${strength})`;
}
