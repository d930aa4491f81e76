// Episodes of monitors: one from the window that shows a drift to the window that proves its end, however often it is checked.

import { contentHash, type JsonObject, shortHash } from '../../base/index.ts';
import type { MonitorEpisodeFacts, MonitorState } from '../../core/index.ts';
import { type Alert, alertStates, type DriftEvent, queueAlert } from '../../engine/records/alerts.ts';
import {
  featureKey,
  keepMonitorEpisode,
  type MonitorEpisode,
  monitorEpisodes,
} from '../../engine/records/monitor-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { driftAlertBody } from '../../report/ci/drift-alert-body.ts';
import { driftSummary } from '../../report/parts/drift-words.ts';

type Judged = Omit<MonitorState, 'episode'>;

/** What a check does to the episodes of one monitor, oldest first. */
export interface EpisodeStep {
  readonly episode: MonitorEpisode;
  readonly event: MonitorEpisodeFacts['event'];
}

/**
 * Reconciles the episodes that are known of a monitor with those that its windows show now. Windows are judged from the reference on
 * each time, so an episode that opened and ended between two checks is found as well.
 */
export function episodeSteps(
  known: readonly MonitorEpisode[],
  state: Judged,
  feature: string,
  at: string,
): readonly EpisodeStep[] {
  const steps: EpisodeStep[] = [];
  const { drift, earlier } = state;
  let open = known.find((e) => e.status === 'open');
  let after = known.map((e) => e.endedAt ?? '').reduce((a, b) => (a > b ? a : b), '');
  if (open !== undefined) {
    const opened = open.openedAt;
    const end = earlier.find((e) => e.recoveredAt > opened && e.recoveredAt > after);
    if (end !== undefined) {
      const ended: MonitorEpisode = { ...open, status: 'recovered', endedAt: end.recoveredAt };
      steps.push({ episode: ended, event: 'recovered' });
      [open, after] = [undefined, end.recoveredAt];
    } else if (drift !== null || state.outcome === 'cannot-tell') {
      return [{ episode: open, event: 'still' }];
    } else {
      steps.push({ episode: { ...open, status: 'superseded', endedAt: at }, event: 'superseded' });
      return steps;
    }
  }
  const number = (): number => known.length + steps.length;
  for (const { openedAt, recoveredAt } of earlier) {
    if (openedAt <= after) continue;
    const episode = newEpisode(state, feature, openedAt, number());
    steps.push({ episode: { ...episode, status: 'recovered', endedAt: recoveredAt }, event: 'recovered' });
  }
  if (drift !== null)
    steps.push({ episode: newEpisode(state, feature, drift.openedAt, number()), event: 'opened' });
  return steps;
}

function newEpisode(state: Judged, feature: string, openedAt: string, number: number): MonitorEpisode {
  const { name, signal, drift } = state;
  const current = drift !== null && drift.openedAt === openedAt;
  return {
    id: `ep-${shortHash(contentHash([feature, name, openedAt, number]))}`,
    ...{ feature, monitor: name, signal, status: 'open', openedAt, endedAt: null },
    since: current ? (drift.since?.best ?? null) : null,
    summary: current ? driftSummary(state, drift) : `${name} drifted and came back`,
  };
}

/** Keeps what a check changed, and puts the alerts on the list that monitors with `action: alert` lead to. */
export async function settleEpisodes(
  work: Pick<Workplace, 'store' | 'mask'>,
  feature: string,
  steps: ReadonlyMap<Judged, readonly EpisodeStep[]>,
  at: string,
): Promise<void> {
  for (const list of steps.values())
    for (const { episode, event } of list)
      if (event !== 'still') await keepMonitorEpisode(work.store, at, episode);
  const names = new Set([...steps.keys()].map((state) => state.name));
  for (const episode of await monitorEpisodes(work.store, feature))
    if (episode.status === 'open' && !names.has(episode.monitor))
      await keepMonitorEpisode(work.store, at, { ...episode, status: 'superseded', endedAt: at });
  const alerted = new Set((await alertStates(work.store, featureKey(feature))).map((s) => s.alert.id));
  const episodes = await monitorEpisodes(work.store, feature);
  for (const episode of episodes) {
    const state = [...steps.keys()].find((s) => s.name === episode.monitor) ?? null;
    const event = dueEvent(episode, alerted);
    if (event === null || (event === 'drift.opened' && state?.action !== 'alert')) continue;
    await queueAlert(work, featureKey(feature), alertOf(episode, event, state, at));
  }
}

const alertId = (episode: MonitorEpisode, event: DriftEvent): string =>
  `${episode.id}-${event.slice('drift.'.length)}`;

/** The alert that an episode still owes: also after a process that ended between keeping the one and the other. */
function dueEvent(episode: MonitorEpisode, alerted: ReadonlySet<string>): DriftEvent | null {
  const opened = alerted.has(alertId(episode, 'drift.opened'));
  if (episode.status === 'open') return opened ? null : 'drift.opened';
  const event = `drift.${episode.status}` as const;
  // An episode that nobody was alerted of ends in silence.
  return opened && !alerted.has(alertId(episode, event)) ? event : null;
}

function alertOf(episode: MonitorEpisode, event: DriftEvent, state: Judged | null, at: string): Alert {
  const id = alertId(episode, event);
  return {
    ...{ id, episode: episode.id, event, at },
    body: driftAlertBody({ id, event, at, episode, state }) as JsonObject,
  };
}
