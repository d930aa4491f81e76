// Simulated traffic of a support feature over two weeks, after quiet days: a silent change of the provider, and a rollback some days later.

import type { Rng } from '../../base/index.ts';
import type { JsonObject } from '../../base/json.ts';
import { DAY_MS, HOUR_MS } from '../../core/observation.ts';

export const DEMO_FEATURE = 'support-summary';
/** The release that served when the provider changed its model, and the one that it was rolled back to. */
export const WITHDRAWN = 'support-summary-v7';
export const RESTORED = 'support-summary-v6';

/** Quiet days before the story: what is usual is learnt from them. */
const QUIET_DAYS = 29;
const DAYS = 14;
/** Answers of the story's two weeks; the quiet days have as many a day. */
const TOTAL = 10_000;

/** Times of the story, milliseconds since 1970. */
export interface DemoTimes {
  /** Of the traffic. */
  readonly first: number;
  /** Of the story's two weeks. */
  readonly start: number;
  readonly change: number;
  readonly rollback: number;
  readonly end: number;
}

/** The story ends at the last whole hour, so that commands of today find it. */
export function demoTimes(now: Date): DemoTimes {
  const end = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
  return {
    first: end - (QUIET_DAYS + DAYS) * DAY_MS,
    start: end - DAYS * DAY_MS,
    change: end - 6 * DAY_MS,
    rollback: end - 3.5 * DAY_MS,
    end,
  };
}

const TEMPLATES = [
  { name: 'refund', share: 0.3, topic: 'the refund of order', acts: true },
  { name: 'delivery', share: 0.45, topic: 'the delivery of order', acts: false },
  { name: 'account', share: 0.25, topic: 'the account of customer', acts: false },
] as const;

/** What a quiet day looks like, and what it becomes once the change has had `after` hours to show. */
const EFFECTS = {
  edited: { usual: 0.18, changed: 0.34, after: 6 },
  overridden: { usual: 0.03, changed: 0.09, after: 6 },
  retried: { usual: 0.04, changed: 0.1, after: 12 },
  complaint: { usual: 0.006, changed: 0.03, after: 24 },
  manual_path: { usual: 0.03, changed: 0.11, after: 24 },
  schemaBroken: { usual: 0.004, changed: 0.03, after: 0 },
} as const;
/** People who found another way keep to it: this one does not return. */
const KEPT = 'manual_path';

/** Observations and outcomes as an application sends them, oldest first. Equal draws give equal lines. */
export function* demoTraffic(
  times: DemoTimes,
  rng: { readonly quiet: Rng; readonly story: Rng },
): Generator<JsonObject, void, undefined> {
  yield* days(times.first, { days: QUIET_DAYS, ids: 'earlier-ticket' }, times, rng.quiet);
  yield* days(times.start, { days: DAYS, ids: 'ticket' }, times, rng.story);
}

function* days(
  first: number,
  { days, ids }: { readonly days: number; readonly ids: string },
  times: DemoTimes,
  rng: Rng,
): Iterable<JsonObject> {
  const hours = Array.from({ length: days * 24 }, (_, h) => first + h * HOUR_MS);
  // By the hour of the story, not of the clock: it comes out the same whenever it is played.
  const weights = hours.map((_, h) => 1 + 0.8 * Math.sin(((h % 24) / 24) * 2 * Math.PI));
  const all = weights.reduce((sum, w) => sum + w, 0);
  const total = (TOTAL * days) / DAYS;
  let [due, n] = [0, 0];
  for (const [h, hour] of hours.entries()) {
    due += (total * (weights[h] ?? 0)) / all;
    const count = Math.round(due) - n;
    for (let i = 0; i < count; i++) {
      const at = hour + Math.floor(((i + rng.next()) / count) * HOUR_MS);
      yield* answer({ n, id: `${ids}-${10_000 + n}`, at }, times, rng);
      n++;
    }
  }
}

function* answer(
  { n, id, at }: { readonly n: number; readonly id: string; readonly at: number },
  times: DemoTimes,
  rng: Rng,
): Iterable<JsonObject> {
  const draw = (share: number): boolean => rng.next() < share;
  const rate = (effect: keyof typeof EFFECTS): number => {
    const { usual, changed, after } = EFFECTS[effect];
    const shown = at >= times.change + after * HOUR_MS;
    return shown && (at < times.rollback || effect === KEPT) ? changed : usual;
  };
  const changed = at >= times.change && at < times.rollback;
  const pick = rng.next();
  const template =
    pick < TEMPLATES[0].share
      ? TEMPLATES[0]
      : pick < TEMPLATES[0].share + TEMPLATES[1].share
        ? TEMPLATES[1]
        : TEMPLATES[2];
  const order = 20_000 + n;
  const acts = template.acts && draw(0.4);
  const valid = !draw(rate('schemaBroken'));
  yield {
    id,
    at,
    feature: DEMO_FEATURE,
    release: at < times.rollback ? WITHDRAWN : RESTORED,
    template: template.name,
    segment: draw(0.3) ? 'pro' : 'free',
    messages: [{ role: 'user', content: `Summarise ${template.topic} ${order}.` }],
    output: summary(template.topic, order, Math.floor(rng.next() * 4) + (changed ? 3 : 0)),
    served_model: 'sim-4-2026-04-01',
    usage: { input_tokens: 400, output_tokens: changed ? 90 : 62 },
    latency_ms: Math.round(700 + 500 * rng.next() + (changed ? 150 : 0)),
    schema_valid: valid,
    ...(acts ? { action_mode: 'auto', tool_calls: [{ name: 'refund', args: { order } }] } : {}),
  };
  // One answer in ten gets no outcome.
  if (!draw(0.9)) return;
  const edited = draw(rate('edited'));
  yield {
    id,
    at: Math.min(at + HOUR_MS, times.end),
    edited: edited ? Math.round(100 * (0.1 + 0.4 * rng.next())) / 100 : 0,
    overridden: draw(rate('overridden')),
    retried: draw(rate('retried')),
    manual_path: draw(rate('manual_path')),
    complaint: draw(rate('complaint')),
    completed: draw(changed ? 0.84 : 0.9),
    ...(draw(0.1) ? { scores: { quality: Math.min(1, (changed ? 0.74 : 0.84) + 0.12 * rng.next()) } } : {}),
  };
}

const DETAILS = [
  'The customer wrote twice.',
  'The parcel left the warehouse on time.',
  'The invoice was sent by mail.',
  'Nothing else is open.',
  'It is important to note that each case is different.',
  'The customer may wish to look at our terms for further information.',
  'Please let us know if anything else is needed, and we will be glad to help.',
] as const;

/** More sentences after the change, and emptier ones. */
function summary(topic: string, order: number, details: number): string {
  return [`This is about ${topic} ${order}.`, ...DETAILS.slice(0, details + 1)].join(' ');
}
