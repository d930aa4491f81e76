// One process measured from outside: wall time, processor time (user + system) and highest memory, as the operating system counts them.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REPORT = new URL('./usage-report.mjs', import.meta.url).href;
const GNU_TIME = '/usr/bin/time';

/** Where the figures come from: GNU time counts child processes and the exit too, the report inside the process does not. */
export const ACCOUNTING = existsSync(GNU_TIME) ? 'GNU time' : 'getrusage at exit (GNU time is not installed)';

export interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly code: number | null;
  readonly stdout: string;
}

export interface MeasureOptions {
  readonly cwd?: string;
  /** Longest time it may take; then it is ended and `code` is null. Default 10 minutes. */
  readonly limitMs?: number;
}

interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** Runs `node ARGS` and waits for its end. */
export function measure(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { cwd, limitMs = 600_000 }: MeasureOptions = {},
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'lastgood-measure-'));
  const counted = join(folder, 'time');
  const reported = join(folder, 'usage.json');
  const command = [process.execPath, '--import', REPORT, ...args];
  if (existsSync(GNU_TIME)) command.unshift(GNU_TIME, '-q', '-o', counted, '-f', '%U %S %M');
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        USAGE_FILE: reported,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, so that ending it ends what it started.
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    let late = false;
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    const limit = setTimeout(() => {
      late = true;
      end();
    }, limitMs);
    process.once('exit', end);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const wallMs = performance.now() - started;
      clearTimeout(limit);
      process.off('exit', end);
      const usage = usageOf(counted, reported);
      rmSync(folder, { recursive: true, force: true });
      resolve({ wallMs, ...usage, code: late ? null : code, stdout });
    });
  });
}

function usageOf(counted: string, reported: string): Usage {
  const own: Usage = existsSync(reported)
    ? (JSON.parse(readFileSync(reported, 'utf8')) as Usage)
    : { cpuMs: Number.NaN, rssMb: Number.NaN };
  const line = existsSync(counted) ? readFileSync(counted, 'utf8').trim().split('\n').at(-1) : undefined;
  if (line === undefined || line === '') return own;
  const [user = 0, system = 0, kilobytes = 0] = line.split(' ').map(Number);
  const whole: Usage = { cpuMs: (user + system) * 1000, rssMb: kilobytes / 1024 };
  // GNU time counts in steps of 10 ms each; where the two agree, the process's own figure is the finer one.
  return Math.abs(whole.cpuMs - own.cpuMs) <= 20 ? { ...whole, cpuMs: own.cpuMs } : whole;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Share of the machine that is at work for others over `ms`; work that gives way (`nice`) does not count. */
export async function busyShare(ms = 2000): Promise<number> {
  const count = (): { busy: number; all: number } => {
    let busy = 0;
    let all = 0;
    for (const { times } of cpus()) {
      busy += times.user + times.sys + times.irq;
      all += times.user + times.nice + times.sys + times.idle + times.irq;
    }
    return { busy, all };
  };
  const before = count();
  await sleep(ms);
  const after = count();
  return (after.busy - before.busy) / Math.max(1, after.all - before.all);
}

/** Waits until the machine is nearly idle, at most `waitMs`; says how it went. */
export async function quietMachine(waitMs: number): Promise<{ busy: number; quiet: boolean; load: number }> {
  const started = performance.now();
  for (;;) {
    const busy = await busyShare();
    const quiet = busy <= 0.15;
    if (quiet || performance.now() - started >= waitMs) return { busy, quiet, load: loadavg()[0] as number };
  }
}
