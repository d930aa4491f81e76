// One simulated quarter: reference, 90 days, and what each method says about them.

import { watchFamily } from '../../src/monitor/drift/index.ts';
import { RIVALS, type RivalName } from './rivals.ts';
import {
  CHANGE_DAY,
  type Change,
  drawStream,
  LIVE_DAYS,
  REFERENCE_DAYS,
  type SignalName,
  START,
  type World,
} from './streams.ts';

const DAY_MS = 86_400_000;

/** An alarm of one signal: the first live day, counted from 0. */
export interface FirstAlarm {
  readonly signal: SignalName;
  readonly day: number;
}

export interface Quarter {
  readonly seed: number;
  /** First alarms by signal and method. */
  readonly lastgood: readonly FirstAlarm[];
  readonly rivals: Readonly<Partial<Record<RivalName, readonly FirstAlarm[]>>>;
  /** The new template was named. */
  readonly named: boolean;
  /** Signals for which a change of the mix was reported at the end. */
  readonly mix: readonly SignalName[];
  /** Monitors that could not tell at the end: not found, but not called quiet either. Missing in older files. */
  readonly untold?: readonly SignalName[];
  /** First alarms of the charts of all templates, and of single templates: to see where false alarms come from. */
  readonly by: readonly string[];
}

interface Options {
  readonly replicates: number;
  readonly rivals: boolean;
  readonly windowHours: 6 | 24;
}

export function playQuarter(world: World, change: Change | null, seed: number, options: Options): Quarter {
  const stream = drawStream(world, change, seed, options.windowHours);
  const { monitors } = watchFamily(stream.signals, {
    at: START + (REFERENCE_DAYS + LIVE_DAYS) * DAY_MS,
    replicates: options.replicates,
  });
  const perDay = 24 / options.windowHours;
  const first = monitors.flatMap((m) =>
    m.episodes.slice(0, 1).map((e) => ({
      signal: m.monitor as SignalName,
      day: Math.floor((e.openedAt - REFERENCE_DAYS * perDay) / perDay),
      by: e.alarm.template === null ? e.alarm.chart : `template ${e.alarm.template}`,
    })),
  );
  const rivals = !options.rivals
    ? {}
    : Object.fromEntries(
        Object.entries(RIVALS).map(([name, rule]) => [
          name,
          [...rule(stream, seed)].map(([signal, day]) => ({ signal, day })),
        ]),
      );
  return {
    seed,
    lastgood: first.map(({ signal, day }) => ({ signal, day })),
    rivals,
    named: monitors.some((m) => m.templates.some((t) => t.isNew && t.worse)),
    mix: monitors.flatMap((m) => (m.mix === null ? [] : [m.monitor as SignalName])),
    untold: monitors.flatMap((m) => (m.outcome === 'cannot-tell' ? [m.monitor as SignalName] : [])),
    by: first.map(({ signal, by, day }) => `${signal} ${by} day ${day}`),
  };
}

/** Days from the change to the first right alarm; null = none in the quarter. 0 = the first day of the change. */
export function delayOf(alarms: readonly FirstAlarm[], change: Change): number | null {
  const days = alarms
    .filter((a) => change.signals.includes(a.signal) && a.day >= CHANGE_DAY)
    .map((a) => a.day - CHANGE_DAY);
  return days.length === 0 ? null : Math.min(...days);
}
