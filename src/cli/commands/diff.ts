// lastgood diff: per-case deltas between two stored snapshots.

import { InvalidArgumentError } from 'commander';
import type { Comparison } from '../../core/index.ts';
import type { Distributions } from '../../workflow/compare/diff-page.ts';
import { boundHeap } from '../heap.ts';
import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, gateExit, withWorkplace } from '../session.ts';

const FORMATS = ['text', 'markdown', 'html', 'junit', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** Checks `--format` before anything is opened. */
export function formatOf(text: string): Format {
  if ((FORMATS as readonly string[]).includes(text)) return text as Format;
  throw new InvalidArgumentError(`one of ${FORMATS.join(', ')}`);
}

export const registerDiff: Register = (program, io, exit) => {
  common(
    program
      .command('diff')
      .argument('<baseline>', 'snapshot reference')
      .argument('<candidate>', 'snapshot reference')
      .description('what changed between two snapshots, case by case')
      .option('--suite <name>', 'which suite the references mean')
      .option('--regrade-baseline', "grade the baseline's stored outputs under the candidate's exam first")
      .option('--format <format>', `one of ${FORMATS.join(', ')} (default text)`, formatOf)
      .option('-o, --output <file>', 'write there instead of stdout'),
  ).action(
    async (
      a: string,
      b: string,
      options: CommonOptions & {
        suite?: string;
        format?: Format;
        output?: string;
        regradeBaseline?: boolean;
      },
    ) => {
      if (io.sharesProcess !== true) boundHeap();
      const { diffJob } = await import('../../workflow/compare/diff-job.ts');
      const { openOutput } = await import('../output.ts');
      const write = await openOutput(io, options.output);
      const format = options.json ? 'json' : (options.format ?? 'text');
      const { comparison, next } = await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
        const page = format === 'html' ? await import('../../workflow/compare/diff-page.ts') : null;
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
        const { jsonPieces } = await import('../../report/json-document.ts');
        await write(jsonPieces(comparison));
      } else if (format !== 'html')
        await write(
          await renderComparison(
            comparison,
            format,
            next,
            options.output === undefined ? styleOf(io) : undefined,
          ),
        );
      exit(gateExit(comparison));
    },
  );
};

/** One comparison in any of the formats. */
export async function renderComparison(
  comparison: Comparison,
  format: Format,
  next: string | undefined,
  style?: ReturnType<typeof styleOf>,
): Promise<string> {
  // Only what this format needs is loaded.
  switch (format) {
    case 'json':
      return (await import('../../report/json-document.ts')).jsonDocument(comparison);
    case 'markdown': {
      const { comparisonMarkdown } = await import('../../report/comparison-markdown.ts');
      return comparisonMarkdown(comparison, next === undefined ? {} : { next });
    }
    case 'html':
      return (await import('../../report/comparison-html.ts')).comparisonHtml(comparison);
    case 'junit':
      return (await import('../../report/comparison-junit.ts')).comparisonJunit(comparison);
    case 'text': {
      const { comparisonText } = await import('../../report/comparison-text.ts');
      return comparisonText(comparison, {
        ...(style === undefined ? {} : { style }),
        ...(next === undefined ? {} : { next }),
      });
    }
  }
}
