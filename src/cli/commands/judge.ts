// lastgood judge: how noisy, how right and how steady is the judge?

import { resolve } from 'node:path';
import type { Register } from '../options/register.ts';
import {
  type JudgeBatchValues,
  judgeBatchOf,
  judgeBatchOptions,
  judgeCallLimit,
} from '../options/run-options.ts';
import {
  type CommonOptions,
  keyValue,
  printJson,
  reading,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { registerJudgeObservations } from './judge-observations.ts';

interface JudgeOptions extends CommonOptions {
  readonly suite?: string;
  readonly judge?: string;
  readonly prices?: string;
}

interface CalibrateOptions extends JudgeOptions, JudgeBatchValues {
  readonly snapshot?: string;
  readonly human?: string[];
  readonly verdict?: string;
  readonly swapped?: string;
  readonly length?: string;
  readonly unparsable?: string[];
  readonly alias?: Record<string, string>;
  readonly pass?: string;
  readonly order?: string[];
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const registerJudge: Register = (program, io, exit) => {
  const judge = program
    .command('judge')
    .description('how noisy, how right and how steady is the judge that grades for you');

  reading(
    judge
      .command('check')
      .argument('<ref>', 'snapshot reference')
      .description('judge frozen outputs several times: flip rate, spread, outputs that both pass and fail')
      .option('--times <n>', 'judgings of each output (default 5)', wholeNumber('--times', 2))
      .option('--outputs <n>', 'most outputs judged (default 50)', wholeNumber('--outputs', 1))
      .option('--judge <file>', 'another judge release than the one that graded')
      .option('--suite <name>', 'which suite the reference means'),
  ).action(async (ref: string, options: JudgeOptions & { times?: number; outputs?: number }) => {
    const [{ judgeCheckJob }, { judgeCheckText }] = await Promise.all([
      import('../../jobs/judge/judge-job.ts'),
      import('../../report/text/judge-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const result = await judgeCheckJob(work, {
        ref,
        cwd: io.cwd,
        suite: options.suite,
        judge: options.judge,
        times: options.times ?? 5,
        outputs: options.outputs,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'judge-check', ...result });
      else io.out(judgeCheckText(result, { style: styleOf(io) }));
      if (result.flipRate === null) exit(3);
    });
  });

  const calibrate = judge.command('calibrate');
  reading(
    calibrate
      .argument('<labels>', 'JSONL, CSV, JSON or YAML file with labels that people gave')
      .description("hold the judge's verdicts against people's labels; the result is kept for every report")
      .option('--snapshot <ref>', 'the labels are about its outputs: rows name `case` and `trial`')
      .option('--judge <file>', 'the judge release the verdicts are of')
      .option('--human <columns>', 'columns of the labels, one per person (default human)', list)
      .option('--verdict <column>', "column of the judge's recorded verdict (default judge)")
      .option(
        '--swapped <column>',
        'column of its verdict with the two texts swapped (default judge_swapped)',
      )
      .option('--length <column>', 'column of the judged text, or of its length (default length, output)')
      .option('--unparsable <words>', 'verdicts that are none', list)
      .option('--alias <word=label>', 'another word for a label; may be repeated', keyValue('--alias'))
      .option('--pass <label>', 'the label that means passes (default pass, yes, true or 1)')
      .option('--order <labels>', 'the labels from worst to best, for a weighted kappa', list)
      .option('--suite <name>', 'which suite the reference means')
      .option('--prices <file>', 'price file (US dollars per million tokens)'),
  );
  judgeBatchOptions(calibrate).action(async (labels: string, options: CalibrateOptions) => {
    const [{ judgeCalibrateJob }, { calibrationText }] = await Promise.all([
      import('../../jobs/judge/judge-job.ts'),
      import('../../report/text/judge-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: false }, async ({ work }) => {
      const result = await judgeCalibrateJob(work, {
        labels: resolve(io.cwd, labels),
        cwd: io.cwd,
        suite: options.suite,
        snapshot: options.snapshot,
        judge: options.judge,
        batch: judgeBatchOf(options),
        limit: await judgeCallLimit(options, work),
        pass: options.pass,
        order: options.order,
        columns: {
          human: options.human,
          verdict: options.verdict,
          swapped: options.swapped,
          length: options.length,
          unparsable: options.unparsable,
          alias: options.alias,
        },
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'calibration', ...result });
      else io.out(calibrationText(result, { style: styleOf(io) }));
    });
  });

  reading(
    judge
      .command('sentinel')
      .argument('[ref]', 'snapshot whose frozen outputs are judged again (default baseline)')
      .description('has the judge changed? Outputs that cannot have changed are judged again')
      .option('--outputs <n>', 'most outputs judged (default 40)', wholeNumber('--outputs', 1))
      .option('--suite <name>', 'which suite the reference means'),
  ).action(async (ref: string | undefined, options: JudgeOptions & { outputs?: number }) => {
    const { judgeSentinelJob } = await import('../../jobs/judge/judge-job.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const result = await judgeSentinelJob(work, {
        ref: ref ?? 'baseline',
        cwd: io.cwd,
        suite: options.suite,
        outputs: options.outputs,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'judge-sentinel', ...result });
      else io.out(`${result.sentence}\n`);
      if (result.verdict !== 'steady') exit(result.verdict === 'drifted' ? 1 : 3);
    });
  });

  reading(
    judge
      .command('prefer')
      .argument('<baseline>', 'snapshot reference')
      .argument('<candidate>', 'snapshot reference')
      .description("which snapshot's answers are preferred, asked in both orders")
      .option('--cases <n>', 'most cases compared (default 50)', wholeNumber('--cases', 1))
      .option('--judge <file>', "another judge release than the candidate's")
      .option('--suite <name>', 'which suite the references mean'),
  ).action(async (baseline: string, candidate: string, options: JudgeOptions & { cases?: number }) => {
    const [{ judgePreferJob }, { preferenceText }] = await Promise.all([
      import('../../jobs/judge/judge-job.ts'),
      import('../../report/text/judge-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const result = await judgePreferJob(work, {
        baseline,
        candidate,
        cwd: io.cwd,
        suite: options.suite,
        judge: options.judge,
        cases: options.cases,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'judge-preference', ...result });
      else io.out(preferenceText(result, { style: styleOf(io) }));
      if (result.verdict === 'worse') exit(1);
      else if (result.verdict === 'invalid') exit(3);
    });
  });

  registerJudgeObservations(judge, io, exit);
};
