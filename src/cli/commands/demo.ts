// lastgood demo: the whole story in under a minute, offline.

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LastgoodError } from '../../base/errors.ts';
import { packageFile } from '../../base/package-files.ts';
import type { DemoBeat } from '../../core/index.ts';
import type { Register } from '../options/register.ts';
import { printJson, wholeNumber } from '../options/session.ts';
import { VERSION } from '../options/version.ts';
import { type Io, styleOf } from '../terminal/io.ts';
import { cliProgress } from '../terminal/progress.ts';

interface DemoOptions {
  readonly dir?: string;
  readonly seed?: number;
  readonly production?: boolean;
  readonly rollout?: boolean;
  readonly keepOpen?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export const registerDemo: Register = (program, io, exit) => {
  program
    .command('demo')
    .description(
      'the whole story offline: weeks of snapshots, a silent provider change, the alarm, a verified rollback',
    )
    .option(
      '--production',
      'two weeks of production instead: traffic, a silent change, a rollback, and what is left',
    )
    .option(
      '--rollout',
      'a staged rollout instead: a candidate breaks at 5%, a gate rolls it back, and a guard stops an agent',
    )
    .option('--keep-open', 'with --rollout: the server and its pages stay until Ctrl-C')
    .option('--dir <folder>', 'where the ledger and the reports go (default demo)')
    .option('--seed <n>', 'seed of the story (default 1)', wholeNumber('--seed', 0))
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'no progress on stderr')
    .action(async (options: DemoOptions) => {
      if (options.rollout === true && options.production === true)
        throw badOption('--rollout and --production are two demos; choose one');
      if (options.keepOpen === true && options.rollout !== true)
        throw badOption('--keep-open is for the server of --rollout');
      await makeFolder(resolve(io.cwd, options.dir ?? 'demo', options.rollout === true ? 'rollout' : ''));
      if (options.production === true) return productionDemo(io, options);
      if (options.rollout === true)
        return exit(await (await import('./demo-rollout.ts')).rolloutDemo(io, options));
      const [{ playDemo }, { demoBeatText }] = await Promise.all([
        import('../../jobs/demo/demo.ts'),
        import('../../report/text/demo-text.ts'),
      ]);
      const style = styleOf(io);
      const dir = options.dir ?? 'demo';
      const progress = cliProgress(io, options.quiet === true || options.json === true, () => Date.now());
      const tell = (beat: DemoBeat): void => {
        if (options.json) return;
        progress.end();
        io.out(demoBeatText(beat, { style, dir }));
      };
      const result = await playDemo({
        suiteDir: fileURLToPath(packageFile('suites/support-triage')),
        root: io.cwd,
        outDir: resolve(io.cwd, dir),
        seed: options.seed ?? 1,
        progress,
        environment: { lastgood: VERSION, node: io.nodeVersion, platform: io.platform },
        signal: io.signal,
        hardSignal: io.hardSignal,
        tell,
      });
      progress.end();
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'demo', simulated: true, ...result });
      if (io.signal.aborted) exit(130);
      else if (result.decision?.decision !== 'verified') exit(3);
    });
};

/** Throws `OUTPUT_UNWRITABLE` or `DISK_FULL`. */
async function makeFolder(path: string): Promise<void> {
  const [{ access, constants, mkdir }, { unwritable }] = await Promise.all([
    import('node:fs/promises'),
    import('../../base/replace-file.ts'),
  ]);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    throw unwritable('the folder of the demo', path, error as NodeJS.ErrnoException);
  }
}

const badOption = (message: string): LastgoodError => new LastgoodError({ code: 'BAD_OPTION', message });

async function productionDemo(io: Io, options: DemoOptions): Promise<void> {
  const [{ playProduction }, { productionDemoText }] = await Promise.all([
    import('../../jobs/demo/production-demo.ts'),
    import('../../report/text/production-demo-text.ts'),
  ]);
  const dir = options.dir ?? 'demo';
  const outDir = resolve(io.cwd, dir);
  const result = await playProduction({ outDir, seed: options.seed ?? 1, now: new Date() });
  if (options.json) printJson(io, { schemaVersion: 1, kind: 'production-demo', simulated: true, ...result });
  else io.out(productionDemoText(result, { style: styleOf(io), dir }));
}
