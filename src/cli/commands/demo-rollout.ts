// lastgood demo --rollout: flags, gates and the guard at work, against a real server on this machine.

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../base/package-files.ts';
import type { RolloutDemoBeat } from '../../core/rollout-demo.ts';
import { printJson } from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';

export interface RolloutDemoOptions {
  readonly dir?: string;
  readonly seed?: number;
  readonly keepOpen?: boolean;
  readonly json?: boolean;
}

/** Exit code: 0 as it should be, 3 where no gate acted or an action started after the stop, 130 interrupted. */
export async function rolloutDemo(io: Io, options: RolloutDemoOptions): Promise<number> {
  const [{ playRollout }, { rolloutDemoText }, { connectGuard }] = await Promise.all([
    import('../../jobs/demo/rollout-demo.ts'),
    import('../../report/text/rollout-demo-text.ts'),
    import('../../client/index.ts'),
  ]);
  const style = styleOf(io);
  const dir = join(options.dir ?? 'demo', 'rollout');
  let hasEnded = false;
  try {
    const demo = await playRollout({
      ...{ project: resolve(io.cwd, dir), seed: options.seed ?? 1, keepOpen: options.keepOpen === true },
      suiteDir: fileURLToPath(packageFile('suites/support-triage')),
      ticket: fileURLToPath(packageFile('features/support-triage.yaml')),
      program: [process.execPath, process.argv[1] ?? ''],
      environment: io.environment,
      signal: io.signal,
      connectGuard,
      tell: (beat: RolloutDemoBeat) => {
        hasEnded ||= beat.kind === 'end';
        if (options.json !== true) io.out(rolloutDemoText(beat, { style, dir }));
      },
    });
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'rollout-demo', simulated: true, ...demo });
    return demo.rollback !== null && demo.stop?.startedAfter === 0 ? 0 : 3;
  } catch (error) {
    // What an interrupt cut off is no failure.
    if (!io.signal.aborted) throw error;
    return hasEnded ? 0 : 130;
  }
}
