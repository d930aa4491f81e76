// lastgood db: the ledger's size, retention and soundness; lastgood forget: a text or a case's payloads out of it.

import { dirname, resolve } from 'node:path';
import { LastgoodError } from '../../core/errors.ts';
import type { Io } from '../io.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, printJson, wholeNumber } from '../session.ts';

async function ledgerPath(io: Io, options: CommonOptions): Promise<string> {
  if (options.db !== undefined) return resolve(io.cwd, options.db);
  const { readSettings } = await import('../../workflow/project/settings-file.ts');
  return (await readSettings(io.cwd)).db;
}

interface PruneOptions extends CommonOptions {
  readonly keepLast?: number;
  readonly keepDays?: number;
  readonly keepBlessed?: boolean;
  readonly dryRun?: boolean;
}

export const registerDb: Register = (program, io, exit) => {
  const db = program.command('db').description("the ledger's size, retention and soundness");

  common(db.command('stats').description('what takes the space: by kind of content and by suite')).action(
    async (options: CommonOptions) => {
      const { statsJob } = await import('../../workflow/ledger/db-upkeep.ts');
      const stats = await statsJob(await ledgerPath(io, options));
      if (options.json) {
        printJson(io, { schemaVersion: 1, kind: 'db-stats', ...stats });
        return;
      }
      io.out(
        `${size(stats.bytes)} in ${stats.snapshots} snapshots and ${stats.trials} trials (schema ${stats.schema}); ${size(stats.freeBytes)} free\n\n`,
      );
      for (const p of stats.parts)
        io.out(`${size(p.bytes).padStart(10)}  ${share(p.bytes, stats.bytes)}  ${p.part}\n`);
      if (stats.suites.length > 0) io.out('\nanswers by suite\n');
      for (const s of stats.suites)
        io.out(
          `${size(s.answerBytes).padStart(10)}  ${s.suite}: ${s.snapshots} snapshots, ${s.trials} trials\n`,
        );
    },
  );

  common(
    db
      .command('prune')
      .description(
        'remove the answers and requests of old snapshots; scores, baselines and what decisions rest on always stay',
      )
      .option('--keep-last <n>', 'newest runs of each suite that keep theirs', wholeNumber('--keep-last', 0))
      .option('--keep-days <d>', 'snapshots younger than this keep theirs', wholeNumber('--keep-days', 0))
      .option('--keep-blessed', 'baselines and evidence keep theirs (always so); alone: nothing else does')
      .option('--dry-run', 'show what would go, remove nothing'),
  ).action(async (options: PruneOptions) => {
    const { pruneJob } = await import('../../workflow/ledger/db-upkeep.ts');
    const report = await pruneJob(await ledgerPath(io, options), {
      keepLast: options.keepLast,
      keepDays: options.keepDays,
      keepBlessed: options.keepBlessed,
      dryRun: options.dryRun === true,
      now: new Date(),
    });
    if (options.json) {
      printJson(io, { schemaVersion: 1, kind: 'db-prune', ...report });
      return;
    }
    const verb = report.dryRun ? 'would remove' : 'removed';
    io.out(
      `${verb} ${report.texts} texts (${size(report.textBytes)})${report.vectors > 0 ? ` and ${report.vectors} embedding vectors` : ''} of ${report.pruned.length} snapshots; ${report.kept.length} keep theirs; scores and grades all stay\n`,
    );
    for (const k of report.kept) io.out(`  kept ${k.snapshot}: ${k.why}\n`);
    if (report.bytesAfter !== null)
      io.out(`ledger: ${size(report.bytesBefore)} before, ${size(report.bytesAfter)} now\n`);
  });

  common(db.command('check').description('the file, its references, and every text against its hash')).action(
    async (options: CommonOptions) => {
      const { checkJob } = await import('../../workflow/ledger/db-upkeep.ts');
      const check = await checkJob(await ledgerPath(io, options));
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'db-check', ...check });
      else if (check.ok)
        io.out(
          `sound: ${check.contents} texts have their hashes${check.removed > 0 ? `, ${check.removed} were removed` : ''}${check.vectors > 0 ? `; ${check.vectors} embedding vectors` : ''}\n`,
        );
      else for (const problem of check.problems) io.out(`${problem}\n`);
      if (!check.ok) exit(4);
    },
  );
};

export const registerForget: Register = (program, io) => {
  common(
    program
      .command('forget')
      .argument('[text]', 'a text to take out, wherever it stands')
      .description('take a text, or all payloads of a case, out of the ledger and its exports; scores stay')
      .option('--case <id>', 'forget the prompts, answers and reasons of this case')
      .option(
        '--dir <folder>',
        'where exported snapshots lie, to take it out of them, too (default snapshots)',
      ),
  ).action(async (text: string | undefined, options: CommonOptions & { case?: string; dir?: string }) => {
    if ((text === undefined) === (options.case === undefined)) {
      throw new LastgoodError({
        code: 'FORGET_WHAT',
        message: 'Name either a text or a case to forget.',
        hint: 'lastgood forget "jane@example.com", or lastgood forget --case refund-17',
      });
    }
    const { forgetJob } = await import('../../workflow/ledger/db-upkeep.ts');
    const path = await ledgerPath(io, options);
    const report = await forgetJob(
      path,
      options.case === undefined
        ? { kind: 'text', text: text as string }
        : { kind: 'case', caseId: options.case },
      [resolve(io.cwd, options.dir ?? 'snapshots'), dirname(path)],
      { root: io.cwd },
    );
    if (options.json) {
      printJson(io, { schemaVersion: 1, kind: 'forget', ...report });
      return;
    }
    io.out(
      `removed ${report.payloads} payloads and cleaned ${report.rows} rows, in ${report.snapshots.length} snapshots\n`,
    );
    for (const file of report.rewritten)
      io.out(`written anew without it: ${file} (git's history still has it as it was)\n`);
    for (const file of report.files)
      io.out(`may still hold it: ${file} (it is damaged; delete it and export again)\n`);
  });
};

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function share(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(0).padStart(3)} %`;
}
