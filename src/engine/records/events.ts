// What happened around the model: deploys, provider notices, incidents and notes, kept on the timeline beside the nights.

import { z } from 'zod';
import { parseCsv } from '../../base/csv.ts';
import { readDocument, type TextDocument } from '../../base/document.ts';
import { checkShape } from '../../base/document-check.ts';
import { type ErrorWhere, LastgoodError, throwAll } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { placesOf } from '../../ledger/index.ts';
import { readText } from '../workplace/checked-file.ts';
import type { Workplace } from '../workplace/workplace.ts';

const EVENT_KINDS = ['deploy', 'provider-notice', 'incident', 'note'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** One thing that happened at a moment. */
export interface TimelineEvent {
  readonly kind: EventKind;
  /** ISO time, UTC. */
  readonly at: string;
  readonly text: string;
  /** A commit, ticket or URL. */
  readonly ref?: string | undefined;
  /** null = it concerns every suite. */
  readonly suite: string | null;
}

/** Suite of a record that concerns every suite. */
const EVERY_SUITE = '*';

const LONGEST_TEXT = 2000;

const eventSchema = z.strictObject({
  kind: z.enum(EVENT_KINDS),
  at: z.string().describe('ISO date or time; without a zone it is UTC'),
  text: z.string().trim().min(1).max(LONGEST_TEXT),
  ref: z.string().optional().describe('commit, ticket or URL'),
  suite: z.string().optional().describe('only this suite; left out = every suite'),
});

/** A date or time as ISO UTC; complains about what is none. */
export function eventTime(text: string, where: ErrorWhere = {}): string {
  const iso = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?$/;
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) || text.length === 10 ? text : `${text}Z`;
  const time = iso.test(text) ? new Date(zoned.replace(' ', 'T').replace(' ', '')) : null;
  if (time === null || Number.isNaN(time.getTime()))
    throw new LastgoodError({
      code: 'EVENT_TIME',
      message: `"${text}" is not a date or time`,
      where: { ...where, key: 'at' },
      hint: 'write 2026-05-12, or 2026-05-12T06:00:00Z, or with an offset: 2026-05-12T08:00:00+02:00',
    });
  return time.toISOString();
}

/** Adds events, and gives them back as they are kept; one that is there already is not added twice. Throws `EVENT_TEXT` for one that says nothing or too much. */
export async function addEvents(
  work: Pick<Workplace, 'store' | 'mask' | 'project'>,
  events: readonly TimelineEvent[],
): Promise<{ readonly added: number; readonly known: number; readonly kept: readonly TimelineEvent[] }> {
  const known = new Set((await listEvents(work.store)).map(identity));
  const all = events.map((event) => asKept(work, event));
  let added = 0;
  for (const masked of all) {
    if (known.has(identity(masked))) continue;
    known.add(identity(masked));
    const { suite, ...body } = masked;
    await work.store.keepRecord({ kind: 'event', suite: suite ?? EVERY_SUITE, at: masked.at, body });
    added++;
  }
  return { added, known: events.length - added, kept: all };
}

/** As the ledger will have it, so that the same event is known again. */
function asKept(work: Pick<Workplace, 'mask' | 'project'>, event: TimelineEvent): TimelineEvent {
  const { text: placeless } = placesOf(work.project);
  const kept = (said: string): string => placeless(work.mask.text(said.trim())).toWellFormed();
  const { ref } = event;
  const text = kept(event.text);
  if (text === '' || text.length > LONGEST_TEXT)
    throw new LastgoodError({
      code: 'EVENT_TEXT',
      message: `an event says something in at most ${LONGEST_TEXT} characters; this one has ${text.length}`,
      hint: 'tell the rest behind a --ref: a ticket, a commit, a URL',
    });
  const suite = event.suite === null ? null : kept(event.suite);
  return { ...event, suite, text, ...(ref === undefined ? {} : { ref: kept(ref) }) };
}

function identity({ kind, at, text, ref, suite }: TimelineEvent): string {
  return JSON.stringify([kind, at, text, ref ?? null, suite]);
}

/** The timeline, oldest first; of one suite where it is named, those that concern every suite included. */
export async function listEvents(store: SnapshotStore, suite?: string): Promise<readonly TimelineEvent[]> {
  const records = await store.records('event');
  return records
    .filter((r) => suite === undefined || r.suite === suite || r.suite === EVERY_SUITE)
    .map((r): TimelineEvent => {
      const { kind, text, ref } = r.body as unknown as TimelineEvent;
      return {
        kind,
        at: r.at,
        text,
        ...(ref === undefined ? {} : { ref }),
        suite: r.suite === EVERY_SUITE ? null : r.suite,
      };
    })
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** Reads a timeline from JSONL, CSV (with a header line), YAML or JSON (a list). Every problem is reported, with its line. */
export async function readEventFile(file: string): Promise<readonly TimelineEvent[]> {
  const text = await readText(file);
  const rows = rowsOf(text.replace(/^\ufeff/, '').replace(/\r\n/g, '\n'), file);
  const errors: LastgoodError[] = [];
  const events: TimelineEvent[] = [];
  for (const { value, line, document } of rows) {
    const checked = checkShape(eventSchema, value, { document, family: 'EVENT' });
    if (!checked.ok) {
      errors.push(...checked.errors.map((e) => at(e, file, line)));
      continue;
    }
    const { kind, text: said, ref, suite } = checked.value;
    try {
      events.push({
        kind,
        at: eventTime(checked.value.at, { file, line }),
        text: said,
        ...(ref === undefined ? {} : { ref }),
        suite: suite ?? null,
      });
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      errors.push(error);
    }
  }
  throwAll(errors);
  return events;
}

interface Row {
  readonly value: unknown;
  /** null where the file's own positions are known to `document`. */
  readonly line: number | undefined;
  readonly document: TextDocument;
}

function at(error: LastgoodError, file: string, line: number | undefined): LastgoodError {
  if (line === undefined) return error;
  return new LastgoodError({
    code: error.code,
    message: error.message,
    hint: error.hint,
    where: { ...error.where, file, line, column: undefined },
  });
}

function rowsOf(text: string, file: string): Row[] {
  if (/\.(jsonl|ndjson)$/i.test(file))
    return text.split('\n').flatMap((source, i) => {
      if (source.trim() === '') return [];
      try {
        const document = readDocument(source, file, 'EVENT');
        return [{ value: document.value, line: i + 1, document }];
      } catch (error) {
        if (error instanceof LastgoodError) throw at(error, file, i + 1);
        throw error;
      }
    });
  if (/\.csv$/i.test(file)) return csvRows(text, file);
  const document = readDocument(text, file, 'EVENT');
  const list = document.value ?? [];
  if (!Array.isArray(list))
    throw new LastgoodError({
      code: 'EVENT_FILE_SHAPE',
      message: 'the file must hold a list of events',
      where: { file },
      hint: '- { kind: deploy, at: 2026-05-12T06:00:00Z, text: "prompt v14" }',
    });
  return list.map((value) => ({
    value,
    line: undefined,
    document: readDocument(JSON.stringify(value), file, 'EVENT'),
  }));
}

function csvRows(text: string, file: string): Row[] {
  const parsed = parseCsv(text);
  if (!parsed.ok)
    throw new LastgoodError({
      code: 'EVENT_CSV',
      message: parsed.problem,
      where: { file, line: parsed.line },
    });
  const [head, ...records] = parsed.records;
  if (head === undefined) return [];
  return records.map(({ cells, line }) => {
    const value = Object.fromEntries(
      head.cells.flatMap((name, i) => {
        const cell = cells[i] ?? '';
        return cell === '' ? [] : [[name.trim(), cell] as const];
      }),
    );
    return { value, line, document: readDocument(JSON.stringify(value), file, 'EVENT') };
  });
}
