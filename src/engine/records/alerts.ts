// Alerts: one when an episode opens and one when it ends. An alert is stored before it is sent, and stays pending until the webhook takes it.

import type { JsonObject } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { postWebhook, type WebhookPost, type WebhookResult } from '../../provider/webhook.ts';
import type { Workplace } from '../workplace/workplace.ts';

type EpisodeChange = 'opened' | 'recovered' | 'superseded';
/** Regressions come from nights, drifts from monitors of production. */
export type RegressionEvent = `regression.${EpisodeChange}`;
export type DriftEvent = `drift.${EpisodeChange}`;
/** A gate of a rollout acted; the rollout itself says what it did. */
type RolloutAlert = 'rollout.opened';
/** An applied rollback stopped, or is done. */
type RollbackAlert = 'rollback.held' | 'rollback.ended';
export type AlertEvent = RegressionEvent | DriftEvent | RolloutAlert | RollbackAlert;

export interface Alert {
  readonly id: string;
  readonly episode: string;
  readonly event: AlertEvent;
  readonly at: string;
  /** What is posted. */
  readonly body: JsonObject;
}

/** An alert and how its sending went so far. */
export interface AlertState {
  readonly alert: Alert;
  readonly delivered: boolean;
  readonly attempts: number;
  readonly lastError: string | null;
}

/** Puts an alert on the list. It is durable before anything is sent. */
export async function queueAlert(
  work: Pick<Workplace, 'store' | 'mask'>,
  suite: string,
  alert: Alert,
): Promise<void> {
  const body = work.mask.json(alert as unknown as JsonObject);
  await work.store.keepRecord({ kind: 'alert', suite, at: alert.at, body });
}

/** Every alert with what became of it, oldest first. */
export async function alertStates(store: SnapshotStore, suite?: string): Promise<readonly AlertState[]> {
  const deliveries = (await store.records('alert-delivery', suite)).map((r) => r.body);
  return (await store.records('alert', suite)).map((record) => {
    const alert = record.body as unknown as Alert;
    const tries = deliveries.filter((d) => d['alert'] === alert.id);
    const last = tries.at(-1);
    return {
      alert,
      delivered: tries.some((d) => d['delivered'] === true),
      attempts: tries.reduce((n, d) => n + Number(d['attempts'] ?? 0), 0),
      lastError: last === undefined || last['delivered'] === true ? null : String(last['message']),
    };
  });
}

/** Sends what has not been delivered yet, oldest first; after a failure the rest waits for the next time. Returns the alerts as they stand. */
export async function sendPending(
  work: Pick<Workplace, 'store' | 'clock' | 'progress' | 'env'>,
  suite: string,
  webhook: URL | null,
  options: WebhookPost = {},
): Promise<readonly AlertState[]> {
  const pending = (await alertStates(work.store, suite)).filter((s) => !s.delivered);
  if (webhook === null) return pending;
  const states: AlertState[] = [];
  let failed: string | null = null;
  for (const state of pending) {
    if (failed !== null) {
      states.push(state);
      continue;
    }
    const result: WebhookResult = await postWebhook(webhook, state.alert.body, {
      env: work.env,
      ...options,
    });
    const delivered = result.kind === 'delivered';
    failed = delivered ? null : result.message;
    await work.store.keepRecord({
      kind: 'alert-delivery',
      suite,
      at: work.clock.now().toISOString(),
      body: {
        alert: state.alert.id,
        delivered,
        attempts: result.attempts,
        message: failed,
      },
    });
    states.push({
      ...state,
      delivered,
      attempts: state.attempts + result.attempts,
      lastError: failed,
    });
  }
  if (failed !== null)
    work.progress.warn({
      code: 'WEBHOOK_FAILED',
      message: `the webhook did not take the alert: ${failed}; it is kept and sent again the next time`,
      hint: 'check the address; `lastgood status` lists what is waiting',
    });
  return states;
}
