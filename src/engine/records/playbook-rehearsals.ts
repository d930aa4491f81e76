// Rehearsals of playbooks: what a drill found when it ran every command of one, and how long each took.

import type { JsonObject } from '../../base/index.ts';
import type { PlaybookCheck, SnapshotStore } from '../../core/index.ts';

const KIND = 'playbook-rehearsal';

/** Kept beside the record of the drill, which has the same time. */
export async function keepRehearsal(
  store: SnapshotStore,
  drill: { readonly suite: string; readonly at: string },
  check: PlaybookCheck,
): Promise<void> {
  const body = JSON.parse(JSON.stringify(check)) as JsonObject;
  await store.keepRecord({ kind: KIND, suite: drill.suite, at: drill.at, body });
}

/** Those that one drill made. */
export async function rehearsalsOf(
  store: SnapshotStore,
  drill: { readonly suite: string; readonly at: string },
): Promise<readonly PlaybookCheck[]> {
  const records = await store.records(KIND, drill.suite);
  return records.filter((r) => r.at === drill.at).map((r) => r.body as unknown as PlaybookCheck);
}

/** The newest of a feature in an environment; null = never rehearsed. */
export async function newestRehearsal(
  store: SnapshotStore,
  suite: string,
  { feature, environment }: { readonly feature: string; readonly environment: string },
): Promise<PlaybookCheck | null> {
  const all = (await store.records(KIND, suite)).map((r) => r.body as unknown as PlaybookCheck);
  return all.findLast((c) => c.feature === feature && c.environment === environment) ?? null;
}
