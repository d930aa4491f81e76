// Running through a provider's batch API: what may go there, and how a snapshot that does is told from others.

import { type JsonValue, LastgoodError } from '../../base/index.ts';
import { hasConversation } from '../../core/case-conversation.ts';
import type { Provider, SnapshotSummary } from '../../core/index.ts';
import { BATCH_LABEL, BATCH_TIER } from '../../core/provider-batch.ts';
import type { BatchOptions } from '../../run/index.ts';
import { batchBook } from '../records/provider-batches.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import type { RunSettings } from './run-settings.ts';

const FIRST_POLL_MS = 5000;
const LONGEST_POLL_MS = 60_000;

/** Labels of a snapshot that is run through a batch API; finishing it goes on there. */
export const BATCH_LABELS: Readonly<Record<string, string>> = { [BATCH_LABEL]: BATCH_TIER };

/** Throws `BATCH_UNSUPPORTED`, `BATCH_CASE` or `BATCH_OPTION` for what no batch API takes. Makes no call. */
export function checkBatchable(
  { suite, release }: Assignment,
  provider: Provider,
  settings: Pick<RunSettings, 'batch' | 'stream' | 'spreadMs'>,
): void {
  if (settings.batch !== true) return;
  const { layers } = release;
  if (provider.batch === undefined)
    throw unsupported(
      `release "${release.name}" is answered by provider "${provider.name}", for which no batch API is known`,
      'leave --batch out; it works with `provider: openai` and `provider: anthropic`',
    );
  const tier = layers.params?.['service-tier'];
  if (typeof tier === 'string' && !['auto', 'default', 'standard'].includes(tier))
    throw unsupported(
      `release "${release.name}" asks for the service tier "${tier}", and a batch has its own`,
      'leave out --batch, or `service-tier` in the release',
    );
  if (namesEnvironment(layers.tools?.['definitions']))
    throw unsupported(
      `a tool of release "${release.name}" takes a value from the environment, and a batch file with it would be stored by the service`,
      'leave --batch out for this release',
    );
  if (settings.stream === true || settings.spreadMs !== undefined)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: `${settings.stream === true ? '--stream' : '--spread'} cannot be combined with --batch: a batch has neither streams nor times of its calls`,
      hint: 'leave one of them out',
    });
  for (const c of suite.cases)
    if (hasConversation(c))
      throw new LastgoodError({
        code: 'BATCH_CASE',
        message: `case "${c.id}" has turns or tools that lastgood answers, and each step would wait for a batch of its own`,
        hint: 'leave --batch out, or leave such cases out with --filter',
      });
}

/** Throws `BATCH_COST_UNBOUNDED` where a cost limit could not be checked before a batch is handed in. */
export function checkCostBound(settings: RunSettings, dearestUsd: () => number | undefined): void {
  if (settings.batch !== true || settings.maxCostUsd === undefined || dearestUsd() !== undefined) return;
  throw new LastgoodError({
    code: 'BATCH_COST_UNBOUNDED',
    message:
      '--max-cost needs the most that one call may cost before a batch is submitted, and it is unknown here; nothing was sent',
    hint: 'set `max-output-tokens` in the params of the release and a price for its model, or use --max-calls',
  });
}

/** The mode in which a snapshot was begun decides how it is finished. Throws `BATCH_RESUME` for --batch on any other. */
export function resumedMode(settings: RunSettings, { id, labels }: SnapshotSummary): RunSettings {
  if (labels[BATCH_LABEL] === BATCH_TIER) return { ...settings, batch: true };
  if (settings.batch !== true) return settings;
  throw new LastgoodError({
    code: 'BATCH_RESUME',
    message: `${id} was begun without --batch, and its calls would have two prices`,
    hint: `finish it with \`lastgood run --resume ${id}\``,
  });
}

/** undefined = single calls. */
export function batchOptionsOf(
  work: Workplace,
  settings: RunSettings,
  arm: { readonly provider: Provider; readonly snapshotId: string; readonly assignment: Assignment },
): BatchOptions | undefined {
  const { batch: api } = arm.provider;
  if (settings.batch !== true || api === undefined) return undefined;
  const book = batchBook(work, { snapshotId: arm.snapshotId, suite: arm.assignment.suite.name });
  const pollMs = settings.batchPollMs ?? FIRST_POLL_MS;
  return { api, book, pollMs, longestPollMs: Math.max(pollMs, LONGEST_POLL_MS) };
}

function unsupported(message: string, hint: string): LastgoodError {
  return new LastgoodError({ code: 'BATCH_UNSUPPORTED', message, hint });
}

/** `{ env: NAME }` anywhere in hosted tools. */
function namesEnvironment(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).some(namesEnvironment);
  if (typeof value !== 'object' || value === null || 'parameters' in value) return false;
  const fields = value as Readonly<Record<string, JsonValue | undefined>>;
  return typeof fields['env'] === 'string' || Object.values(fields).some(namesEnvironment);
}
