// Queues the alert of a night, with what a reader needs to act on it.

import type { Comparison } from '../../core/index.ts';
import { queueAlert } from '../../engine/records/alerts.ts';
import type { TimelineEvent } from '../../engine/records/events.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { alertBody } from '../../report/ci/alert-body.ts';
import { alertEvent, type Episode } from './episodes.ts';
import type { Night } from './night.ts';

export async function queue(
  work: Workplace,
  episode: Episode,
  night: Night,
  events: readonly TimelineEvent[],
  next: string,
): Promise<void> {
  const event = alertEvent(episode);
  if (event === null) return;
  const at = night.summary.startedAt;
  const id = `${episode.id}-${event.slice('regression.'.length)}`;
  const look = night.decision?.looks.find((l) => l.outcome === 'regressed') ?? night.decision?.looks[0];
  const comparison: Comparison | null = night.rerun?.comparison ?? night.comparison;
  await queueAlert(work, episode.suite, {
    id,
    episode: episode.id,
    event,
    at,
    body: alertBody({
      id,
      event,
      suite: episode.suite,
      series: episode.series,
      at,
      episode: { id: episode.id, openedAt: episode.openedAt, nights: episode.nights },
      release: night.summary.release,
      fingerprint: night.summary.fingerprint,
      snapshot: comparison?.candidate.id ?? night.summary.id,
      baseline: episode.baseline,
      passRate: look?.passRate ?? null,
      baselinePassRate: look?.baselinePassRate ?? null,
      reason: event === 'regression.opened' ? episode.reason : (night.decision?.reason ?? ''),
      tag: episode.affected.tag,
      regressed: episode.regressed,
      diagnosis: comparison?.attribution.diagnosis ?? 'not known',
      servedModels: night.summary.servedModels,
      events: events.map(({ at: when, kind, text }) => ({ at: when, kind, text })),
      next,
      simulated: night.summary.simulated,
    }) as never,
  });
}
