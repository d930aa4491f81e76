// One look of an applied rollback at production: does the target do harm, are the signals back, does the stage end?

import type { AppliedEvent, ArmLevels, RecoveryState, SignalLevel } from '../core/applied-rollback.ts';
import { readingText } from '../core/applied-words.ts';
import {
  type AppliedState,
  appliedStage,
  freshStage,
  isLastStage,
  leftOver,
  readingsOf,
  stageAnswers,
  stageLevels,
} from './applied-state.ts';
import { isHarmed, judgeRecovery } from './recovery.ts';

type Looked = Extract<AppliedEvent, { kind: 'looked' }>;

const HOUR_MS = 3_600_000;
/** A silence up to this long counts as watched once the target is heard of again. */
const SILENCE_MS = HOUR_MS;
/** Error of each claim over all tests of a stage. Test k spends 1 / (k (k + 1)) of it. */
const ALPHA = { back: 0.05, notBack: 0.05, harm: 0.01 } as const;
/** A test is repeated once so much more was seen: sizes decide, never what was seen. */
const GROWTH = 1.5;
/** Answers of the target before harm is looked for, and before a stage without a watched signal may end. */
const LEAST_SEEN = 100;
/** Share of the answers that may still come from the replaced release once everybody has the target. */
const STRAY = 0.1;
/** The last stage is watched for at most this long. */
const WATCH_MS = 7 * 24 * HOUR_MS;

const spent = (alpha: number, test: number): number => alpha / (test * (test + 1));

export function lookApplied(before: AppliedState, event: Looked): AppliedState {
  const at = Date.parse(event.at);
  const { all } = stageAnswers(before, event.counts);
  const heard = all > stageAnswers(before, before.counts).all;
  const gap = at - before.dataAt;
  const state: AppliedState = {
    ...before,
    counts: event.counts,
    lookedAt: event.at,
    heardMs: before.heardMs + (heard && gap >= 0 && gap <= SILENCE_MS ? gap : 0),
    dataAt: heard ? Math.max(at, before.dataAt) : before.dataAt,
  };
  // Once it stopped, a person decides; what comes in is still shown.
  if (state.status !== 'running') return state;
  if (all < LEAST_SEEN || all < state.harmTestedAt * GROWTH) return progress(state, event, heard);
  const tested = { ...state, harmTests: state.harmTests + 1, harmTestedAt: all };
  const harm = findHarm(tested, event);
  return harm === null ? progress(tested, event, heard) : stop(tested, event, 'ROLLBACK_WORSE', harm);
}

/** A share of bad answers that rose by the rollback itself; null = none is shown. */
function findHarm(state: AppliedState, event: Looked): string | null {
  const { guarded } = state.spec;
  const alpha = spent(ALPHA.harm, state.harmTests) / Math.max(1, guarded.length);
  const harmed = guarded.find((signal, i) => {
    const now = event.counts.guarded[i] ?? NO_LEVELS;
    const { target, replaced } = stageLevels(state, now, state.origin.guarded[i]);
    return isHarmed(target, isLastStage(state) ? signal.before : replaced, alpha);
  });
  if (harmed === undefined) return null;
  const than = isLastStage(state) ? 'in the 24 hours before' : 'of the release that it replaces';
  return `${harmed.signal} of the target is more than a point above that ${than}`;
}

const NO_LEVELS: ArmLevels = {
  target: { n: 0, sum: 0 },
  replaced: { n: 0, sum: 0 },
  unnamed: { n: 0, sum: 0 },
};

function progress(state: AppliedState, event: Looked, heard: boolean): AppliedState {
  const seen = stageAnswers(state, event.counts);
  const waits = whyWaits(state, seen, heard);
  if (waits !== null) return { ...state, holds: waits };
  const judged = judge(state, event);
  const readings = readingsOf(judged);
  const lost = readings.filter((r) => r.state === 'not-back');
  if (lost.length > 0)
    return stop(judged, event, 'ROLLBACK_NOT_RECOVERED', `not back: ${lost.map(readingText).join('; ')}`);
  const open = readings.filter((r, i) => r.state === 'cannot-tell' && !isOptional(judged, i));
  const isBack = readings.some((r) => r.state === 'back');
  if (readings.length > 0 && (open.length > 0 || !isBack)) {
    const named = (open.length > 0 ? open : readings).map(readingText).join('; ');
    const isLate = isLastStage(judged) && Date.parse(event.at) - judged.stageAt > WATCH_MS;
    if (isLate) return end(judged, event, 'in-force', `watched for 7 days; recovery not shown: ${named}`);
    return { ...judged, holds: `cannot tell yet whether it is back: ${named}` };
  }
  if (readings.length === 0 && seen.all < LEAST_SEEN)
    return { ...judged, holds: `${seen.all} of ${LEAST_SEEN} answers of the target` };
  return isLastStage(judged) ? finish(judged, event) : advance(judged, event);
}

/** Facts that come late need not hold up the first stage, as long as others are back. */
function isOptional(state: AppliedState, i: number): boolean {
  return !isLastStage(state) && state.spec.watched[i]?.lagging === true;
}

function whyWaits(
  state: AppliedState,
  seen: {
    readonly target: number;
    readonly replaced: number;
    readonly unnamed: number;
    readonly all: number;
  },
  heard: boolean,
): string | null {
  if (seen.all === 0)
    return seen.replaced + seen.unnamed === 0
      ? 'no observation since this stage began: missing data is never recovery'
      : `${seen.replaced} answers of the release that is replaced and ${seen.unnamed} that name none, but none of the target: does the application follow ai.release, and send its variant?`;
  if (!heard) return 'no new answer of the target since the step before: missing data is never recovery';
  const { forMs } = appliedStage(state);
  if (state.heardMs < forMs)
    return `heard of the target for ${minutes(state.heardMs)} of ${minutes(forMs)} min`;
  const stray = seen.replaced / Math.max(1, seen.replaced + seen.all);
  if (isLastStage(state) && stray > STRAY)
    return `${(100 * stray).toFixed(0)}% of the answers still come from the release that was replaced`;
  return null;
}

const minutes = (ms: number): string => String(Number((ms / 60_000).toFixed(ms < 600_000 ? 1 : 0)));

/** Tests the signals anew where enough more was seen, else keeps what the last test found. */
function judge(state: AppliedState, event: Looked): AppliedState {
  const now = state.spec.watched.map((_, i) =>
    stageLevels(state, event.counts.watched[i] ?? NO_LEVELS, state.origin.watched[i]),
  );
  const size = now.reduce((sum, { target }) => sum + target.n, 0);
  if (size < Math.max(1, state.testedAt * GROWTH)) return state;
  const test = state.tests + 1;
  const alpha = {
    // All must be back, so each may be tested at the full level (intersection-union).
    back: spent(ALPHA.back, test),
    // One that is not stops everything.
    notBack: spent(ALPHA.notBack, test) / Math.max(1, now.length),
  };
  const hours = (Date.parse(event.at) - state.stageAt) / HOUR_MS;
  const left = leftOver(state);
  const found = state.spec.watched.map((move, i): RecoveryState => {
    const target: SignalLevel = now[i]?.target ?? { n: 0, sum: 0 };
    return judgeRecovery(move, { ...target, hours }, { left, alpha });
  });
  return { ...state, tests: test, testedAt: size, found };
}

function advance(state: AppliedState, event: Looked): AppliedState {
  const { percent: from } = appliedStage(state);
  const why = backText(state);
  const next: AppliedState = {
    ...state,
    ...freshStage(state.spec, { stage: state.stage + 1, at: event.at, counts: event.counts }),
  };
  const { percent } = appliedStage(next);
  return {
    ...next,
    ...{ since: event.at, by: event.by, reason: why },
    pending: [...state.pending, { kind: 'set', target: percent }],
    history: [...state.history, { at: event.at, by: event.by, what: `${from}% → ${percent}%: ${why}` }],
  };
}

function finish(state: AppliedState, event: Looked): AppliedState {
  return state.spec.watched.length === 0
    ? end(
        state,
        event,
        'in-force',
        'everybody has the target; no signal had moved, so production shows no recovery',
      )
    : end(state, event, 'recovered', backText(state));
}

/** Only what the tests of this stage showed. */
function backText(state: AppliedState): string {
  const readings = readingsOf(state).filter((r) => r.state === 'back');
  return readings.length === 0
    ? `${stageAnswers(state, state.counts).all} answers of the target, none of the guarded signals worse`
    : `back: ${readings.map(readingText).join('; ')}`;
}

function stop(state: AppliedState, event: Looked, code: string, reason: string): AppliedState {
  const what = `stopped at ${appliedStage(state).percent}%: ${reason}`;
  return {
    ...state,
    ...{ status: 'held', code, reason, since: event.at, by: event.by, holds: null },
    pending: [...state.pending, { kind: 'alert', event: 'rollback.held', reason: what }],
    history: [...state.history, { at: event.at, by: event.by, what }],
  };
}

function end(
  state: AppliedState,
  event: Looked,
  status: 'recovered' | 'in-force',
  reason: string,
): AppliedState {
  const what = `${status === 'recovered' ? 'recovered' : 'in force'}: ${reason}`;
  return {
    ...state,
    ...{ status, code: null, reason, since: event.at, by: event.by, holds: null },
    pending: [...state.pending, { kind: 'alert', event: 'rollback.ended', reason: what }],
    history: [...state.history, { at: event.at, by: event.by, what }],
  };
}
