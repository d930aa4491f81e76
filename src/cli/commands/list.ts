// lastgood list and lastgood show: the ledger, one snapshot, one case.

import { InvalidArgumentError } from 'commander';
import type { Style } from '../../report/style.ts';
import type { MadeBy } from '../../workflow/rollback/rollback-withdrawn.ts';
import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import {
  type CommonOptions,
  common,
  printJson,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../session.ts';

interface ListOptions extends CommonOptions {
  readonly suite?: string;
  readonly all?: boolean;
  readonly limit?: number;
  readonly fingerprint?: string;
}

function fingerprintPrefix(text: string): string {
  if (/^[0-9a-f]{6,64}$/.test(text)) return text;
  throw new InvalidArgumentError('at least 6 hex digits of a fingerprint');
}

function madeByText(
  made: MadeBy,
  style: Style,
  listText: typeof import('../../report/snapshot-text.ts').snapshotListText,
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
    const { snapshotListText } = await import('../../report/snapshot-text.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      if (options.fingerprint !== undefined) {
        const { madeBy } = await import('../../workflow/rollback/rollback-withdrawn.ts');
        const made = await madeBy(work, {
          prefix: options.fingerprint,
          suite: options.suite,
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
        suite: options.suite,
        limit: options.limit ?? 30,
        ...(options.all ? {} : { purposes: ['run'] as const }),
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'list', snapshots: list.map(snapshotJson) });
      else {
        const newest = new Map<string, string>();
        for (const b of await work.store.blessings(options.suite)) newest.set(b.suite, b.snapshot);
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
      .option('--case <id>', 'one case'),
  ).action(async (ref: string, options: CommonOptions & { suite?: string; case?: string }) => {
    const [{ snapshotText, caseText }, { showCase }] = await Promise.all([
      import('../../report/snapshot-text.ts'),
      import('../../workflow/ledger/show-case.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const summary = await work.store.resolve(ref, { suite: options.suite, now: work.clock.now() });
      if (options.case !== undefined) {
        const trials = await showCase(work.store, summary.id, options.case);
        if (options.json)
          printJson(io, { schemaVersion: 1, kind: 'case', snapshot: summary.id, case: options.case, trials });
        else io.out(caseText(options.case, trials, { style: styleOf(io) }));
        return;
      }
      const results = await work.store.results(summary.id);
      if (options.json) {
        const [{ jsonPieces }, { printPieces }] = await Promise.all([
          import('../../report/json-document.ts'),
          import('../output.ts'),
        ]);
        const snapshot = snapshotJson(summary);
        await printPieces(
          io,
          jsonPieces({ schemaVersion: 1, kind: 'snapshot', snapshot, cases: results.cases }),
        );
      } else io.out(snapshotText(results, { style: styleOf(io) }));
    });
  });
};
