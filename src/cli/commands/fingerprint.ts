// lastgood fingerprint: what identifies a release, layer by layer, and how two of them differ.

import type { Register } from '../options/register.ts';
import { printJson, reading } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

export const registerFingerprint: Register = (program, io) => {
  reading(
    program
      .command('fingerprint')
      .argument('<release>', 'release file')
      .argument('[other]', 'another release file: show which layers differ')
      .description("a release's fingerprint and layers; with two releases the difference"),
  ).action(async (a: string, b: string | undefined, options: { json?: boolean }) => {
    const [{ fingerprintJob }, { fingerprintText, releaseDiffText }] = await Promise.all([
      import('../../jobs/project/fingerprint-job.ts'),
      import('../../report/text/release-text.ts'),
    ]);
    const result = await fingerprintJob(a, b, io.cwd);
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'fingerprint', ...result });
    else if (result.other === undefined) io.out(fingerprintText(result, { style: styleOf(io) }));
    else
      io.out(
        releaseDiffText({ ...result, other: result.other, diff: result.diff ?? [] }, { style: styleOf(io) }),
      );
  });
};
