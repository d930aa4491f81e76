// Residue of a rollback from a real ledger: how the change is found, what is left out, and the exit code.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ResidueReport } from '../../src/core/residue.ts';
import { residueSchema } from '../../src/report/json/residue-schema.ts';
import { json, lastgood, lastgoodHere, type Outcome, temporaryFolder } from '../cli/lastgood.ts';

const HOUR = 3_600_000;
const NOW = Math.floor(Date.now() / HOUR) * HOUR;
const iso = (hoursAgo: number): string => new Date(NOW - hoursAgo * HOUR).toISOString();

interface Desk {
  /** Hours ago. */
  readonly change: number;
  readonly rollback: number;
  /** Share of overridden answers: before, during, after. */
  readonly rates: readonly [number, number, number];
  readonly release: (hoursAgo: number, i: number) => string | undefined;
  /** Outcomes of answers younger than this have not come yet. */
  readonly outcomesUntil?: number;
}

/** A desk with ten answers an hour over 14 days before the change, and an outcome for each. */
async function ledgerOf(folder: string, desk: Desk): Promise<Outcome> {
  const rows: string[] = [];
  for (let h = desk.change + 14 * 24; h > 0; h--) {
    const rate = desk.rates[h > desk.change ? 0 : h > desk.rollback ? 1 : 2];
    for (let i = 0; i < 10; i++) {
      const id = `${h}/${i}`;
      const release = desk.release(h, i);
      rows.push(JSON.stringify({ id, at: NOW - h * HOUR + i * 60_000, feature: 'refunds', release }));
      const overridden = i < 10 * (rate ?? 0);
      if (h >= (desk.outcomesUntil ?? 0))
        rows.push(JSON.stringify({ id, overridden, at: NOW - h * HOUR + HOUR }));
    }
  }
  await writeFile(join(folder, 'o.jsonl'), rows.join('\n'));
  return lastgoodHere(['observe', 'o.jsonl'], { cwd: folder });
}

const CANARY = (h: number, i: number): string =>
  h > 220 || h <= 120 ? 'r1' : h > 200 ? (i === 0 ? 'r2' : 'r1') : 'r2';

it('finds when the withdrawn release came, leaves its canary out, and exits by what is left', async () => {
  await using dir = await temporaryFolder();
  // The canary begins 220 hours ago, the whole traffic moves 200 hours ago, the rollback is 120 hours ago.
  const made = await ledgerOf(dir.path, {
    change: 200,
    rollback: 120,
    rates: [0.1, 0.3, 0.1],
    release: CANARY,
  });
  expect(made.code, made.stderr).toBe(0);
  const out = await lastgood(['residue', 'refunds', '--rollback', iso(120), '--json'], { cwd: dir.path });
  expect(out.code, out.stderr).toBe(0);
  const report = json<ResidueReport>(out);
  expect(residueSchema.safeParse(report).error).toBeUndefined();
  expect(report).toMatchObject({
    change: { at: iso(200), release: 'r2' },
    before: { to: iso(220), blockHours: 24 },
    during: { from: iso(200), to: iso(120), observations: 800, blockHours: 6 },
    after: { from: iso(120), to: iso(24), observations: 960 },
    verdict: 'returned',
  });
  expect(report.signals).toMatchObject([
    {
      signal: 'overrides',
      before: { value: 0.1 },
      during: { value: 0.3 },
      after: { value: 0.1 },
      state: 'returned',
    },
  ]);
});

it('shows what is left, and asks for the change where releases do not say it', async () => {
  await using dir = await temporaryFolder();
  await ledgerOf(dir.path, { change: 200, rollback: 120, rates: [0.1, 0.3, 0.2], release: () => undefined });
  const here = (...args: string[]) => lastgoodHere(['residue', 'refunds', ...args], { cwd: dir.path });
  const blind = await here('--rollback', iso(120));
  expect(blind).toMatchObject({ code: 2, stderr: expect.stringContaining('RESIDUE_CHANGE') });
  expect(blind.stderr).toContain('--change TIME');
  const out = await here('--rollback', iso(120), '--change', iso(200));
  expect(out.code).toBe(1);
  expect(out.stdout).toMatch(
    /NOT RETURNED {2}overrides +before 10\.0 %, during 30\.0 %, after 20\.0 %; left \+10\.0 points \(\+\d/,
  );
  expect(out.stdout).toContain('Not returned: 1 of 1 user signals.');
  expect(await here('--rollback', iso(120), '--change', iso(100))).toMatchObject({ code: 2 });
  expect(await here('--rollback', iso(-5), '--change', iso(100))).toMatchObject({ code: 2 });
});

it('does not call back what has no outcomes yet, and exits with 3', async () => {
  await using dir = await temporaryFolder();
  // Since 100 hours no outcome has come: of 96 settled hours after the rollback, 20 have them.
  const quiet = { change: 200, rollback: 120, rates: [0.1, 0.3, 0.1], outcomesUntil: 100 } as const;
  await ledgerOf(dir.path, { ...quiet, release: (h) => (h > 200 || h <= 120 ? 'r1' : 'r2') });
  const out = await lastgoodHere(['residue', 'refunds', '--rollback', iso(120)], { cwd: dir.path });
  expect(out.code).toBe(3);
  expect(out.stdout).toContain('cannot tell   overrides');
  expect(out.stdout).toMatch(/outcomes of 2\d\.\d % of the answers have come, 100\.0 % before/);
  // Just rolled back: nothing has settled.
  const fresh = await lastgoodHere(
    ['residue', 'refunds', '--rollback', iso(2), '--change', iso(200), '--json'],
    {
      cwd: dir.path,
    },
  );
  expect(fresh.code).toBe(3);
  expect(json<ResidueReport>(fresh)).toMatchObject({ after: { observations: 0 }, verdict: 'cannot-tell' });
});
