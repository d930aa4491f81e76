// Events as files that live in git: one file an event, named by what it says, so that two branches that add events never touch the same file.

import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { canonicalJson, type JsonObject, sha256 } from '../../base/json.ts';
import { FORGOTTEN } from '../../ledger/model/text-cleaner.ts';
import { listEvents, readEventFile, type TimelineEvent } from '../records/events.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { replaceFile } from './snapshot-file.ts';

const SUFFIX = '.event.jsonl';

/** Is this the name of an exported event? */
export function isEventFile(file: string): boolean {
  return file.endsWith(SUFFIX);
}

/** Writes the timeline, or what concerns a suite, into a folder. The same event is the same file with the same bytes, from any ledger. */
export async function exportEvents(
  work: Workplace,
  input: { readonly suite?: string | undefined; readonly dir: string; readonly cwd: string },
): Promise<readonly string[]> {
  const dir = resolve(input.cwd, input.dir);
  const events = await listEvents(work.store, input.suite);
  if (events.length > 0) await mkdir(dir, { recursive: true });
  const files: string[] = [];
  for (const event of events) {
    const name = nameOf(event);
    await write(join(dir, name), event);
    files.push(join(input.dir, name));
  }
  return files;
}

/** Takes a text out of an exported event, which gets another name by that. False when it does not say it. */
export async function forgetInEvent(
  file: string,
  { text, substring }: { readonly text: string; readonly substring?: boolean | undefined },
  dryRun: boolean,
): Promise<boolean> {
  const events = await readEventFile(file);
  const without = (said: string): string =>
    substring === true ? said.replaceAll(text, FORGOTTEN) : said === text ? FORGOTTEN : said;
  const said = events.some(
    (e) => without(e.text) !== e.text || (e.ref !== undefined && without(e.ref) !== e.ref),
  );
  if (!said || dryRun) return said;
  for (const event of events) {
    const { ref } = event;
    const kept = {
      ...event,
      text: without(event.text),
      ...(ref === undefined ? {} : { ref: without(ref) }),
    };
    await write(join(dirname(file), nameOf(kept)), kept);
  }
  await rm(file);
  return true;
}

/** Its day and kind to be found by, and a hash of all it says. */
function nameOf(event: TimelineEvent): string {
  return `${event.at.slice(0, 10)}.${event.kind}.${sha256(lineOf(event)).slice(0, 12)}${SUFFIX}`;
}

/** As `event import` reads it. */
function lineOf({ kind, at, text, ref, suite }: TimelineEvent): string {
  return canonicalJson({
    ...{ kind, at, text },
    ...(ref === undefined ? {} : { ref }),
    ...(suite === null ? {} : { suite }),
  } satisfies JsonObject);
}

async function write(file: string, event: TimelineEvent): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    yield lineOf(event);
  }
  await replaceFile(file, lines());
}
