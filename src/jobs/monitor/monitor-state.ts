// From a verdict about windows to what is reported: times in ISO, levels in readable units, the reason in a word.

import {
  EMBEDDING_DISTANCE,
  type LevelUnit,
  type Monitor,
  type MonitorGap,
  type MonitorState,
} from '../../core/index.ts';
import type { MonitorVerdict } from '../../monitor/drift/index.ts';
import { NANO } from '../../monitor/window-counts.ts';

const DAY_MS = 86_400_000;

const SCORES: readonly string[] = ['edit-distance', EMBEDDING_DISTANCE];

/** What the levels of a signal are measured in. */
function unitOf(signal: string): LevelUnit {
  if (signal.endsWith('.p95')) return 'tail';
  if (signal.startsWith('kpi:')) return 'number';
  if (signal.startsWith('judge-score:') || SCORES.includes(signal)) return 'score';
  if (signal.startsWith('cost-per-')) return 'usd';
  switch (signal) {
    case 'length.p50':
      return 'characters';
    case 'latency.p50':
      return 'ms';
    case 'output-tokens':
      return 'tokens';
    default:
      return 'share';
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
const day = (ms: number): string => iso(ms).slice(0, 10);

/** A monitor with its verdict, without its episode. */
export function stateOf(monitor: Monitor, verdict: MonitorVerdict): Omit<MonitorState, 'episode'> {
  const unit = unitOf(monitor.signal);
  const level = (value: number): number => (unit === 'usd' ? value / NANO : value);
  const pair = ([low, high]: readonly [number, number]): [number, number] => [level(low), level(high)];
  const { drift, mix, recent } = verdict;
  return {
    ...describe(monitor),
    outcome: verdict.outcome,
    reason: verdict.reason,
    unit,
    level: verdict.level === null ? null : level(verdict.level),
    recent: recent === null ? null : { value: level(recent.value), interval: pair(recent.interval) },
    through: verdict.through === null ? null : iso(verdict.through),
    answers: verdict.answers,
    drift:
      drift === null
        ? null
        : {
            chart: drift.chart,
            group: drift.template,
            openedAt: iso(drift.openedAt),
            since:
              drift.since === null
                ? null
                : {
                    earliest: iso(drift.since.earliest),
                    best: iso(drift.since.best),
                    latest: iso(drift.since.latest),
                  },
            from: level(drift.from),
            to: drift.to === null ? null : level(drift.to),
            interval: drift.interval === null ? null : pair(drift.interval),
            affected: drift.affected.map((a) => ({
              group: a.template,
              from: level(a.from),
              to: level(a.to),
            })),
          },
    mix:
      mix === null
        ? null
        : {
            from: level(mix.from),
            to: level(mix.to),
            shares: mix.shares.map(({ template, from, to }) => ({ group: template, from, to })),
          },
    unseen: verdict.templates
      .filter((t) => t.isNew)
      .map((t) => ({
        ...{ group: t.template, answers: t.answers, worse: t.worse },
        ...{ level: level(t.level), comparedWith: level(t.comparedWith) },
      })),
    earlier: verdict.closed.map(({ openedAt, recoveredAt }) => ({
      openedAt: iso(openedAt),
      recoveredAt: iso(recoveredAt),
    })),
    sees: verdict.reachLevels === null ? null : pair(verdict.reachLevels),
    delayDays: verdict.delay,
  };
}

/** A monitor that cannot be judged at all. */
export function unjudged(monitor: Monitor, reason: MonitorGap): Omit<MonitorState, 'episode'> {
  return {
    ...describe(monitor),
    ...{ outcome: 'cannot-tell', reason, unit: unitOf(monitor.signal), level: null, recent: null },
    ...{ through: null, answers: null, drift: null, mix: null, unseen: [], earlier: [] },
    ...{ sees: null, delayDays: null },
  };
}

function describe(
  m: Monitor,
): Pick<
  MonitorState,
  'name' | 'signal' | 'by' | 'segment' | 'windowHours' | 'reference' | 'change' | 'direction' | 'action'
> {
  const { name, signal, by, segment, windowHours, change, direction, action } = m;
  return {
    ...{ name, signal, by, segment, windowHours, change, direction, action },
    reference: { from: day(m.reference.from), to: day(m.reference.to - DAY_MS) },
  };
}
