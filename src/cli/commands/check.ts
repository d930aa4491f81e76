// lastgood check: pre-merge, several suites, one verdict, one exit code.

import type { CheckResult } from '../../core/index.ts';
import type { CheckPlan } from '../../jobs/check/check-input.ts';
import type { Register } from '../options/register.ts';
import { oneOf, type RunOptionValues, refuseBatch, runOptions, runSettings } from '../options/run-options.ts';
import { type CommonOptions, detailed, exitUnder, reading, withWorkplace } from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';

const FORMATS = ['text', 'markdown', 'html', 'junit', 'json', 'github', 'gitlab'] as const;
type Format = (typeof FORMATS)[number];

/** GitHub takes a mebibyte per step summary; a character is up to four bytes. */
const SUMMARY_LIMIT = 250_000;

interface CheckOptions extends CommonOptions, RunOptionValues {
  readonly against?: string;
  readonly changed?: string;
  readonly exam?: string;
  readonly control?: boolean;
  readonly offlineOk?: boolean;
  readonly snapshots?: string;
  readonly format?: Format;
  readonly output?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly jsonFile?: string;
  readonly gitlab?: string;
  readonly html?: string;
  readonly export?: string;
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
  refuseBatch(command, 'a person waits for its answer');
  runOptions(detailed(command), { release: 'the release as this change would ship it' })
    .option('--against <ref>', 'compare with this snapshot, or exported file, instead of the baseline')
    .option('--changed <git-ref>', 'only what changed since this branch left <git-ref>')
    .option(
      '--exam <whose>',
      "suite, graders, judge, policy and baseline: base = of the merge base (default in a git repository), head = the branch's own, or a git reference",
    );
  reading(
    runOptions(command, {
      tier: true,
      trials: "trials per case instead of the tier's or the suite's; at the top of a ladder",
      maxCost: 'stop before the whole check costs more',
      maxCalls: 'never make more calls than this',
      ...{ maxJudgeCalls: true, maxJudgeCost: true, concurrency: true },
      deadline: 'stop each suite after this long, e.g. 20m',
      ...{ timeout: true, outage: true },
      judge: "judge release instead of the suites'",
      ...{ prices: true, requirePinned: true, stream: true, failOn: true },
    })
      .option('--no-control', 'never run the baseline release: what looks worse is then only suspected')
      .option('--offline-ok', 'without keys: exit 0 after the offline part instead of 3')
      .option('--snapshots <folder>', 'where committed baselines are (default snapshots)')
      .option('--format <format>', `one of ${FORMATS.join(', ')} (default text)`, oneOf(FORMATS))
      .option('-o, --output <file>', 'write the --format there instead of to stdout')
      .option('--markdown <file>', 'write Markdown there as well')
      .option('--junit <file>', 'write JUnit XML there as well')
      .option('--json-file <file>', 'write JSON there as well')
      .option('--gitlab <file>', 'write GitLab code quality JSON there as well')
      .option(
        '--html <file>',
        'write the HTML report there as well; with several suites a page each beside it',
      )
      .option(
        '--export <folder>',
        'write the snapshots of this check there, so that its report can be followed elsewhere',
      ),
  ).action(async (suites: string[], options: CheckOptions) => {
    const [{ checkJob }, { examSettings, openExam, refuseLedgerOfChange }, report, { openOutput }] =
      await Promise.all([
        import('../../jobs/check/check.ts'),
        import('../../jobs/check/exam-source.ts'),
        import('../../report/index.ts'),
        import('../terminal/output.ts'),
      ]);
    const format: Format = options.json ? 'json' : (options.format ?? 'text');
    // Opened before the first call, so that a bad path costs nothing.
    const write = await openOutput(io, options.output);
    const writeHtml = await openOutput(io, options.html);
    const files: [Exclude<Format, 'html'>, string][] = [];
    for (const [kind, file] of [
      ['markdown', options.markdown],
      ['junit', options.junit],
      ['json', options.jsonFile],
      ['gitlab', options.gitlab],
    ] as const)
      if (file !== undefined) files.push([kind, file]);
    const writers: [Exclude<Format, 'html'>, (text: string) => Promise<void>][] = [];
    for (const [kind, file] of files) writers.push([kind, await openOutput(io, file)]);

    const env = (name: string): string | undefined => io.environment[name];
    const exam = await openExam({ cwd: io.cwd, exam: options.exam, changed: options.changed, env });
    try {
      const settings = await examSettings(exam, io.cwd);
      const { ledgerPlace } = await import('../../engine/workplace/settings-file.ts');
      await refuseLedgerOfChange(exam, ledgerPlace(io, options.db, settings));
      const copy = exam.base === null ? undefined : { folder: exam.base.dir, of: exam.base.root };
      await withWorkplace(io, options, { mustExist: false, settings, copy }, async ({ work }) => {
        // The limits are those of all suites together, and how many trials there are is the tier's business.
        const { trials, maxCalls, maxCostUsd, ...each } = await runSettings(options, settings, work);
        const result = await checkJob(work, {
          suites,
          release: options.release ?? settings.release,
          judge: options.judge,
          cwd: io.cwd,
          against: options.against,
          changed: options.changed,
          exam,
          tier: options.tier,
          ...{ trials, maxCalls, maxCostUsd },
          control: options.control,
          offlineOk: options.offlineOk === true,
          snapshots: options.snapshots,
          exportTo: options.export,
          settings: { ...each, labels: { check: 'pre-merge' } },
          announce: (plan) => announce(io, plan, options, report.checkPlanText(plan)),
        });
        const style = options.output === undefined ? styleOf(io) : undefined;
        const text = (as: Parameters<typeof report.checkText>[1]): string =>
          options.verbose === true ? report.checkText(result, as) : report.checkSummary(result, as);
        const render = (as: Exclude<Format, 'html'>): string => {
          switch (as) {
            case 'text':
              return text(style === undefined ? {} : { style });
            case 'markdown':
              return report.checkMarkdown(result);
            case 'junit':
              return report.checkJunit(result);
            case 'json':
              return report.checkJson(result);
            case 'gitlab':
              return report.gitlabQuality(result);
            case 'github':
              return `${report.githubGuarded(text({}), randomToken(work.rng))}${report.githubAnnotations(result)}`;
          }
        };
        const pages = format === 'html' || options.html !== undefined ? await htmlPages() : null;
        if (format !== 'html') await write(render(format), isForPeople(format) ? 'text' : 'document');
        else if (pages !== null) await write(await pages.checkPage(work.store, result));
        if (pages !== null && options.html !== undefined)
          for await (const { suffix, pieces } of pages.checkPages(work.store, result, options.html)) {
            const beside = options.html.replace(/(\.html?)?$/, `.${suffix}.html`);
            await (suffix === null ? writeHtml : await openOutput(io, beside))(pieces);
          }
        for (const [kind, writeFile] of writers) await writeFile(render(kind));
        if (format === 'github') {
          await append(io, 'GITHUB_STEP_SUMMARY', report.checkMarkdown(result, { limit: SUMMARY_LIMIT }));
          await append(io, 'GITHUB_OUTPUT', report.githubOutputs(result));
        }
        tellShort(io, result, options, format);
        exit(exitUnder(io, options, result.exitCode));
      });
    } finally {
      await exam.base?.dispose();
    }
  });
};

/** What the runner would read for a command is guarded in the text for GitHub, which ends with commands of our own. */
function isForPeople(format: Format): boolean {
  return format === 'text' || format === 'markdown' || format === 'junit';
}

/** Reads trials of the ledger and draws: loaded only where a page is asked for. */
function htmlPages(): Promise<typeof import('../../jobs/check/check-page.ts')> {
  return import('../../jobs/check/check-page.ts');
}

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

/** Someone who only writes model output cannot guess it. */
function randomToken(rng: { next(): number }): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(rng.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
}
