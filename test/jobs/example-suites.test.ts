// The example suites that need no model: each runs at once, and its worse release is found, with the cases that it breaks.

import { readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

interface RunJson {
  snapshot: { cases: number; passRate: number; ungraded: number; failed: number };
}

interface DiffJson {
  verdict: string;
  cases: { id: string; verdict: string; candidate: { passed: number } | null }[];
}

const SUITES = [
  {
    suite: 'help-center',
    releases: ['answers', 'answers-short-chunks'],
    broken: ['minimum-age', 'price-student'],
    fine: ['helmet-teenager', 'unanswerable-jobs'],
  },
  {
    suite: 'invoice-fields',
    releases: ['extract', 'extract-us-numbers'],
    broken: ['print-shop-eur', 'large-eur', 'lab-eur'],
    fine: ['hosting-usd', 'insurance-chf', 'thanks-no-invoice'],
  },
] as const;

test.each(SUITES)(
  '$suite: its README runs, and the worse release is found',
  async ({ suite, releases, broken, fine }) => {
    await using dir = await temporaryFolder();
    await symlink(join(ROOT, 'suites'), join(dir.path, 'suites'));
    const here = { cwd: dir.path };
    const [good, bad] = releases.map((name) => `suites/${suite}/releases/${name}.yaml`);

    // The README's commands, in their order; one trial a case is enough here.
    const readme = readFileSync(join(ROOT, 'suites', suite, 'README.md'), 'utf8');
    const lines = (/```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '').trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain(good);
    expect(lines[2]).toContain(bad);
    const outcomes: RunJson[] = [];
    for (const line of lines) {
      const [command = '', comment = ''] = line.split(/\s+#\s/);
      const args = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '').slice(1);
      const outcome = await lastgoodHere(
        args[0] === 'run' ? [...args, '--trials', '1', '--json'] : [...args, '--json'],
        here,
      );
      expect(outcome.code, `${line}\n${outcome.stdout}\n${outcome.stderr}`).toBe(
        Number(/exit (\d)/.exec(comment)?.[1] ?? 0),
      );
      outcomes.push(json<RunJson>(outcome));
    }

    expect(outcomes[0]?.snapshot).toMatchObject({ passRate: 1, ungraded: 0, failed: 0 });
    expect(outcomes[0]?.snapshot.cases).toBeGreaterThanOrEqual(20);
    const diff = outcomes[3] as unknown as DiffJson;
    expect(diff.verdict).toBe('regressed');
    const failing = diff.cases.filter((c) => c.candidate?.passed === 0).map((c) => c.id);
    expect(failing).toEqual(expect.arrayContaining([...broken]));
    for (const id of fine) expect(failing).not.toContain(id);
  },
);
