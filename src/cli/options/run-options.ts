// The options of commands that run a suite, each declared once: its flags, what it takes, and what it says of itself.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import type { Settings } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { RegradeBatch } from '../../jobs/regrade/regrade-batch.ts';
import { dollars, duration, judgeLimitOf, keyValue, wholeNumber } from './session.ts';

const FAIL_ON = ['unclear', 'regression'] as const;
const TIERS = ['smoke', 'std', 'deep', 'ladder'] as const;

/** What the options come to; a command has those it asked `runOptions` for. */
export interface RunOptionValues {
  readonly release?: string;
  readonly tier?: (typeof TIERS)[number];
  readonly trials?: number;
  readonly concurrency?: number;
  readonly filter?: string;
  readonly maxCost?: number;
  readonly maxCalls?: number;
  readonly maxJudgeCalls?: number;
  readonly maxJudgeCost?: number;
  readonly deadline?: number;
  readonly timeout?: number;
  readonly maxAttempts?: number;
  readonly outage?: number;
  readonly label?: Record<string, string>;
  readonly judge?: string;
  readonly judgeVotes?: number;
  readonly prices?: string;
  readonly store?: string;
  readonly preflight?: boolean;
  readonly requirePinned?: boolean;
  readonly stream?: boolean;
  readonly batch?: boolean;
  readonly batchPoll?: number;
  readonly dryRun?: boolean;
  readonly failOn?: (typeof FAIL_ON)[number];
}

/** `preflight` stands for two flags, `--preflight` and `--no-preflight`. */
export type RunOptionName = keyof RunOptionValues;

interface Declared {
  readonly flags: string;
  readonly text: string;
  readonly parse?: (text: string, before: never) => unknown;
  readonly choices?: readonly string[];
}

const DECLARED: Readonly<Record<RunOptionName, Declared>> = {
  release: { flags: '--release <file>', text: 'the release to run' },
  tier: {
    flags: '--tier <tier>',
    text: 'smoke, std or deep: 1, 3 or 5 trials per case; ladder: from 1 to 3 to 5, only while the answer is open',
    parse: oneOf(TIERS),
  },
  trials: {
    flags: '--trials <n>',
    text: "trials per case instead of the suite's",
    parse: wholeNumber('--trials', 1),
  },
  concurrency: {
    flags: '--concurrency <n>',
    text: 'calls in flight at once (default 8)',
    parse: wholeNumber('--concurrency', 1),
  },
  filter: { flags: '--filter <expr>', text: 'only some cases, e.g. "tag:refund !critical" or "refund-*"' },
  maxCost: {
    flags: '--max-cost <usd>',
    text: 'stop before the run costs more',
    parse: dollars('--max-cost'),
  },
  maxCalls: {
    flags: '--max-calls <n>',
    text: 'stop after this many calls',
    parse: wholeNumber('--max-calls', 1),
  },
  maxJudgeCalls: {
    flags: '--max-judge-calls <n>',
    text: 'ask the judge (and the embedder that grades) at most so often; the rest stays ungraded',
    parse: wholeNumber('--max-judge-calls', 1),
  },
  maxJudgeCost: {
    flags: '--max-judge-cost <usd>',
    text: 'stop asking the judge before it costs more, apart from --max-cost',
    parse: dollars('--max-judge-cost'),
  },
  deadline: {
    flags: '--deadline <duration>',
    text: 'stop after this long, e.g. 20m',
    parse: duration('--deadline'),
  },
  timeout: {
    flags: '--timeout <duration>',
    text: 'give up one attempt after this long (default 120s)',
    parse: duration('--timeout'),
  },
  maxAttempts: {
    flags: '--max-attempts <n>',
    text: 'attempts per trial (default 4)',
    parse: wholeNumber('--max-attempts', 1),
  },
  outage: {
    flags: '--outage <duration>',
    text: 'wait so long for a service that is down, then stop; the run can be resumed (default 5m)',
    parse: duration('--outage'),
  },
  label: {
    flags: '--label <key=value>',
    text: 'label the snapshot; may be repeated',
    parse: keyValue('--label'),
  },
  judge: { flags: '--judge <file>', text: "judge release instead of the suite's" },
  judgeVotes: {
    flags: '--judge-votes <n>',
    text: 'calls of each judge per question, the majority decides (default 1); part of the exam',
    parse: wholeNumber('--judge-votes', 1),
  },
  prices: { flags: '--prices <file>', text: 'price file (US dollars per million tokens)' },
  store: {
    flags: '--store <mode>',
    text: 'texts that are kept: outputs = answers only, scores = none',
    choices: ['all', 'outputs', 'scores'],
  },
  preflight: {
    flags: '--preflight',
    text: 'ask the catalogue for the models first, also where base-url names another server',
  },
  failOn: {
    flags: '--fail-on <what>',
    text: 'unclear = every answer but a clear pass fails (default); regression = "could not tell" is exit 0 with a warning',
    choices: FAIL_ON,
  },
  requirePinned: {
    flags: '--require-pinned',
    text: 'refuse a floating model alias; a run in which another model answers is invalid',
  },
  stream: {
    flags: '--stream',
    text: 'stream replies of model APIs: keeps the time to the first token, and long calls alive behind proxies',
  },
  batch: {
    flags: '--batch',
    text: "run through the provider's batch API: half the price, answers within 24 hours",
  },
  batchPoll: {
    flags: '--batch-poll <duration>',
    text: 'first wait before a batch is polled; the waits grow to a minute (default 5s)',
    parse: duration('--batch-poll'),
  },
  dryRun: { flags: '--dry-run', text: 'show what would be called and what it could cost, call nothing' },
};

/** Adds options in the order they are named; a text replaces the usual one where the option means something else in this command. */
export function runOptions(
  command: Command,
  named: Readonly<Partial<Record<RunOptionName, true | string>>>,
): Command {
  for (const [name, text] of Object.entries(named)) {
    const { flags, text: usual, parse, choices } = DECLARED[name as RunOptionName];
    const option = new Option(flags, text === true ? usual : text);
    if (parse !== undefined) option.argParser(parse as (text: string, before: unknown) => unknown);
    if (choices !== undefined) option.choices(choices);
    command.addOption(option);
    if (name === 'preflight') command.option('--no-preflight', 'ask no catalogue, and no judge beforehand');
  }
  return command;
}

/** The options that reach a run. */
export async function runSettings(
  options: Omit<RunOptionValues, 'release'>,
  settings: Settings,
  work: Workplace,
): Promise<RunSettings> {
  return {
    trials: options.trials,
    concurrency: options.concurrency ?? settings.concurrency,
    maxCalls: options.maxCalls,
    maxCostUsd: options.maxCost,
    judgeLimit: await judgeLimitOf(options, work),
    deadlineMs: options.deadline,
    attemptTimeoutMs: options.timeout,
    maxAttempts: options.maxAttempts,
    outageMs: options.outage,
    judgeVotes: options.judgeVotes,
    labels: options.label,
    requirePinned: options.requirePinned,
    stream: options.stream,
    batch: options.batch,
    batchPollMs: options.batchPoll,
    preflight: options.preflight,
  };
}

/** Of commands that ask only a judge. */
export interface JudgeBatchValues {
  readonly batch?: boolean;
  readonly batchPoll?: number;
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly outage?: number;
}

export function judgeBatchOptions(command: Command): Command {
  return runOptions(command, {
    maxCalls: 'ask the judge at most so often; the rest stays ungraded',
    maxCost: 'stop asking the judge before it costs more',
    batch: "ask the judge through its provider's batch API: half the price, answers within 24 hours",
    batchPoll: true,
    outage: 'with --batch: wait so long for a service that does not answer about a batch (default 5m)',
  });
}

/** undefined = single calls. */
export function judgeBatchOf({ batch, batchPoll, outage }: JudgeBatchValues): RegradeBatch | undefined {
  return batch === true ? { pollMs: batchPoll, outageMs: outage } : undefined;
}

/** Throws `COST_UNKNOWN` for a limit in dollars without prices. */
export async function judgeCallLimit(
  { maxCalls, maxCost: maxCostUsd }: JudgeBatchValues,
  work: Workplace,
): Promise<JudgeLimit | undefined> {
  if (maxCalls === undefined && maxCostUsd === undefined) return undefined;
  const { JudgeLimit: Limit } = await import('../../engine/examiners/judge-limit.ts');
  const flags = { calls: '--max-calls', cost: '--max-cost' };
  return new Limit({ maxCalls, maxCostUsd, priced: work.prices !== null, flags });
}

/** Options as they would be typed again; the dry run aside. */
export function typedAgain(options: RunOptionValues): string[] {
  const args: string[] = [];
  for (const name of Object.keys(DECLARED) as RunOptionName[]) {
    const value = options[name];
    const flag = DECLARED[name].flags.split(' ')[0] as string;
    if (value === undefined || name === 'dryRun') continue;
    if (typeof value === 'object') for (const [k, v] of Object.entries(value)) args.push(flag, `${k}=${v}`);
    else if (value === true) args.push(flag);
    else if (value === false) args.push(flag.replace('--', '--no-'));
    else if (name === 'deadline' || name === 'timeout' || name === 'outage' || name === 'batchPoll')
      args.push(flag, shortest(Number(value)));
    else args.push(flag, String(value));
  }
  return args;
}

function shortest(ms: number): string {
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** The command refuses `--batch` before anything is read or sent. `why` completes "`lastgood NAME` cannot use --batch: …". */
export function refuseBatch(command: Command, why: string): Command {
  command.addOption(new Option('--batch').hideHelp());
  return command.hook('preAction', (_, called) => {
    if (called !== command || command.opts<{ batch?: boolean }>().batch !== true) return;
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: `\`${nameOf(command)}\` cannot use --batch: ${why}`,
      hint: '`lastgood run --batch` stores a snapshot that other commands compare and grade',
    });
  });
}

function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

/** One word of several, from the command line. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new InvalidArgumentError(`one of ${words.join(', ')}`);
    return found;
  };
}
