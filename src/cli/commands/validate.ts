// lastgood validate: check suites and releases; no call is made.

import type { Register } from '../options/register.ts';
import { printJson, reading } from '../options/session.ts';

export const registerValidate: Register = (program, io, exit) => {
  reading(
    program
      .command('validate')
      .argument(
        '[paths...]',
        'suite and release files or folders (default: everything under suites/ and releases/)',
      )
      .description('check suites and releases; no call is made')
      .option('--release <file>', 'also check that every case of the suites can be sent to this release'),
  ).action(async (paths: string[], options: { json?: boolean; release?: string }) => {
    const { validateFiles } = await import('../../jobs/project/validate.ts');
    const { formatErrors } = await import('../../base/errors.ts');
    const found = await validateFiles(paths, io.cwd, options.release);
    const bad = found.filter((f) => f.errors.length > 0);
    if (options.json) {
      printJson(io, {
        schemaVersion: 1,
        kind: 'validation',
        ok: bad.length === 0,
        files: found.map((f) => ({
          ...f,
          errors: f.errors.map((e) => ({
            code: e.code,
            message: e.message,
            hint: e.hint ?? null,
            where: e.where,
          })),
        })),
      });
    } else {
      for (const f of found) {
        if (f.errors.length === 0) io.out(`ok    ${f.file}  ${f.about}\n`);
        else {
          io.out(`wrong ${f.file}\n`);
          io.out(`  ${formatErrors(f.errors).replaceAll('\n', '\n  ')}\n`);
        }
        for (const w of f.warnings) io.out(`  warning: ${w}\n`);
      }
    }
    exit(bad.length === 0 ? 0 : 2);
  });
};
