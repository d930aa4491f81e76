// lastgood import: exported snapshots and events into the ledger; files of other tools into a suite.

import { LastgoodError } from '../../base/errors.ts';
import type { SecretMask } from '../../base/secrets.ts';
import type { ImportResult } from '../../core/index.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, printJson, wholeNumber, withWorkplace } from '../options/session.ts';
import { trustOptions } from '../options/trust-options.ts';
import { type Io, styleOf } from '../terminal/io.ts';
import { boundHeap } from '../terminal/limit-heap.ts';
import { sinceOption } from './signals.ts';

interface ImportOptions extends CommonOptions {
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
  readonly sample?: number;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly allowCode?: boolean;
  readonly overwrite?: boolean;
  readonly feature?: string;
  readonly failing?: boolean;
  readonly since?: number | Date;
}

export const registerImport: Register = (program, io, exit) => {
  trustOptions(
    common(
      program
        .command('import')
        .argument('[files...]', "exported snapshots and events, or another tool's files")
        .description(
          "take exported snapshots and events into the ledger, or make a suite of another tool's tests, traces or conversations",
        )
        .option(
          '--from <format>',
          'format of the files (default: found out by their content); observations = stored production answers',
        )
        .option('--feature <name>', 'with --from observations: the feature whose answers become cases')
        .option('--failing', 'with --from observations: only answers that went wrong')
        .option('--since <time>', 'with --from observations: how far back (default 30d)', sinceOption)
        .option('--to <folder>', 'folder of the suite to write (default suites/NAME)')
        .option('--limit <n>', 'take the first n cases', wholeNumber('--limit', 1))
        .option('--sample <n>', 'take n cases at random', wholeNumber('--sample', 1))
        .option('--seed <n>', 'of the sample (default 0)', wholeNumber('--seed', 0))
        .option('--dry-run', 'report what would be written, and write nothing')
        .option('--allow-code', 'take code of the source (assertions, programs) into files beside the suite')
        .option('--overwrite', 'replace files of an earlier import'),
    ),
  ).action(async (files: string[], options: ImportOptions) => {
    checkOptions(files, options);
    if (options.from === 'observations') exit(await importStored(io, options));
    else if (await isForeign(io, files, options)) exit(await importForeign(io, files, options));
    else await importOwn(io, files, options);
  });
};

/** What belongs to which source. */
function checkOptions(files: readonly string[], options: ImportOptions): void {
  const { from, feature, failing, since, limit, sample } = options;
  const stored = from === 'observations';
  const problem =
    stored && feature === undefined
      ? '--from observations needs --feature NAME'
      : stored && files.length > 0
        ? '--from observations reads the ledger and takes no files'
        : stored && options.allowCode === true
          ? '--allow-code has no use with --from observations'
          : !stored && (feature !== undefined || failing === true || since !== undefined)
            ? '--feature, --failing and --since need --from observations'
            : !stored && files.length === 0
              ? 'no file was named'
              : limit !== undefined && sample !== undefined
                ? '--limit and --sample exclude each other'
                : null;
  if (problem !== null)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: problem,
      hint: 'lastgood import FILE…, or lastgood import --from observations --feature NAME --failing',
    });
}

/** Stored production answers as a suite. */
async function importStored(io: Io, options: ImportOptions): Promise<number> {
  const [{ importObservations }, { withProduction }, common] = await Promise.all([
    import('../../jobs/import/import-observations.ts'),
    import('../options/production.ts'),
    cleaningOf(io),
  ]);
  const result = await withProduction(io, options, (store) =>
    importObservations(store, {
      feature: options.feature ?? '',
      cwd: io.cwd,
      now: new Date(),
      since: options.since ?? sinceOption('30d'),
      failing: options.failing === true,
      to: options.to,
      limit: options.limit,
      sample: options.sample,
      seed: options.seed,
      dryRun: options.dryRun === true,
      overwrite: options.overwrite === true,
      ...common,
    }),
  );
  return report(io, options, result);
}

/** What is taken out of texts: secrets of the environment, and what the project's rules name. */
async function cleaningOf(io: Io): Promise<{ readonly mask: SecretMask; readonly privacy: Privacy | null }> {
  const [{ readSettings }, { readPrivacy }, { secretMask, secretValues }] = await Promise.all([
    import('../../engine/workplace/settings-file.ts'),
    import('../../engine/workplace/privacy.ts'),
    import('../../base/secrets.ts'),
  ]);
  const settings = await readSettings(io.cwd);
  return {
    mask: secretMask(secretValues(io.environment)),
    privacy: await readPrivacy(settings.redact ?? [], 'all'),
  };
}

async function report(io: Io, options: ImportOptions, result: ImportResult): Promise<number> {
  if (options.json) printJson(io, { schemaVersion: 1, kind: 'import', ...result });
  else {
    const { importText } = await import('../../report/text/import-text.ts');
    io.out(importText(result, styleOf(io)));
    io.err(nextText(result));
  }
  return result.dropped.length > 0 ? 3 : 0;
}

/** Files of another tool are known by their content, or by an option that only they have. */
async function isForeign(io: Io, files: readonly string[], options: ImportOptions): Promise<boolean> {
  if (options.from !== undefined || options.to !== undefined || options.dryRun === true) return true;
  const [{ detectFile }, { resolve }] = await Promise.all([
    import('../../jobs/import/import-suite.ts'),
    import('node:path'),
  ]);
  const own = files.filter((file) => /\.(snapshot|event)\.jsonl$/.test(file));
  const foreign = files.filter((file) => {
    if (own.includes(file)) return false;
    try {
      return detectFile(resolve(io.cwd, file)) !== null;
    } catch (error) {
      // What cannot be read is reported by the reader of snapshots, as ever.
      if (error instanceof LastgoodError) return false;
      throw error;
    }
  });
  if (foreign.length === 0) return false;
  if (foreign.length < files.length)
    throw new LastgoodError({
      code: 'IMPORT_FORMAT',
      message: `some of the files belong to lastgood and some to another tool (${foreign[0]})`,
      hint: 'import them one after the other',
    });
  return true;
}

async function importForeign(io: Io, files: readonly string[], options: ImportOptions): Promise<number> {
  const [{ importSuite }, common] = await Promise.all([
    import('../../jobs/import/import-suite.ts'),
    cleaningOf(io),
  ]);
  const result = await importSuite({
    files,
    cwd: io.cwd,
    from: options.from,
    to: options.to,
    limit: options.limit,
    sample: options.sample,
    seed: options.seed,
    dryRun: options.dryRun === true,
    allowCode: options.allowCode === true,
    overwrite: options.overwrite === true,
    ...common,
  });
  return report(io, options, result);
}

function nextText({ dryRun, to, recorded, written }: ImportResult): string {
  if (dryRun) return 'next: run it again without --dry-run\n';
  const live = written.find(
    (file) => file.startsWith('releases/') && !/\/(judge|embedder)\.yaml$/.test(file),
  );
  const first = recorded ?? live;
  const release = first === undefined || first === null ? 'RELEASE.yaml' : `${to}/${first}`;
  return `next: lastgood validate ${to}/suite.yaml && lastgood run ${to} --release ${release}\n`;
}

async function importOwn(io: Io, files: readonly string[], options: ImportOptions): Promise<void> {
  if (io.sharesProcess !== true) boundHeap();
  const { importFiles } = await import('../../engine/exchange/exchange.ts');
  await withWorkplace(io, options, { mustExist: false }, async ({ work }) => {
    const { snapshots, events } = await importFiles(work, files, io.cwd);
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'import', snapshots, events });
    else {
      for (const t of snapshots) io.out(`${t.snapshot}  ${t.suite}  ${t.file}${gradesText(t.grades)}\n`);
      if (events.added + events.known > 0)
        io.out(`events: ${events.added} added, ${events.known} known already\n`);
    }
  });
}

/** How much of what a file says was worked out again. */
function gradesText(grades: { readonly confirmed: number; readonly asTold: number } | null): string {
  if (grades === null) return '  (known already)';
  const text =
    grades.asTold === 0 ? '' : `, ${grades.asTold} taken unchecked (judge, code, or no answer in the file)`;
  return `  (imported; ${grades.confirmed} grades confirmed${text})`;
}
