// lastgood check: pre-merge, several suites, one verdict, one exit code.

import type { CheckResult } from '../../core/index.ts';
import type { CheckPlan } from '../../workflow/check/check.ts';
import { type Io, styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { oneOf, type RunOptionValues, runOptions, runSettings } from '../run-options.ts';
import { type CommonOptions, common, withWorkplace } from '../session.ts';

const FORMATS = ['text', 'markdown', 'junit', 'json', 'github', 'gitlab'] as const;
type Format = (typeof FORMATS)[number];

/** GitHub takes a mebibyte per step summary; a character is up to four bytes. */
const SUMMARY_LIMIT = 250_000;

interface CheckOptions extends CommonOptions, RunOptionValues {
  readonly against?: string;
  readonly changed?: string;
  readonly offlineOk?: boolean;
  readonly snapshots?: string;
  readonly format?: Format;
  readonly output?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly jsonFile?: string;
  readonly gitlab?: string;
}

export const registerCheck: Register = (program, io, exit) => {
  const command = program
    .command('check')
    .argument(
      '<suites...>',
      'suite files, folders, or names under suites/; SUITE=RELEASE gives one its own release',
    )
    .description(
      'pre-merge: run suites against their baselines; one verdict, and the exit code is the answer',
    );
  runOptions(command, { release: 'the release as this change would ship it' })
    .option('--against <ref>', 'compare with this snapshot, or exported file, instead of the baseline')
    .option('--changed <git-ref>', 'only what changed since this branch left <git-ref>');
  common(
    runOptions(command, {
      tier: true,
      trials: "trials per case instead of the tier's or the suite's; at the top of a ladder",
      maxCost: 'stop before the whole check costs more',
      maxCalls: 'never make more calls than this',
      ...{ maxJudgeCalls: true, maxJudgeCost: true, concurrency: true },
      deadline: 'stop each suite after this long, e.g. 20m',
      timeout: true,
      judge: "judge release instead of the suites'",
      ...{ prices: true, requirePinned: true },
    })
      .option('--offline-ok', 'without keys: exit 0 after the offline part instead of 3')
      .option('--snapshots <folder>', 'where committed baselines are (default snapshots)')
      .option('--format <format>', `one of ${FORMATS.join(', ')} (default text)`, oneOf(FORMATS))
      .option('-o, --output <file>', 'write the --format there instead of to stdout')
      .option('--markdown <file>', 'write Markdown there as well')
      .option('--junit <file>', 'write JUnit XML there as well')
      .option('--json-file <file>', 'write JSON there as well')
      .option('--gitlab <file>', 'write GitLab code quality JSON there as well'),
  ).action(async (suites: string[], options: CheckOptions) => {
    const [{ checkJob }, report, { openOutput }] = await Promise.all([
      import('../../workflow/check/check.ts'),
      import('../../report/index.ts'),
      import('../output.ts'),
    ]);
    const format: Format = options.json ? 'json' : (options.format ?? 'text');
    // Opened before the first call, so that a bad path costs nothing.
    const write = await openOutput(io, options.output);
    const files: [Format, string][] = [];
    for (const [kind, file] of [
      ['markdown', options.markdown],
      ['junit', options.junit],
      ['json', options.jsonFile],
      ['gitlab', options.gitlab],
    ] as const)
      if (file !== undefined) files.push([kind, file]);
    const writers: [Format, (text: string) => Promise<void>][] = [];
    for (const [kind, file] of files) writers.push([kind, await openOutput(io, file)]);

    await withWorkplace(io, options, { mustExist: false }, async ({ work, settings }) => {
      // The limits are those of all suites together, and how many trials there are is the tier's business.
      const { trials, maxCalls, maxCostUsd, ...each } = await runSettings(options, settings, work);
      const result = await checkJob(work, {
        suites,
        release: options.release ?? settings.release,
        judge: options.judge,
        cwd: io.cwd,
        against: options.against,
        changed: options.changed,
        tier: options.tier,
        ...{ trials, maxCalls, maxCostUsd },
        offlineOk: options.offlineOk === true,
        snapshots: options.snapshots,
        settings: { ...each, labels: { check: 'pre-merge' } },
        announce: (plan) => announce(io, plan, options, report.checkPlanText(plan)),
      });
      const style = options.output === undefined ? styleOf(io) : undefined;
      const render = (as: Format): string => {
        switch (as) {
          case 'text':
            return report.checkText(result, style === undefined ? {} : { style });
          case 'markdown':
            return report.checkMarkdown(result);
          case 'junit':
            return report.checkJunit(result);
          case 'json':
            return report.checkJson(result);
          case 'gitlab':
            return report.gitlabQuality(result);
          case 'github':
            return `${report.githubGuarded(report.checkText(result), randomToken(work.rng))}${report.githubAnnotations(result)}`;
        }
      };
      await write(render(format));
      for (const [kind, writeFile] of writers) await writeFile(render(kind));
      if (format === 'github') {
        await append(io, 'GITHUB_STEP_SUMMARY', report.checkMarkdown(result, { limit: SUMMARY_LIMIT }));
        await append(io, 'GITHUB_OUTPUT', report.githubOutputs(result));
      }
      tellShort(io, result, options, format);
      exit(result.exitCode);
    });
  });
};

/** Calls and cost before the first call; warns where the cost limit may cut the run. */
function announce(io: Io, plan: CheckPlan, options: CheckOptions, text: string): void {
  if (options.quiet !== true) io.err(text);
  if (options.maxCost !== undefined && plan.costUpperUsd !== null && plan.costUpperUsd > options.maxCost)
    io.err(
      `warning: the upper bound is above --max-cost; if the limit is reached the check ends as "could not tell" [COST_LIMIT_NEAR]\n`,
    );
}

/** When the result went to a file, the log still says what it was. */
function tellShort(io: Io, r: CheckResult, options: CheckOptions, format: Format): void {
  if (options.output !== undefined && options.output !== '-' && format !== 'github' && options.quiet !== true)
    io.err(`check: ${r.verdict}, gate ${r.gate.outcome}, exit ${r.exitCode}\n`);
}

async function append(io: Io, variable: string, text: string): Promise<void> {
  const file = io.environment[variable];
  if (file === undefined || file === '') return;
  const { appendFile } = await import('node:fs/promises');
  await appendFile(file, text);
}

/** Nobody who only writes model output can guess it. */
function randomToken(rng: { next(): number }): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(rng.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
}
