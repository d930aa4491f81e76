// Checks the monitors of every feature again and again, each in a process of its own: a calibration takes seconds of a processor, and the server's
// requests must not wait for it.

import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readText } from '../../engine/workplace/checked-file.ts';

export interface MonitorSchedule {
  /** Program and first arguments that start lastgood. */
  readonly program: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Project whose features/ are watched. */
  readonly cwd: string;
  readonly db: string;
  readonly everyMs: number;
  readonly tell: (check: ScheduledCheck) => void;
}

/** One check as the log has it. */
interface ScheduledCheck {
  readonly time: string;
  readonly feature: string;
  /** `failed`: the file is wrong, or the process ended otherwise. */
  readonly monitors: 'quiet' | 'drift' | 'cannot-tell' | 'failed';
  /** Code of the failure, where it has one. */
  readonly code?: string;
}

const OUTCOMES = new Map<number | null, ScheduledCheck['monitors']>([
  [0, 'quiet'],
  [1, 'drift'],
  [3, 'cannot-tell'],
]);

/** Begins at once. A round that takes longer than the interval delays the next one. */
export function keepMonitoring(schedule: MonitorSchedule): { stop(): Promise<void> } {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  const round = async (): Promise<void> => {
    for (const file of await watchedFiles(schedule.cwd)) {
      if (stop.signal.aborted) return;
      await check(schedule, file, stop.signal);
    }
  };
  const start = (): void => {
    running = round().finally(() => {
      if (!stop.signal.aborted) timer = setTimeout(start, schedule.everyMs);
    });
  };
  start();
  return {
    async stop() {
      stop.abort();
      if (timer !== null) clearTimeout(timer);
      await running;
    },
  };
}

/** Files under features/ that mention monitors; read again each time, so that a new one needs no restart. */
async function watchedFiles(cwd: string): Promise<readonly string[]> {
  const names = await readdir(join(cwd, 'features')).catch(() => []);
  const files = names.filter((name) => name.endsWith('.yaml')).sort();
  const found: string[] = [];
  for (const file of files.map((name) => join(cwd, 'features', name)))
    if (/^\s*["']?monitors["']?\s*:|"monitors"/m.test(await readText(file).catch(() => ''))) found.push(file);
  return found;
}

function check(
  { program: [node, ...first], environment, cwd, db, tell }: MonitorSchedule,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((done) => {
    // An address may hold a password, which other users of the machine must not read in the list of processes.
    const env = { ...environment, LASTGOOD_DB: db } as NodeJS.ProcessEnv;
    const child = spawn(node, [...first, 'monitor', file, '--json', '--quiet'], {
      ...{ cwd, env, stdio: ['ignore', 'pipe', 'ignore'] },
      ...{ signal, killSignal: 'SIGTERM' },
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    let ended = false;
    const end = (exit: number | null): void => {
      if (ended) return;
      ended = true;
      if (!signal.aborted) tell(checkOf(exit, printed, file));
      done();
    };
    child.on('error', () => end(null));
    child.on('close', end);
  });
}

function checkOf(exit: number | null, printed: string, file: string): ScheduledCheck {
  const { feature, code } = documentOf(printed);
  return {
    time: new Date().toISOString(),
    feature: feature ?? file.replace(/^.*[\\/]/, '').replace(/\.yaml$/, ''),
    monitors: OUTCOMES.get(exit) ?? 'failed',
    ...(code === undefined ? {} : { code }),
  };
}

function documentOf(printed: string): { readonly feature?: string; readonly code?: string } {
  try {
    const value = JSON.parse(printed) as { readonly feature?: string; readonly code?: string };
    return value;
  } catch {
    return {};
  }
}
