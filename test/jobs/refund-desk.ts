// One small world on a real ledger: a refund bot, its suite in files, and judges that follow a script.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SILENT, secretMask } from '../../src/base/index.ts';
import type {
  Provider,
  ProviderReply,
  ProviderRequest,
  Release,
  SnapshotSummary,
} from '../../src/core/index.ts';
import { type Assignment, loadAssignment } from '../../src/engine/arms/assignment.ts';
import { type RunSettings, runSuite } from '../../src/engine/arms/run-suite.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { judgeSays, readPrompt, verdicts } from '../grade/support-desk.ts';

export { failing } from '../grade/support-desk.ts';

/** What the bot says; "sorry" is what the judges look for. */
export type Says = (caseId: string, trial: number) => string;
/** A judge's ruling on one criterion about one text. `call` counts its calls. */
export type Rules = (candidate: string, criterion: string, call: number) => string;
export type Replies = (request: ProviderRequest, call: number) => ProviderReply;

export interface Desk {
  readonly dir: string;
  readonly work: Workplace;
  /** Calls so far, by release name. */
  readonly calls: Record<string, number>;
  subject: Says;
  readonly judges: Record<string, Rules>;
  write(name: string, text: string): Promise<void>;
  assignment(suite?: string): Promise<Assignment>;
  run(settings?: RunSettings, suite?: string): Promise<SnapshotSummary>;
  /** Moves the clock on. */
  later(ms: number): void;
}

export const SUITE = (
  cases: number,
  extra = '',
  grade = 'rubric: [{ id: kind, ask: "Is the customer pitied?" }]',
): string => `name: refund-bot
trials: 2
${extra || 'judge: strict.yaml\n'}defaults: { grade: [{ ${grade} }] }
cases:
${Array.from({ length: cases }, (_, i) => `  - { id: ticket-${i}, vars: { ticket: "Parcel ${i} is late" }, expected: "sorry ${i}" }`).join('\n')}
`;

/** A desk with `cases` tickets, judged by `strict`; `mild` and `new` are further judges. */
export async function refundDesk(cases = 6): Promise<Desk> {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-desk-'));
  const store = await openLedger(join(dir, 'lastgood.db'), { create: true });
  onTestFinished(async () => {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, name), text);
  };
  await write('suite.yaml', SUITE(cases));
  await write(
    'bot.yaml',
    'name: bot\nroute: { provider: openai, model: bot-2026-01-01 }\nprompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n',
  );
  for (const judge of ['strict', 'mild', 'new'])
    await write(
      `${judge}.yaml`,
      `name: ${judge}\nroute: { provider: openai, model: judge-${judge}-2026-01-01 }\n`,
    );
  let now = Date.parse('2026-03-01T03:00:00Z');
  const calls: Record<string, number> = {};
  const never = new AbortController().signal;
  const desk: Desk = {
    dir,
    calls,
    subject: (caseId) => `So sorry about ${caseId}.`,
    judges: {},
    write,
    later: (ms) => {
      now += ms;
    },
    work: {
      store,
      clock: { now: () => new Date(now) },
      rng: new Mt19937(7),
      env: () => undefined,
      mask: secretMask([]),
      progress: SILENT,
      prices: null,
      environment: { lastgood: 'test', node: 'test', platform: 'test' },
      signal: never,
      hardSignal: never,
      providerFor: async (release) => providerOf(release),
    },
    assignment: (suite = 'suite.yaml') =>
      loadAssignment({ suite: join(dir, suite), release: join(dir, 'bot.yaml') }),
    run: async (settings = {}, suite) => {
      now += 86_400_000;
      return (await runSuite(desk.work, await desk.assignment(suite), settings)).summary;
    },
  };
  const sorry: Rules = (candidate) => (candidate.includes('sorry') ? 'yes' : 'no');

  function providerOf(release: Release): Provider {
    return {
      name: 'scripted',
      call: async (request) => {
        const call = calls[release.name] ?? 0;
        calls[release.name] = call + 1;
        if (release.name === 'bot') {
          const reply = judgeSays(desk.subject(request.caseId, request.trial));
          return { ...reply, served: { ...reply.served, model: 'bot-2026-01-01' } };
        }
        const rules = desk.judges[release.name] ?? sorry;
        return wholeOf(rules)?.(request, call) ?? ruled(request, rules, call);
      },
    };
  }
  return desk;
}

/** A script that answers a whole request, in place of one that rules on criteria. */
export function whole(replies: Replies): Rules {
  return Object.assign((): string => 'no', { whole: replies });
}

function wholeOf(script: Rules): Replies | undefined {
  return (script as Rules & { whole?: Replies }).whole;
}

/** A judge's well-formed reply to a request by these rules. */
export function ruled(request: ProviderRequest, rules: Rules, call: number): ProviderReply {
  const { candidate, criteria } = readPrompt(request);
  const answers = Object.fromEntries(criteria.map((c) => [c.id, rules(candidate, c.id, call)]));
  return judgeSays(verdicts(answers));
}
