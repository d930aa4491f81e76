// An environment in which Node finds no package of some name: optional packages, as a user has them not.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `prefix`: what the names of the missing packages begin with. The hook is written into `folder`. */
export async function withoutPackage(folder: string, prefix: string): Promise<Record<string, string>> {
  const hook = join(folder, 'without-package.mjs');
  await writeFile(
    hook,
    `import { registerHooks } from 'node:module';
registerHooks({ resolve(name, context, next) {
  if (name.startsWith(${JSON.stringify(prefix)})) throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(name, context);
} });
`,
  );
  return { NODE_OPTIONS: `--import=${hook}` };
}
