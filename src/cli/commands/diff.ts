// lastgood diff: per-case deltas between two stored snapshots.

import { InvalidArgumentError } from 'commander';
import type { Comparison } from '../../core/index.ts';
import type { Distributions } from '../../engine/pages/diff-page.ts';
import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions } from '../options/run-options.ts';
import {
  type CommonOptions,
  common,
  detailed,
  exitUnder,
  gateExit,
  withWorkplace,
} from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { boundHeap } from '../terminal/limit-heap.ts';

const FORMATS = ['text', 'markdown', 'html', 'junit', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** Checks `--format` before anything is opened. */
export function formatOf(text: string): Format {
  if ((FORMATS as readonly string[]).includes(text)) return text as Format;
  throw new InvalidArgumentError(`one of ${FORMATS.join(', ')}`);
}

export const registerDiff: Register = (program, io, exit) => {
  const command = runOptions(
    program
      .command('diff')
      .argument('<baseline>', 'snapshot reference')
      .argument('<candidate>', 'snapshot reference')
      .description('what changed between two snapshots, case by case')
      .option('--suite <name>', 'which suite the references mean')
      .option('--regrade-baseline', "grade the baseline's stored outputs under the candidate's exam first")
      .option('--format <format>', `one of ${FORMATS.join(', ')} (default text)`, formatOf)
      .option('-o, --output <file>', 'write there instead of stdout'),
    { failOn: true },
  );
  common(detailed(command)).action(
    async (
      a: string,
      b: string,
      options: CommonOptions & {
        suite?: string;
        format?: Format;
        output?: string;
        regradeBaseline?: boolean;
      } & Pick<RunOptionValues, 'failOn'>,
    ) => {
      if (io.sharesProcess !== true) boundHeap();
      const { diffJob } = await import('../../jobs/compare/diff-job.ts');
      const { openOutput } = await import('../terminal/output.ts');
      const write = await openOutput(io, options.output);
      const format = options.json ? 'json' : (options.format ?? 'text');
      const { comparison, next } = await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
        const page = format === 'html' ? await import('../../engine/pages/diff-page.ts') : null;
        let distributions: Distributions | undefined;
        const done = await diffJob(work, {
          baseline: a,
          candidate: b,
          suite: options.suite,
          regradeBaseline: options.regradeBaseline,
          seen: (before, after) => {
            distributions = page?.distributionsOf(page.valuesOf(before), page.valuesOf(after));
          },
        });
        if (page !== null)
          await write(await page.diffPage(work.store, done.comparison, { next: done.next, distributions }));
        return done;
      });
      // With the ledger closed, what it held of a large suite makes room for the document.
      if (format === 'json') {
        const { jsonPieces } = await import('../../report/json/json-document.ts');
        await write(jsonPieces(comparison));
      } else if (format !== 'html')
        await write(
          await renderComparison(comparison, format, {
            next,
            style: options.output === undefined ? styleOf(io) : undefined,
            verbose: options.verbose,
          }),
          kindOf(format),
        );
      exit(exitUnder(io, options, gateExit(comparison)));
    },
  );
};

/** A page must arrive byte for byte, and JSON escapes for itself. */
export function kindOf(format: Format): 'text' | 'document' {
  return format === 'html' || format === 'json' ? 'document' : 'text';
}

interface RenderOptions {
  readonly next: string | undefined;
  readonly style: ReturnType<typeof styleOf> | undefined;
  /** Text only: all numbers. */
  readonly verbose: boolean | undefined;
}

/** One comparison in any of the formats. */
export async function renderComparison(
  comparison: Comparison,
  format: Format,
  { next, style, verbose }: RenderOptions,
): Promise<string> {
  // Only what this format needs is loaded.
  switch (format) {
    case 'json':
      return (await import('../../report/json/json-document.ts')).jsonDocument(comparison);
    case 'markdown': {
      const { comparisonMarkdown } = await import('../../report/markdown/comparison-markdown.ts');
      return comparisonMarkdown(comparison, next === undefined ? {} : { next });
    }
    case 'html':
      return (await import('../../report/html/comparison-html.ts')).comparisonHtml(comparison);
    case 'junit':
      return (await import('../../report/ci/comparison-junit.ts')).comparisonJunit(comparison);
    case 'text': {
      const text =
        verbose === true
          ? (await import('../../report/text/comparison-text.ts')).comparisonText
          : (await import('../../report/text/comparison-summary.ts')).comparisonSummary;
      return text(comparison, {
        ...(style === undefined ? {} : { style }),
        ...(next === undefined ? {} : { next }),
      });
    }
  }
}
