// The demo of production, and the examples of docs/production.md and docs/import.md on its ledger: run, and compared with what the pages print.

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ProductionDemo } from '../../src/core/production-demo.ts';
import { productionDemoText } from '../../src/report/text/production-demo-text.ts';
import { json, lastgood, lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cwd: string;
let demo: ProductionDemo;
const page = (name: string): Promise<string> => readFile(join(ROOT, 'docs', name), 'utf8');
const hour = (): number => Math.floor(Date.now() / 3_600_000);

/** Plays the demo, and takes its ledger for the project's. */
async function play(run: (args: readonly string[]) => Promise<Outcome>): Promise<void> {
  const played = await run(['demo', '--production', '--json']);
  expect(played.code, played.stderr).toBe(0);
  demo = json<ProductionDemo>(played);
  await rm(join(cwd, 'snapshots'), { recursive: true, force: true });
  await mkdir(join(cwd, 'snapshots'));
  await copyFile(demo.db, join(cwd, 'snapshots/lastgood.db'));
}

/** What commands print within one hour: the demo ends at the last whole one, and windows are whole hours. */
async function outputsOf(commands: readonly (readonly string[])[]): Promise<Outcome[]> {
  for (;;) {
    const before = hour();
    if (Math.floor(Date.parse(demo.end) / 3_600_000) !== before)
      await play((args) => lastgoodHere(args, { cwd }));
    const times: Record<string, string> = {
      '2026-11-23T21:00Z': demo.change,
      '2026-11-26T09:00Z': demo.rollback,
    };
    const outputs: Outcome[] = [];
    for (const command of commands)
      outputs.push(
        command[0] === 'demo'
          ? { code: 0, stdout: productionDemoText(demo, { dir: 'demo' }), stderr: '' }
          : await lastgoodHere(
              command.map((arg) => times[arg] ?? arg),
              { cwd },
            ),
      );
    if (hour() === before) return outputs;
  }
}

/** Days differ. */
const masked = (text: string): string => text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME');
const movesIn = (text: string): string[] =>
  [...text.matchAll(/^ {2}TIME {2}(?:about then )?(\S+) .* → /gm)].map((m) => m[1] ?? '');
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');

beforeAll(async () => {
  folder = await temporaryFolder();
  cwd = folder.path;
  await play((args) => lastgood(args, { cwd }));
}, 120_000);
afterAll(() => folder[Symbol.asyncDispose]());

it('plays two weeks through the real intake, labelled as a simulation, and the commands it prints work', async () => {
  expect(demo).toMatchObject({ simulated: true, residue: { verdict: 'not-returned' } });
  expect(demo.observations).toBeGreaterThan(30_000);
  // Length moves with the change, what users do moves after it, and nothing moves before it.
  const moved = new Map(demo.moves.map((m) => [m.signal, Date.parse(m.at)]));
  const change = Date.parse(demo.change);
  expect(Math.abs((moved.get('length.p95') ?? 0) - change)).toBeLessThan(3_600_000);
  expect(moved.get('edits')).toBeGreaterThan(change);
  expect(moved.get('manual-path')).toBeGreaterThan(moved.get('edits') ?? Number.POSITIVE_INFINITY);
  expect(Math.min(...moved.values())).toBeGreaterThan(change - 3_600_000);
  for (const { move } of demo.moves)
    expect(Date.parse(move.latest), move.signal).toBeGreaterThanOrEqual(change);
  const states = Object.fromEntries(demo.residue.signals.map((s) => [s.signal, s.state]));
  expect(states).toMatchObject({ 'manual-path': 'not-returned', overrides: 'returned' });
  const story = productionDemoText(demo, { dir: 'demo' });
  expect(story).toMatch(/^A SIMULATION: /);
  const commands = [...story.matchAll(/^ {2}npx lastgood (.+)$/gm)].map((m) => wordsOf(m[1] ?? ''));
  expect(commands.map((c) => c[0])).toEqual(['timeline', 'signals', 'decisions', 'residue', 'import']);
  expect((await outputsOf(commands)).map((out) => out.code)).toEqual([0, 0, 0, 1, 0]);
});

it('does what docs/production.md shows of it', async () => {
  const text = await page('production.md');
  for (const [, file = '', body = ''] of text.matchAll(
    /^<!-- file: (\S+) -->\n^```[^\n]*\n([\s\S]*?)^```$/gm,
  )) {
    await mkdir(dirname(join(cwd, file)), { recursive: true });
    await writeFile(join(cwd, file), body);
  }
  const shown = [...text.matchAll(/^<!-- output: (.+) -->\n^```text\n([\s\S]*?)^```$/gm)];
  const commands = shown.map(([, command = '']) => wordsOf(command));
  expect(commands.map(([name]) => name)).toEqual(['demo', 'shadow', 'decisions', 'decisions', 'residue']);
  const outputs = await outputsOf(commands);
  for (const [i, [, command = '', body = '']] of shown.entries()) {
    const printed = masked(outputs[i]?.stdout ?? '');
    if (command !== 'demo --production') {
      expect(printed, `${command}\n${outputs[i]?.stderr}`).toContain(masked(body));
      continue;
    }
    // Levels depend on where the hour of the day cuts the windows; what moved does not, but for a signal at the edge.
    expect(printed).toContain(masked(body).split('\n\n')[0]);
    const onPage = movesIn(masked(body));
    const moved = movesIn(printed);
    expect(onPage).toEqual(expect.arrayContaining(moved));
    expect(moved.length).toBeGreaterThanOrEqual(onPage.length - 1);
  }
}, 60_000);

it('imports what docs/import.md shows', async () => {
  const text = await page('import.md');
  const command = /^lastgood (import --from observations .+)$/m.exec(text)?.[1] ?? '';
  const [out] = await outputsOf([wordsOf(command)]);
  expect(out?.code, out?.stderr).toBe(0);
  const [line = ''] = (out?.stdout ?? '').split('\n');
  expect(line).toContain('50 cases');
  expect(text).toContain(line);
});
