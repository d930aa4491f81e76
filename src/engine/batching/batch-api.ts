// Which releases a batch API takes, and how its batches are polled, kept and continued. For subjects and judges alike.

import type { JsonValue } from '../../base/index.ts';
import type { Provider, Release } from '../../core/index.ts';
import type { BatchApi } from '../../core/provider-batch.ts';
import type { BatchOptions } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { type BatchScope, batchBook } from './provider-batches.ts';

const FIRST_POLL_MS = 5000;
const LONGEST_POLL_MS = 60_000;

/** How batches are waited for. */
export interface BatchWaiting {
  /** The first wait; each further one is half as long again (default 5 s). */
  readonly pollMs?: number | undefined;
  /** At the deadline batches stay at the service. Default: they are cancelled. */
  readonly keepAtDeadline?: boolean | undefined;
  /** What continues with batches that are left at the service: a clause for the user, such as "`lastgood run --resume s1` continues". */
  readonly continueWith: string;
}

export function batchOptions(
  work: Pick<Workplace, 'store' | 'clock'>,
  api: BatchApi,
  scope: BatchScope,
  { pollMs = FIRST_POLL_MS, keepAtDeadline, continueWith }: BatchWaiting,
): BatchOptions {
  const longestPollMs = Math.max(pollMs, LONGEST_POLL_MS);
  return { api, book: batchBook(work, scope), pollMs, longestPollMs, keepAtDeadline, continueWith };
}

/** Why no batch takes this release's calls, and what to do; null = one does. Makes no call. */
export function whyUnbatchable(
  release: Release,
  provider: Provider,
): { readonly message: string; readonly hint: string } | null {
  const { layers } = release;
  if (provider.batch === undefined)
    return {
      message: `release "${release.name}" is answered by provider "${provider.name}", for which no batch API is known`,
      hint: 'leave --batch out; it works with `provider: openai` and `provider: anthropic`',
    };
  const tier = layers.params?.['service-tier'];
  if (typeof tier === 'string' && !['auto', 'default', 'standard'].includes(tier))
    return {
      message: `release "${release.name}" asks for the service tier "${tier}", and a batch has its own`,
      hint: 'leave out --batch, or `service-tier` in the release',
    };
  if (namesEnvironment(layers.tools?.['definitions']))
    return {
      message: `a tool of release "${release.name}" takes a value from the environment, and a batch file with it would be stored by the service`,
      hint: 'leave --batch out for this release',
    };
  return null;
}

/** `{ env: NAME }` anywhere in hosted tools. */
function namesEnvironment(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).some(namesEnvironment);
  if (typeof value !== 'object' || value === null || 'parameters' in value) return false;
  const fields = value as Readonly<Record<string, JsonValue | undefined>>;
  return typeof fields['env'] === 'string' || Object.values(fields).some(namesEnvironment);
}
