// GET /v1/signals and /v1/signals/FEATURE: what the command prints, as JSON.

import { LastgoodError } from '../base/errors.ts';
import { DIMENSIONS } from '../core/observation.ts';
import { signalsJob } from '../jobs/signals/signals.ts';
import type { AppContext, AppParts } from './app.ts';

const UNITS = { h: 3_600_000, d: 86_400_000 } as const;

export async function featuresRoute(c: AppContext, { store }: AppParts): Promise<Response> {
  const features = await store.features();
  return c.json({ schemaVersion: 1, kind: 'features', features });
}

export async function signalsRoute(c: AppContext, { store }: AppParts): Promise<Response> {
  const asked = c.req.query('by');
  const by = DIMENSIONS.find((d) => d === asked) ?? null;
  if (asked !== undefined && by === null)
    throw new LastgoodError({ code: 'BAD_OPTION', message: `by is one of ${DIMENSIONS.join(', ')}` });
  const report = await signalsJob(store, {
    feature: c.req.param('feature') ?? '',
    now: new Date(),
    since: sinceOf(c.req.query('since') ?? '7d'),
    by,
  });
  return c.json({ schemaVersion: 1, kind: 'signals', ...report });
}

function sinceOf(text: string): number | Date {
  const [, n, unit] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  if (n !== undefined && Number(n) > 0) return Number(n) * UNITS[unit as keyof typeof UNITS];
  const date = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new LastgoodError({
    code: 'SINCE_RANGE',
    message: 'since takes hours, days or an ISO time',
    hint: 'since=24h, since=7d or since=2026-05-12',
  });
}
