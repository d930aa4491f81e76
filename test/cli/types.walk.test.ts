// The published types stand on their own: a strict project without any @types package compiles against them.

import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT, temporaryFolder } from './lastgood.ts';

const run = promisify(execFile);
const TSC = join(ROOT, 'node_modules/.bin/tsc');

test('a project that checks its libraries too can use the package', async () => {
  await using dir = await temporaryFolder();
  const at = (path: string): string => join(dir.path, path);
  await mkdir(at('node_modules/lastgood'), { recursive: true });
  await run(TSC, ['-p', 'src/tsconfig.build.json', '--outDir', at('node_modules/lastgood/dist')], {
    cwd: ROOT,
  });
  await run(process.execPath, [join(ROOT, 'bin/prune-declarations.js'), at('node_modules/lastgood/dist')]);
  await cp(join(ROOT, 'package.json'), at('node_modules/lastgood/package.json'));
  // What the public types name beside our own: nothing but zod, which is a dependency.
  await symlink(join(ROOT, 'node_modules/zod'), at('node_modules/zod'));
  await writeFile(
    at('use.ts'),
    `import { comparisonText, historyOfSuite, type Comparison, type Workplace } from 'lastgood';
export const report = (c: Comparison): string => comparisonText(c);
export const history = (work: Workplace) => historyOfSuite(work, { suite: 'refund-bot' });
import { connectGuard, type Guard } from 'lastgood/client';
const guard: Guard = connectGuard({ url: 'http://127.0.0.1:7411', feature: 'desk' });
export const paid = async (): Promise<string | undefined> => {
  const result = await guard.act({ action: 'refund', impact: 80, key: 'o1' }, async (signal) => String(signal.aborted));
  return result.executed ? result.value : undefined;
};
`,
  );
  await symlink(join(ROOT, 'node_modules/vitest'), at('node_modules/vitest'));
  const compilerOptions = {
    ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2024', lib: ['es2024', 'dom'] },
    ...{ strict: true, skipLibCheck: false, noEmit: true, types: [] },
  };
  await writeFile(at('tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }));
  const { stdout } = await run(TSC, ['-p', '.'], { cwd: dir.path }).catch((e: { stdout: string }) => e);
  expect(stdout).toBe('');

  // The types of vitest itself are not ours to check.
  await writeFile(
    at('use.test.ts'),
    `import { expect, test } from 'vitest';
import { describeSuite, type DescribeSuiteOptions } from 'lastgood/vitest';
const options: DescribeSuiteOptions = { release: 'good', trials: 3, cases: 'not-worse' };
describeSuite('suites/refunds', options);
test('an answer', async ({ task }) => {
  await expect('Hello').not.toPassRubric(['Is it rude?'], { judge: 'releases/judge.yaml' });
  await expect({ text: 'Hello' }).toMatchBehaviour({ suite: 'suites/refunds', case: 'refund-late' });
  const passed: number | undefined = task.meta.lastgood?.passed;
  // @ts-expect-error a rubric needs its judge
  await expect('Hello').toPassRubric(['Is it rude?'], { judges: passed });
});
`,
  );
  const withVitest = {
    compilerOptions: { ...compilerOptions, skipLibCheck: true },
    include: ['use.test.ts'],
  };
  await writeFile(at('tsconfig.json'), JSON.stringify(withVitest));
  const tests = await run(TSC, ['-p', '.'], { cwd: dir.path }).catch((e: { stdout: string }) => e);
  expect(tests.stdout).toBe('');
});
