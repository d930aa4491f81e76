// What a seed stands for: the suite, the wire, the judge, the faults, and what is done to the process and when.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promptOf } from '../kit/bench-suite.ts';
import { type Faults, type MockSettings, seeded } from '../kit/mock-server.ts';
import type { Wire } from '../kit/mock-wire.ts';

/** How a process is ended: kill -9, one interrupt, or two. */
export type Blow = 'kill' | 'interrupt' | 'leave';

export interface World {
  readonly seed: number;
  readonly cases: number;
  readonly trials: number;
  readonly wire: Wire;
  /** The judge's wire; null = no judge. */
  readonly judge: Wire | null;
  readonly concurrency: number;
  readonly mock: MockSettings;
  readonly blows: readonly Blow[];
  /** Whether it is tried once more before the empty account is filled. */
  readonly triesEmpty: boolean;
  /** Draws the moments. */
  readonly random: () => number;
}

const WIRES: readonly Wire[] = ['chat', 'responses', 'messages'];

/** The world of a seed. About a fifth of all calls fail in some way. */
export function drawWorld(seed: number, size: { cases?: number | undefined } = {}): World {
  const random = seeded(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const few = 10 + below(16);
  // A run of this size writes its ledger on a thread.
  const cases = size.cases ?? (seed % 12 === 5 ? 420 : few);
  const trials = random() < 0.3 ? 2 : 1;
  const wire = WIRES[random() < 0.4 ? 0 : 1 + below(2)] as Wire;
  const judged = random() < 0.6;
  const judge = judged ? (WIRES[below(3)] as Wire) : null;
  const faults = faultsOf(random);
  const judgeFaults: Faults = {
    ...faultsOf(random),
    ...(random() < 0.7 ? { badVerdict: 0.06 } : {}),
    ...(random() < 0.7 ? { shortVerdict: 0.06 } : {}),
  };
  const planned = cases * trials;
  return {
    seed,
    cases,
    trials,
    wire,
    judge,
    concurrency: 2 + below(7),
    mock: {
      seed,
      latencyMs: 5 + below(20),
      faults,
      judgeFaults,
      // Each of the absurd ones costs the run the minute up to which a service is heeded.
      retryAfter: seed % 50 === 7 ? ['absurd'] : ['ms', 'seconds', 'date'],
      ...(random() < 0.3 ? { noneLeft: 0.03 } : {}),
      ...(random() < 0.35 ? { quotaAfter: below(planned) } : {}),
      ...(judge !== null && random() < 0.25 ? { judgeQuotaAfter: below(cases) } : {}),
    },
    blows: Array.from({ length: 1 + below(3) }, (): Blow => {
      const at = random();
      return at < 0.6 ? 'kill' : at < 0.8 ? 'interrupt' : 'leave';
    }),
    triesEmpty: random() < 0.5,
    random,
  };
}

function faultsOf(random: () => number): Faults {
  const kinds = [
    'limited',
    'limitedWithDelay',
    'serverError',
    'overloaded',
    'reset',
    'truncated',
    'badJson',
    'drip',
  ] as const;
  const faults: { -readonly [K in keyof Faults]: number } = {};
  for (const kind of kinds) if (random() < 0.5) faults[kind] = 0.04 * random();
  if (random() < 0.2) faults.hang = 0.01;
  if (random() < 0.2) faults.endless = 0.01;
  return faults;
}

/** Writes the world's suite, release and judge. */
export async function writeWorld(
  world: Pick<World, 'cases' | 'trials' | 'wire' | 'judge'>,
  folder: string,
  url: string,
): Promise<void> {
  const lines: string[] = [];
  for (let i = 0; i < world.cases; i++) {
    const grade = [
      { contains: `case ${i}` },
      { matches: 'ANSWER-[0-9a-f]{8} case \\d+' },
      ...(world.judge === null ? [] : [{ rubric: [{ id: 'named', ask: 'Is the case named?' }] }]),
    ];
    lines.push(JSON.stringify({ id: `case-${i}`, vars: { ticket: promptOf(i) }, grade }));
  }
  await writeFile(join(folder, 'cases.jsonl'), `${lines.join('\n')}\n`);
  const judge = world.judge === null ? '' : 'judge: judge.yaml\n';
  await writeFile(
    join(folder, 'suite.yaml'),
    `name: chaos\ntrials: ${world.trials}\n${judge}cases: [cases.jsonl]\n`,
  );
  const prompt = 'prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n';
  const params = 'params: { max-output-tokens: 256 }\n';
  await writeFile(
    join(folder, 'release.yaml'),
    `name: bot\n${routeOf(world.wire, 'bot', url)}${prompt}${params}`,
  );
  if (world.judge !== null)
    await writeFile(join(folder, 'judge.yaml'), `name: judge\n${routeOf(world.judge, 'judge', url)}`);
}

function routeOf(wire: Wire, role: string, url: string): string {
  const how = wire === 'messages' ? 'provider: anthropic' : `provider: openai, api: ${wire}`;
  return `route: { ${how}, model: ${role}-2026-01-01, base-url: "${url}" }\n`;
}
