// lastgood fingerprint: what identifies a release, layer by layer, and how two of them differ.

import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { common, printJson } from '../session.ts';

export const registerFingerprint: Register = (program, io) => {
  common(
    program
      .command('fingerprint')
      .argument('<release>', 'release file')
      .argument('[other]', 'another release file: show which layers differ')
      .description("a release's fingerprint and layers; with two releases the difference"),
  ).action(async (a: string, b: string | undefined, options: { json?: boolean }) => {
    const [{ fingerprintJob }, { fingerprintText, releaseDiffText }] = await Promise.all([
      import('../../workflow/project/fingerprint-job.ts'),
      import('../../report/release-text.ts'),
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
