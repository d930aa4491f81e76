// lastgood playbook check: every part of a playbook looked at, every command of it run so that it changes nothing.

import type { Clock } from '../../base/index.ts';
import type {
  CommandRun,
  Playbook,
  PlaybookCheck,
  PlaybookCheckLine,
  PlaybookPart,
  PlaybookStep,
} from '../../core/index.ts';
import { PLAYBOOK_SECTIONS } from '../../core/playbook.ts';

/** Runs `lastgood WORDS` as the command line does. */
export type RunCommand = (words: readonly string[]) => Promise<CommandRun>;

/** Commands run one after the other, as on-call would. */
export async function checkPlaybook(
  playbook: Playbook,
  parts: readonly PlaybookPart[],
  { run, clock, signal }: { readonly run: RunCommand; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<PlaybookCheck> {
  const started = clock.now();
  const lines: PlaybookCheckLine[] = parts.map((part) => ({
    ...part,
    ...{ command: null, step: null, exit: null, elapsedMs: 0 },
  }));
  for (const step of playbook.steps) {
    if (signal.aborted) break;
    const before = clock.now().getTime();
    const result = await run(step.rehearsal);
    lines.push(lineOf(step, result, clock.now().getTime() - before));
  }
  const counts = { works: 0, broken: 0, open: 0 };
  for (const { state } of lines) counts[state]++;
  const { feature, environment, ticket } = playbook;
  return {
    ...{ schemaVersion: 1, kind: 'playbook-check', feature, environment, ticket, at: started.toISOString() },
    outcome: counts.broken > 0 ? 'broken' : counts.open > 0 ? 'open' : 'works',
    ...{ counts, elapsedMs: clock.now().getTime() - started.getTime() },
    lines: lines.sort((a, b) => placeIn(a) - placeIn(b)),
  };
}

function placeIn({ section }: PlaybookPart): number {
  return PLAYBOOK_SECTIONS.indexOf(section);
}

function lineOf(step: PlaybookStep, { exit, said, error }: CommandRun, elapsedMs: number): PlaybookCheckLine {
  const { section, what, command, id, works } = step;
  const made = { section, what, command, step: id, exit, elapsedMs };
  if (error !== null) return { ...made, state: 'broken', detail: error.message, next: error.hint };
  if (works.includes(exit))
    return { ...made, state: 'works', detail: said === '' ? `exit ${exit}` : said, next: null };
  const state = exit === 3 ? 'open' : 'broken';
  return { ...made, state, detail: `exit ${exit}: ${said}`, next: 'run it, and read its answer' };
}
