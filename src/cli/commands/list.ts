// lastgood list and lastgood show: the ledger, one snapshot, one case.

import { InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { MadeBy } from '../../jobs/rollback/rollback-withdrawn.ts';
import type { Style } from '../../report/text/style.ts';
import type { Register } from '../options/register.ts';
import {
  type CommonOptions,
  common,
  printJson,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';

interface ListOptions extends CommonOptions {
  readonly suite?: string;
  readonly all?: boolean;
  readonly limit?: number;
  readonly fingerprint?: string;
}

interface ShowOptions extends CommonOptions {
  readonly suite?: string;
  readonly case?: string;
  readonly format?: ShowFormat;
  readonly output?: string;
}

const SHOW_FORMATS = ['text', 'html', 'json'] as const;
type ShowFormat = (typeof SHOW_FORMATS)[number];

function showFormat(text: string): ShowFormat {
  if ((SHOW_FORMATS as readonly string[]).includes(text)) return text as ShowFormat;
  throw new InvalidArgumentError(`one of ${SHOW_FORMATS.join(', ')}`);
}

function fingerprintPrefix(text: string): string {
  if (/^[0-9a-f]{6,64}$/.test(text)) return text;
  throw new InvalidArgumentError('at least 6 hex digits of a fingerprint');
}

/** A suite name is looked up only where one is given: `list` alone loads no suite. */
async function suiteOption(io: Io, work: Workplace, asked: string | undefined): Promise<string | undefined> {
  if (asked === undefined) return undefined;
  const { knownSuite, suitesOf } = await import('../../engine/exchange/known-suite.ts');
  return knownSuite(asked, await suitesOf(work.store), io.cwd);
}

function madeByText(
  made: MadeBy,
  style: Style,
  listText: typeof import('../../report/text/snapshot-text.ts').snapshotListText,
): string {
  const lines = made.decisions.map(
    (d) => `${d.at.slice(0, 16).replace('T', ' ')}  ${d.kind}  ${d.suite}  as ${d.role}: ${d.outcome}`,
  );
  const decisions =
    lines.length === 0
      ? 'No stored decision names it.\n'
      : `Decisions that name it\n  ${lines.join('\n  ')}\n`;
  return `${listText(made.snapshots, { style })}\n${decisions}`;
}

export const registerList: Register = (program, io) => {
  common(
    program
      .command('list')
      .description('the snapshots in the ledger, newest first')
      .option('--suite <name>', 'only this suite')
      .option(
        '--fingerprint <prefix>',
        'only snapshots and decisions made by this release',
        fingerprintPrefix,
      )
      .option('--all', 'also verification, comparison and confirmation runs')
      .option('--limit <n>', 'at most this many (default 30)', wholeNumber('--limit', 1)),
  ).action(async (options: ListOptions) => {
    const { snapshotListText } = await import('../../report/text/snapshot-text.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const suite = await suiteOption(io, work, options.suite);
      if (options.fingerprint !== undefined) {
        const { madeBy } = await import('../../jobs/rollback/rollback-withdrawn.ts');
        const made = await madeBy(work, {
          prefix: options.fingerprint,
          suite,
          limit: options.limit ?? 30,
        });
        if (options.json)
          printJson(io, {
            schemaVersion: 1,
            kind: 'list',
            ...made,
            snapshots: made.snapshots.map(snapshotJson),
          });
        else io.out(madeByText(made, styleOf(io), snapshotListText));
        return;
      }
      const list = await work.store.list({
        suite,
        limit: options.limit ?? 30,
        ...(options.all ? {} : { purposes: ['run'] as const }),
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'list', snapshots: list.map(snapshotJson) });
      else {
        const newest = new Map<string, string>();
        for (const b of await work.store.blessings(suite)) newest.set(b.suite, b.snapshot);
        io.out(snapshotListText(list, { style: styleOf(io), blessed: new Set(newest.values()) }));
      }
    });
  });

  common(
    program
      .command('show')
      .argument('<ref>', 'snapshot reference')
      .description('one snapshot; with --case one case with every trial, grade and reason')
      .option('--suite <name>', 'which suite the reference means')
      .option('--case <id>', 'one case')
      .option('--format <format>', `one of ${SHOW_FORMATS.join(', ')} (default text)`, showFormat)
      .option('-o, --output <file>', 'write there instead of stdout'),
  ).action(async (ref: string, options: ShowOptions) => {
    const format = options.json ? 'json' : (options.format ?? 'text');
    if (options.case !== undefined && format === 'html') {
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: '--format html shows a whole snapshot, not one case',
        hint: `leave out --case; in the page, #case=${options.case} behind the address opens the case`,
      });
    }
    const [{ openOutput }, { jsonPieces }] = await Promise.all([
      import('../terminal/output.ts'),
      import('../../report/json/json-document.ts'),
    ]);
    const style = options.output === undefined ? styleOf(io) : undefined;
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const summary = await work.store.resolve(ref, { suite: options.suite, now: work.clock.now() });
      if (options.case !== undefined) {
        const { showCase } = await import('../../jobs/ledger/show-case.ts');
        const { trials, ...shown } = await showCase(work.store, summary, options.case);
        const write = await openOutput(io, options.output);
        if (format === 'json')
          await write(
            jsonPieces({
              schemaVersion: 1,
              kind: 'case',
              snapshot: summary.id,
              case: options.case,
              ...shown,
              trials,
            }),
          );
        else {
          const { caseText } = await import('../../report/text/snapshot-text.ts');
          await write(
            caseText(options.case, trials, { ...shown, ...(style === undefined ? {} : { style }) }),
          );
        }
        return;
      }
      const write = await openOutput(io, options.output);
      const results = await work.store.results(summary.id);
      if (format === 'html') {
        const { snapshotPage } = await import('../../jobs/ledger/snapshot-page.ts');
        await write(await snapshotPage(work.store, results));
      } else if (format === 'json')
        await write(
          jsonPieces({
            schemaVersion: 1,
            kind: 'snapshot',
            snapshot: snapshotJson(summary),
            cases: results.cases,
          }),
        );
      else {
        const { snapshotText } = await import('../../report/text/snapshot-text.ts');
        await write(snapshotText(results, style === undefined ? {} : { style }));
      }
    });
  });
};
