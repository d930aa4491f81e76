// lastgood shadow: a candidate on stored live inputs, shown to no user.

import { LastgoodError } from '../../base/errors.ts';
import type { ShadowReport } from '../../core/shadow.ts';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions, runSettings } from '../options/run-options.ts';
import {
  type CommonOptions,
  exitUnder,
  gateExit,
  printJson,
  reading,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { sinceOption } from './signals.ts';

interface ShadowOptions extends CommonOptions, Omit<RunOptionValues, 'release'> {
  readonly release: string;
  readonly since?: number | Date;
  readonly sample?: number;
  readonly against?: string;
  readonly suite?: string;
  readonly prefer?: number;
  readonly resume?: string;
}

const MOST = 5000;

function sampleOption(text: string): number {
  const n = wholeNumber('--sample', 1)(text);
  if (n <= MOST) return n;
  throw new LastgoodError({ code: 'BAD_OPTION', message: `--sample takes at most ${MOST}, not ${text}` });
}

export const registerShadow: Register = (program, io, exit) => {
  const command = program
    .command('shadow')
    .argument('<feature>', 'feature whose stored inputs are used')
    .description('run a candidate on live inputs, shown to no user: how much and where its answers differ')
    .requiredOption('--release <file>', 'the candidate')
    .option('--since <time>', 'how far back, such as 24h, or an ISO time (default 24h)', sinceOption)
    .option('--sample <n>', 'inputs to draw by their ids (default 500)', sampleOption)
    .option('--against <what>', 'observed = what users got (default), or another release file, run too')
    .option('--suite <suite>', "suite whose graders apply (default: that of the feature's ticket)")
    .option(
      '--prefer <n>',
      'pairs that the judge compares in both orders (default 50; none with --max-judge-cost)',
      wholeNumber('--prefer', 0),
    )
    .option('--resume <id>', 'continue an interrupted shadow run');
  reading(
    runOptions(command, {
      ...{ concurrency: true, maxCost: true, maxCalls: true, maxJudgeCalls: true, maxJudgeCost: true },
      ...{ deadline: true, timeout: true, maxAttempts: true, outage: true, judge: true, judgeVotes: true },
      ...{ prices: true, store: true, preflight: true, requirePinned: true },
      ...{ batch: true, batchPoll: true, dryRun: true, failOn: true },
    }),
  ).action(async (feature: string, options: ShadowOptions) => {
    const [{ shadowJob }, { readPrivacy }, { shadowPlanText, shadowText }] = await Promise.all([
      import('../../jobs/shadow/shadow.ts'),
      import('../../engine/workplace/privacy.ts'),
      import('../../report/text/shadow-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, ({ work, settings }) =>
      withProduction(io, options, async (production) => {
        const result = await shadowJob(work, production, {
          feature,
          release: options.release,
          against: options.against ?? 'observed',
          suite: options.suite,
          judge: options.judge,
          cwd: io.cwd,
          since: options.since ?? sinceOption('24h'),
          sample: options.sample ?? 500,
          prefer: options.maxJudgeCost === undefined ? (options.prefer ?? 50) : 0,
          maxJudgeCalls: options.maxJudgeCalls,
          dryRun: options.dryRun === true,
          resume: options.resume,
          settings: await runSettings(options, settings, work),
          privacy: await readPrivacy(settings.redact ?? [], 'all'),
          onPlan: (plan) => {
            if (options.dryRun !== true) io.err(shadowPlanText(plan));
          },
        });
        if (result.kind === 'plan') {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.plan });
          else io.out(`Nothing was called.\n${shadowPlanText(result.plan)}`);
          return;
        }
        const { report, next } = result;
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'shadow', ...report, next });
        else io.out(shadowText(report, { style: styleOf(io), next }));
        exit(exitUnder(io, options, exitOf(report)));
      }),
    );
  });
};

/** Of the questions; more failures leave open how the candidate answers. */
const MOST_FAILED = 0.05;

/** Without a pair, cut short, or with many failures nothing is shown to be the same; a regression that graders found stands. */
function exitOf({ stoppedBy, difference, comparison, unpaired, sample }: ShadowReport): number {
  if (stoppedBy === 'cancelled') return 130;
  if (stoppedBy === 'fatal') return 4;
  const gate = comparison === null ? 0 : gateExit(comparison);
  const open =
    stoppedBy !== null ||
    difference === null ||
    unpaired.candidateNotAsked > 0 ||
    unpaired.candidateFailed > MOST_FAILED * sample.questions;
  return gate === 0 && open ? 3 : gate;
}
