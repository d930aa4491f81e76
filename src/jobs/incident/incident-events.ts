// What people know that the ledger does not: deploys, provider notices, inputs that failed in production.

import { z } from 'zod';
import { fixedDocument, readDocument } from '../../base/document.ts';
import { checkShape } from '../../base/document-check.ts';
import { isJsonObject, type JsonObject, type JsonValue, LastgoodError, throwAll } from '../../base/index.ts';
import type { SnapshotStore, TimelineEntry } from '../../core/index.ts';
import { type AlertEvent, alertStates } from '../../engine/records/alerts.ts';
import { listEvents } from '../../engine/records/events.ts';
import { readText } from '../../engine/workplace/checked-file.ts';

const eventSchema = z.strictObject({
  at: z.string().describe('ISO time, e.g. 2026-03-15T02:00:00Z'),
  kind: z.string().min(1).describe('e.g. deploy, provider, incident'),
  text: z.string().min(1).describe('what happened, in one sentence'),
  ref: z.string().optional().describe('ticket, commit or link'),
  suite: z.string().optional().describe('only this suite; left out = every suite'),
  case: z.record(z.string(), z.unknown()).optional().describe('an input that failed, as a suite file has it'),
});

export interface GivenEvents {
  readonly entries: readonly TimelineEntry[];
  /** Inputs that failed outside the suite, as cases. */
  readonly cases: readonly JsonObject[];
}

/** A list in YAML or JSON, or JSON lines; of one suite where it is named. Every problem is reported with its line. */
export async function readEvents(file: string, suite?: string): Promise<GivenEvents> {
  const text = await readText(file);
  const rows = /\.(jsonl|ndjson)$/i.test(file) ? lines(text, file) : list(text, file);
  const entries: TimelineEntry[] = [];
  const cases: JsonObject[] = [];
  for (const { value, document } of rows) {
    const checked = checkShape(eventSchema, value, { document, family: 'EVENT' });
    if (!checked.ok) {
      throwAll(checked.errors);
      continue;
    }
    const { at, kind, text: what, ref, suite: only, case: failed } = checked.value;
    if (only !== undefined && suite !== undefined && only !== suite) continue;
    entries.push({ at: isoTime(at, `${file}: at`), kind, text: what, source: 'file', ref });
    if (failed !== undefined) cases.push(failed as JsonObject);
  }
  return { entries, cases };
}

/** Events kept in the ledger that concern the suite, and the alerts its nights raised. */
export async function ledgerEvents(store: SnapshotStore, suite: string): Promise<TimelineEntry[]> {
  const events = (await listEvents(store, suite)).map(
    (e): TimelineEntry => ({ at: e.at, kind: e.kind, text: e.text, source: 'event', ref: e.ref }),
  );
  const alerts = (await alertStates(store, suite)).map(
    ({ alert, delivered }): TimelineEntry => ({
      at: alert.at,
      kind: alert.event.endsWith('.opened') ? ALERT : 'alert ended',
      text: `${ALERT_WORDS[alert.event]}; ${delivered ? 'the webhook took it' : 'no webhook has taken it'}`,
      source: 'ledger',
      ref: alert.id,
    }),
  );
  return [...events, ...alerts];
}

/** Kind of the entry that tells of a raised alert. */
export const ALERT = 'alert';

const ALERT_WORDS: Readonly<Record<AlertEvent, string>> = {
  'regression.opened': 'the nightly run raised an alert',
  'regression.recovered': 'the nightly run reported the recovery',
  'regression.superseded': 'a new baseline ended the episode',
  'drift.opened': 'a monitor of production raised an alert',
  'drift.recovered': 'a monitor of production reported the recovery',
  'drift.superseded': 'a monitor was changed while its episode was open',
  'rollout.opened': 'a gate of a rollout acted',
  'rollback.held': 'an applied rollback stopped',
  'rollback.ended': 'an applied rollback is done',
};

/** A time a person wrote, as ISO in UTC. Without a zone it is read as UTC. */
export function isoTime(text: string, name: string): string {
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(text) || /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : `${text}Z`;
  const time = Date.parse(zoned.replace(' ', 'T'));
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(time)) {
    throw new LastgoodError({
      code: 'BAD_TIME',
      message: `${name} takes a time such as 2026-03-15T02:00Z, not "${text}"`,
    });
  }
  return new Date(time).toISOString();
}

interface Row {
  readonly value: JsonValue;
  readonly document: ReturnType<typeof readDocument>;
}

function list(text: string, file: string): Row[] {
  const document = readDocument(text, file, 'EVENT');
  const value = isJsonObject(document.value) ? [document.value] : document.value;
  if (!Array.isArray(value)) {
    throw new LastgoodError({
      code: 'EVENT_NO_LIST',
      message: 'expected a list of events, each with `at`, `kind` and `text`',
      where: { file },
    });
  }
  return value.map((entry: JsonValue, i) => ({
    value: entry,
    document: fixedDocument(entry, file, document.locate(Array.isArray(document.value) ? [i] : [])),
  }));
}

function lines(text: string, file: string): Row[] {
  return text.split('\n').flatMap((line, i): Row[] => {
    if (line.trim() === '') return [];
    try {
      const value = JSON.parse(line) as JsonValue;
      return [{ value, document: fixedDocument(value, file, { line: i + 1, column: 1 }) }];
    } catch (cause) {
      throw new LastgoodError({
        code: 'EVENT_SYNTAX',
        message: 'the line is not one JSON value',
        where: { file, line: i + 1 },
        cause,
      });
    }
  });
}
