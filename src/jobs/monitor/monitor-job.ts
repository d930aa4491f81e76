// lastgood monitor: the monitors of a feature on its stored observations, their episodes and alerts.

import { relative } from 'node:path';
import { LastgoodError } from '../../base/errors.ts';
import {
  EMBEDDING_DISTANCE,
  type Monitor,
  type MonitorOutcome,
  type MonitorReport,
  type MonitorState,
  type ObservationStore,
} from '../../core/index.ts';
import { type AlertState, alertStates, sendPending } from '../../engine/records/alerts.ts';
import {
  featureKey,
  keepCalibration,
  keepMonitorCheck,
  monitorChecks,
  monitorEpisodes,
  type StoredCalibration,
  storedCalibrations,
} from '../../engine/records/monitor-records.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findTicketFile } from '../../engine/workplace/settings-file.ts';
import { webhookOf } from '../../engine/workplace/webhook-address.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import {
  type Calibrator,
  calibrate,
  calibrationKey,
  hasOtherBase,
  type WatchedSignal,
  watchFamily,
  watchSignal,
} from '../../monitor/drift/index.ts';
import type { WebhookPost } from '../../provider/webhook.ts';
import { parseMonitors } from '../../rollout/index.ts';
import { embeddingSignal } from './embedding-windows.ts';
import { type EpisodeStep, episodeSteps, settleEpisodes } from './monitor-episodes.ts';
import { stateOf, unjudged } from './monitor-state.ts';
import { monitorWindows } from './monitor-windows.ts';

export interface MonitorJobInput {
  /** File, or name under features/. */
  readonly feature: string;
  readonly cwd: string;
  /** The time that is judged; absent = now. */
  readonly at?: Date | undefined;
  /** Find all limits anew. */
  readonly calibrate?: boolean | undefined;
  /** An address, or `env:NAME`; undefined = `LASTGOOD_WEBHOOK_URL`, if it is set. */
  readonly webhook: string | undefined;
  readonly post?: WebhookPost | undefined;
  /** Judge, but record nothing and post nothing. */
  readonly dryRun?: boolean | undefined;
  /** Resampled quarters of a calibration; the default is what the promise was measured with. */
  readonly replicates?: number | undefined;
}

type Judged = Omit<MonitorState, 'episode'>;

/** Judges every monitor of a feature's file. Windows must be up to date. */
export async function monitorJob(
  work: Workplace,
  observations: ObservationStore,
  input: MonitorJobInput,
): Promise<MonitorReport> {
  const { store } = work;
  const webhook = webhookOf(work, input.webhook);
  const { feature, monitors, file } = await readMonitors(input.feature, input.cwd);
  if (monitors.length === 0)
    throw new LastgoodError({
      code: 'NO_MONITORS',
      message: `the feature ${feature} has no monitors`,
      where: { file, key: 'monitors' },
      hint: 'add `monitors:`, with a signal, a reference and the smallest change that matters; see docs/monitors.md',
    });
  const now = input.at ?? work.clock.now();
  const at = now.toISOString();
  const judged = await judge(work, observations, { feature, monitors, input, now: now.getTime() });
  const before = (await monitorChecks(store, feature)).at(-1);
  const dryRun = input.dryRun === true;
  const recorded = !dryRun && (before === undefined || before.at <= at);
  const known = await monitorEpisodes(store, feature);
  const steps = new Map<Judged, readonly EpisodeStep[]>(
    judged.states.map((state) => [
      state,
      recorded
        ? episodeSteps(
            known.filter((e) => e.monitor === state.name),
            state,
            feature,
            at,
          )
        : [],
    ]),
  );
  const key = featureKey(feature);
  let alerts: readonly AlertState[] = (await alertStates(store, key)).filter((a) => !a.delivered);
  if (recorded) {
    await settleEpisodes(work, feature, steps, at);
    const found = judged.states.map(({ name, outcome, reason, through }) => ({
      ...{ name, outcome, reason, through },
    }));
    await keepMonitorCheck(store, feature, { at, monitors: found }, before);
    alerts = await sendPending(work, key, webhook, { signal: work.signal, ...input.post });
  }
  const states = judged.states.map((state): MonitorState => {
    const last = steps.get(state)?.at(-1);
    return {
      ...state,
      episode:
        last === undefined
          ? null
          : {
              ...{ id: last.episode.id, status: last.episode.status, event: last.event },
              ...{ openedAt: last.episode.openedAt, endedAt: last.episode.endedAt },
            },
    };
  });
  return {
    ...{ schemaVersion: 1, kind: 'monitor', feature, file: relative(input.cwd, file) || file, at },
    outcome: worst(states.map((s) => s.outcome)),
    monitors: states,
    calibration: judged.calibration,
    recorded,
    ...(dryRun ? { dryRun } : {}),
    alerts: alerts.map(({ alert, delivered, lastError }) => ({
      ...{ id: alert.id, event: alert.event, at: alert.at, delivered, lastError },
    })),
    webhook: webhook !== null,
  };
}

/** What the monitors of a feature say about a time, without episodes and alerts; null = it has none. */
export async function replayMonitors(
  work: Workplace,
  observations: ObservationStore,
  { feature: asked, cwd, at }: { readonly feature: string; readonly cwd: string; readonly at: Date },
): Promise<readonly Judged[] | null> {
  const { feature, monitors } = await readMonitors(asked, cwd);
  if (monitors.length === 0) return null;
  const input = { feature, cwd, webhook: undefined };
  return (await judge(work, observations, { feature, monitors, input, now: at.getTime() })).states;
}

async function readMonitors(
  asked: string,
  cwd: string,
): Promise<ReturnType<typeof parseMonitors> & { readonly file: string }> {
  const file = await findTicketFile(asked, cwd);
  return { ...parseMonitors(await readText(file), file), file };
}

/** A drift outweighs a monitor that cannot tell, and that one outweighs those that are quiet. */
function worst(outcomes: readonly MonitorOutcome[]): MonitorOutcome {
  return outcomes.includes('drift') ? 'drift' : outcomes.includes('cannot-tell') ? 'cannot-tell' : 'quiet';
}

interface Asked {
  readonly feature: string;
  readonly monitors: readonly Monitor[];
  readonly input: MonitorJobInput;
  readonly now: number;
}

/** What each monitor watches; one whose signal has another base since its reference is left out. */
async function watchedSignals(
  observations: ObservationStore,
  feature: string,
  monitors: readonly Monitor[],
  now: number,
): Promise<readonly WatchedSignal[]> {
  const counted = monitors.filter((m) => m.signal !== EMBEDDING_DISTANCE);
  const windows = await monitorWindows(observations, feature, counted, now);
  const signals: WatchedSignal[] = [];
  for (const monitor of monitors) {
    const own = windows.get(monitor);
    if (own === undefined) signals.push(await embeddingSignal(observations, feature, monitor, now));
    else if (!hasOtherBase(monitor, own)) {
      const signal = watchSignal(monitor, own);
      if (signal !== null) signals.push(signal);
    }
  }
  return signals;
}

/** Every monitor in the order of the file. Limits come from the ledger where what they rest on is unchanged. */
async function judge(
  work: Workplace,
  observations: ObservationStore,
  { feature, monitors, input, now }: Asked,
): Promise<{ readonly states: readonly Judged[]; readonly calibration: MonitorReport['calibration'] }> {
  const signals = await watchedSignals(observations, feature, monitors, now);
  const stored = await storedCalibrations(work.store, feature);
  const used: StoredCalibration[] = [];
  const fresh: StoredCalibration[] = [];
  const calibrator: Calibrator = (family, options) => {
    const key = calibrationKey(family, options);
    const before = input.calibrate === true ? undefined : stored.get(key);
    if (before === undefined) {
      const at = work.clock.now().toISOString();
      fresh.push({ key, at, limits: calibrate(family, options) });
    }
    const found = before ?? (fresh.at(-1) as StoredCalibration);
    used.push(found);
    return found.limits;
  };
  const { monitors: verdicts } = watchFamily(signals, {
    ...{ at: now, calibrator, replicates: input.replicates },
  });
  if (input.dryRun !== true)
    for (const calibration of fresh) await keepCalibration(work.store, feature, calibration);
  const byName = new Map(verdicts.map((v) => [v.monitor, v]));
  const oldest = used.map((c) => c.at).sort()[0];
  return {
    states: monitors.map((m) => {
      const verdict = byName.get(m.name);
      return verdict === undefined ? unjudged(m, 'other-base') : stateOf(m, verdict);
    }),
    calibration: oldest === undefined ? null : { at: oldest, fresh: fresh.length > 0 },
  };
}
