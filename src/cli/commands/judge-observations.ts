// lastgood judge observations: a judge on a sample of stored production answers, within limits of its own.

import { LastgoodError } from '../../base/errors.ts';
import type { AnswerJudging } from '../../core/judged-answers.ts';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { runOptions } from '../options/run-options.ts';
import { type CommonOptions, printJson, reading, wholeNumber, withWorkplace } from '../options/session.ts';
import { sinceOption } from './signals.ts';

interface JudgeObservationsOptions extends CommonOptions {
  readonly judge: string;
  readonly as: string;
  readonly rubric?: string;
  readonly question?: string;
  readonly since?: number | Date;
  readonly sample?: number;
  readonly seed?: number;
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly preflight?: boolean;
  readonly dryRun?: boolean;
}

const MOST = 5000;
const DEFAULT_SAMPLE = 50;

function sampleOption(text: string): number {
  const n = wholeNumber('--sample', 1)(text);
  if (n <= MOST) return n;
  throw new LastgoodError({ code: 'BAD_OPTION', message: `--sample takes at most ${MOST}, not ${text}` });
}

function nameOption(text: string): string {
  if (/^[a-z0-9][\w.-]{0,59}$/i.test(text)) return text;
  throw new LastgoodError({
    code: 'BAD_OPTION',
    message: `--as takes letters, digits, ".", "_" and "-", at most 60, not ${JSON.stringify(text)}`,
    hint: 'the signal is then called judge-score:NAME',
  });
}

export const registerJudgeObservations: Register = (judge, io, exit) => {
  const command = judge
    .command('observations')
    .argument('<feature>', 'feature whose stored answers are judged')
    .description('score a sample of stored production answers; the signal is judge-score:NAME')
    .requiredOption('--judge <file>', 'the judge release')
    .requiredOption('--as <name>', 'name of the score', nameOption)
    .option('--rubric <file>', 'a rubric: criteria, and a threshold')
    .option('--question <name>', 'a ready-made question, such as tone')
    .option('--since <time>', 'how far back, such as 24h, or an ISO time (default 24h)', sinceOption)
    .option(
      '--sample <n>',
      `answers of this time to have judged, drawn by their ids (default ${DEFAULT_SAMPLE})`,
      sampleOption,
    )
    .option('--seed <n>', 'another seed draws other answers (default 0)', wholeNumber('--seed', 0));
  reading(
    runOptions(command, {
      maxCalls: 'call the judge at most so often',
      maxCost: 'stop before judging costs more',
      ...{ prices: true, preflight: true, dryRun: true },
    }),
  ).action(async (feature: string, options: JudgeObservationsOptions) => {
    const [{ judgeAnswersJob }, { readPrivacy }, { answerPlanText, answerJudgingText }] = await Promise.all([
      import('../../jobs/judge-answers/judge-answers.ts'),
      import('../../engine/workplace/privacy.ts'),
      import('../../report/text/judged-answers-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, ({ work, settings }) =>
      withProduction(io, options, async (production) => {
        const result = await judgeAnswersJob(work, production, {
          feature,
          name: options.as,
          judge: options.judge,
          rubric: options.rubric,
          question: options.question,
          cwd: io.cwd,
          since: options.since ?? sinceOption('24h'),
          sample: options.sample ?? DEFAULT_SAMPLE,
          seed: options.seed ?? 0,
          maxCalls: options.maxCalls,
          maxCostUsd: options.maxCost,
          preflight: options.preflight,
          dryRun: options.dryRun === true,
          privacy: await readPrivacy(settings.redact ?? [], 'all'),
          onPlan: (plan) => {
            if (options.dryRun !== true) io.err(answerPlanText(plan));
          },
        });
        if (result.kind === 'plan') {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.plan });
          else io.out(`Nothing was called.\n${answerPlanText(result.plan)}`);
          return;
        }
        const { report } = result;
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'judge-observations', ...report });
        else io.out(answerJudgingText(report));
        exit(exitOf(report));
      }),
    );
  });
};

/** Of those asked about; more failures leave open what the scores say. */
const MOST_FAILED = 0.05;

function exitOf({ stopped, judged, ungraded }: AnswerJudging): number {
  if (stopped?.by === 'cancelled') return 130;
  if (stopped?.by === 'fatal') return 4;
  const failed = Object.values(ungraded).reduce((a, b) => a + b, 0);
  return stopped !== null || failed > MOST_FAILED * (judged + failed) ? 3 : 0;
}
