// What the commands share: opening the workplace, printing results, turning verdicts into exit codes.

import type { Command } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { Clock } from '../../base/index.ts';
import type { Comparison, SnapshotSummary } from '../../core/index.ts';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import type { Settings } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { jsonDocument } from '../../report/json/json-document.ts';
import type { Io } from '../terminal/io.ts';
import { cliProgress } from '../terminal/progress.ts';
import { trustOptions } from './trust-options.ts';
import { VERSION } from './version.ts';

/** Options every command takes. */
export interface CommonOptions {
  readonly db?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** Of the commands that `detailed` gave it to. */
  readonly verbose?: boolean;
}

/** Adds the options every command takes. */
export function common(command: Command): Command {
  return command
    .option(
      '--db <place>',
      'the ledger: a file or postgres://… (default LASTGOOD_DB, else snapshots/lastgood.db)',
    )
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'no progress on stderr');
}

/** The same for commands that read suites and releases of the project, or run what those name. */
export function reading(command: Command): Command {
  return common(trustOptions(command));
}

/** The option of commands whose report on a terminal is short. */
export function detailed(command: Command): Command {
  return command.option(
    '--verbose',
    'print all numbers: intervals, p and q values, every rule, tag and case',
  );
}

export interface Session {
  readonly work: Workplace;
  readonly settings: Settings;
}

/** Opens the ledger, hands it to the job, and closes it whatever happens. */
export async function withWorkplace<T>(
  io: Io,
  options: CommonOptions & { readonly prices?: string; readonly store?: string },
  needs: {
    readonly mustExist: boolean;
    readonly at?: Date | undefined;
    readonly threadFromRows?: number;
    /** Read before, instead of from the working folder. */
    readonly settings?: Settings;
    readonly copy?: { readonly folder: string; readonly of: string } | undefined;
  },
  job: (session: Session) => Promise<T>,
): Promise<T> {
  const [{ openWorkplace }, { ledgerPlace, readSettings }] = await Promise.all([
    import('../../engine/workplace/open-workplace.ts'),
    import('../../engine/workplace/settings-file.ts'),
  ]);
  const { resolve } = await import('node:path');
  const settings = needs.settings ?? (await readSettings(io.cwd));
  const progress = cliProgress(io, options.quiet === true, () => Date.now());
  io.beforeOut(progress.end);
  const work = await openWorkplace({
    db: ledgerPlace(io, options.db, settings),
    root: io.cwd,
    copy: needs.copy,
    environment: io.environment,
    progress,
    pricesFile: options.prices === undefined ? settings.prices : resolve(io.cwd, options.prices),
    version: VERSION,
    node: io.nodeVersion,
    platform: io.platform,
    signal: io.signal,
    hardSignal: io.hardSignal,
    mustExist: needs.mustExist,
    threadFromRows: needs.threadFromRows,
    ...(needs.at === undefined ? {} : { clock: clockFrom(needs.at) }),
    redact: settings.redact,
    storeMode: (options.store as Settings['store']) ?? settings.store,
  });
  try {
    return await job({ work, settings });
  } finally {
    progress.end();
    await work.store.close();
  }
}

/** A clock that starts at `start` now and goes on at the usual pace. */
function clockFrom(start: Date): Clock {
  const offset = start.getTime() - Date.now();
  return { now: () => new Date(Date.now() + offset) };
}

/** The suite that was typed, or the project's default one. Asked before the ledger is opened, so that a mistake leaves no file behind. */
export async function suiteOrDefault(io: Io, command: string, asked: string | undefined): Promise<string> {
  if (asked !== undefined) return asked;
  const { readSettings } = await import('../../engine/workplace/settings-file.ts');
  const { suite } = await readSettings(io.cwd);
  if (suite !== undefined) return suite;
  throw new LastgoodError({
    code: 'NO_SUITE',
    message: 'no suite was named, and lastgood.yaml names no default suite',
    hint: `lastgood ${command} SUITE, or set \`suite:\` in lastgood.yaml`,
  });
}

/** The release that was typed, or the project's default one. */
export async function releaseOrDefault(io: Io, command: string, asked: string | undefined): Promise<string> {
  if (asked !== undefined) return asked;
  const { readSettings } = await import('../../engine/workplace/settings-file.ts');
  const { release } = await readSettings(io.cwd);
  if (release !== undefined) return release;
  throw new LastgoodError({
    code: 'NO_RELEASE',
    message: 'no release was named, and lastgood.yaml names no default release',
    hint: `lastgood ${command} --release FILE, or set \`release:\` in lastgood.yaml`,
  });
}

/** One JSON document and a newline. */
export function printJson(io: Io, value: unknown): void {
  // Escaped already; a change for the sake of a log would change a value.
  (io.document ?? io.out)(jsonDocument(value));
}

/** 0 = the gate passed, 1 = it failed, 3 = could not tell. */
export function gateExit(comparison: Comparison): number {
  return comparison.gate.outcome === 'pass' ? 0 : comparison.gate.outcome === 'fail' ? 1 : 3;
}

/** The exit code under `--fail-on`: with `regression`, an undecided result only warns. */
export function exitUnder(
  io: Io,
  options: { readonly failOn?: 'unclear' | 'regression' },
  code: number,
): number {
  if (options.failOn !== 'regression' || code !== 3) return code;
  io.err('warning: could not tell (exit 3); exit 0, because --fail-on is regression [NOT_FAILED]\n');
  return 0;
}

/** A snapshot as `run` and `list` print it in JSON. */
export function snapshotJson(s: SnapshotSummary): Record<string, unknown> {
  return { ...s };
}

/** A whole number of at least `least`, from the command line. */
export function wholeNumber(name: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || text.trim() === '') {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes a whole number of at least ${least}, not "${text}"`,
      });
    }
    return value;
  };
}

/** A number above 0, from the command line. */
export function positive(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > 0) || !Number.isFinite(value) || text.trim() === '') {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes a number above 0, not "${text}"`,
      });
    }
    return value;
  };
}

/** An ISO date or time; a date alone is midnight UTC. */
export function moment(name: string): (text: string) => Date {
  return (text) => {
    const time = new Date(text);
    if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime())) {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes an ISO time like 2026-05-12T03:15:00Z, not "${text}"`,
      });
    }
    return time;
  };
}

/** A positive number of US dollars. */
export function dollars(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text.replace(/^\$/, ''));
    if (!(value > 0) || !Number.isFinite(value)) {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes an amount in US dollars above 0, not "${text}"`,
      });
    }
    return value;
  };
}

/** The judge's own budget as the options have it, for everything that the command runs; undefined without one. */
export async function judgeLimitOf(
  options: { readonly maxJudgeCalls?: number; readonly maxJudgeCost?: number },
  work: Workplace,
): Promise<JudgeLimit | undefined> {
  const { maxJudgeCalls: maxCalls, maxJudgeCost: maxCostUsd } = options;
  if (maxCalls === undefined && maxCostUsd === undefined) return undefined;
  const { JudgeLimit } = await import('../../engine/examiners/judge-limit.ts');
  return new JudgeLimit({ maxCalls, maxCostUsd, priced: work.prices !== null });
}

/** "90s", "15m", "2h" in milliseconds; a number alone is seconds, unless that is refused. */
export function duration(
  name: string,
  unitless: 'seconds' | 'refused' = 'seconds',
): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
    if (match !== null && match[2] === undefined && unitless === 'refused') {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes a duration with its unit, not "${text}"`,
        hint: `${name} ${text.trim()}h means hours; s, m, h and d are known`,
      });
    }
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? 's'];
    const value = Number(match?.[1]) * (unit ?? Number.NaN);
    if (!(value > 0)) {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `${name} takes a duration like 90s, 15m or 2h, not "${text}"`,
      });
    }
    return value;
  };
}

/** `key=value`, gathered over repeated options. */
export function keyValue(
  name: string,
): (text: string, before: Record<string, string> | undefined) => Record<string, string> {
  return (text, before) => {
    const at = text.indexOf('=');
    if (at < 1)
      throw new LastgoodError({ code: 'BAD_OPTION', message: `${name} takes key=value, not "${text}"` });
    return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  };
}
