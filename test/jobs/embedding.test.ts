// The embedding channel, end to end: vectors made at the simulator's endpoint, kept in the ledger, and a shift of meaning told, not failed.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { deskCases, deskScenario, type HelpDesk, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

const EMBEDDING = 'embed-small-2026-01-01';
const OTHER = 'embed-large-2026-01-01';
const CANDIDATE = 'gpt-desk-2026-02-15';

const route = (model: string) => ({
  provider: 'openai',
  api: 'responses',
  model,
  'base-url': { env: 'DESK_OPENAI_URL' },
});

/** Both models are right always; the newer one says it in quite other words. */
function desk(channel: string | null = 'warn', suite: object = {}): Promise<HelpDesk> {
  const scenario = deskScenario();
  return helpDesk({
    scenario: {
      versions: { ...scenario.versions, blunt: { skill: 0 } },
      models: [
        ...scenario.models,
        { id: CANDIDATE, provider: 'openai', version: 'blunt' },
        { id: EMBEDDING, provider: 'openai', kind: 'embedding', dimensions: 64 },
        { id: OTHER, provider: 'openai', kind: 'embedding', dimensions: 96 },
      ],
      knowledge: (scenario.knowledge ?? []).map((k) => ({
        ...k,
        wrong: [`Read the manual: answer ${k.match.split(' ')[2]} is printed on page nine.`],
      })),
    },
    cases: deskCases().slice(0, 12),
    suite: {
      trials: 2,
      embedder: 'releases/embedder.yaml',
      policy: { margin: 0.1, ...(channel === null ? {} : { channels: { embedding: channel } }) },
      ...suite,
    },
    releases: {
      steady: openaiRelease(),
      blunt: openaiRelease({ route: route(CANDIDATE) }),
      embedder: { route: route(EMBEDDING) },
      other: { route: route(OTHER) },
    },
  });
}

const calls = (d: HelpDesk): number => d.simulator.stats().byPath['/v1/embeddings'] ?? 0;

async function diff(d: HelpDesk, a: string, b: string, ...more: string[]) {
  const { json, code } = await d.cli('diff', a, b, '--json', ...more);
  return { ...json, code };
}

function sql<T>(d: HelpDesk, query: string): T[] {
  const db = new Database(join(d.dir, 'ledger.db'), { readonly: true });
  try {
    return db.prepare<[], T>(query).all();
  } finally {
    db.close();
  }
}

describe('a suite that asks for the embedding channel', () => {
  it('tells a shift of meaning, warns by default, and embeds no answer twice', async () => {
    const d = await desk();
    const first = await d.run('steady');
    expect(calls(d)).toBeGreaterThan(0);
    d.simulator.reset();
    const second = await d.run('steady');
    expect(calls(d)).toBe(0);
    const same = await diff(d, first, second);
    expect(same.metrics.embedding).toMatchObject({
      verdict: 'unchanged',
      shift: 0,
      dimension: 64,
      cases: 12,
      n: { baseline: 24, candidate: 24 },
      missing: { baseline: 0, candidate: 0 },
    });

    const other = await d.run('blunt');
    const moved = await diff(d, first, other);
    expect(moved.metrics.embedding).toMatchObject({ verdict: 'shifted', floor: 0.05 });
    expect(moved.metrics.embedding.p).toBeLessThanOrEqual(0.001);
    expect(moved.metrics.embedding.shift).toBeGreaterThan(0.2);
    expect(moved.metrics.embedding.mmd).toBeGreaterThan(0);
    // Nothing else moved: every answer is right in both.
    expect(moved.verdict).not.toBe('regressed');
    expect(moved.gate.rules.find((r: { rule: string }) => r.rule === 'channel:embedding').outcome).toBe(
      'warn',
    );
    expect(moved.gate.outcome).not.toBe('fail');
    // The same channel in every report.
    const text = (await d.cli('diff', first, other, '--verbose')).stdout;
    expect(text).toMatch(/meaning \(embeddings\) +24 answers +→ +24 answers +shifted +moved \d\.\d{3}/);
    const markdown = (await d.cli('diff', first, other, '--format', 'markdown')).stdout;
    expect(markdown).toContain('- embedding, **shifted**: meaning moved by');

    // Another embedder: never one vector against another's.
    await d.write('releases/embedder.yaml', { name: 'embedder', route: route(OTHER) });
    const third = await d.run('blunt');
    const two = await diff(d, first, third);
    expect(two.metrics.embedding).toMatchObject({ verdict: 'unavailable', p: null });
    expect(two.metrics.embedding.reason).toContain('embedded by two embedders');
    // ... until the stored answers are embedded by the new one; no grade is made again.
    const again = await d.cli('regrade', first, '--suite', 'suite.yaml', '--json');
    expect(again.json).toMatchObject({ existed: true, snapshot: { id: first } });
    expect(again.json.embedded).toBeGreaterThan(0);
    expect((await diff(d, first, third)).metrics.embedding).toMatchObject({
      verdict: 'shifted',
      dimension: 96,
    });
  });

  it('loses no trial when the embedder fails: the channel is unavailable, counted, and filled in later', async () => {
    const d = await desk('fail');
    const first = await d.run('steady');
    d.simulator.setFaults({ quota: 1, models: [EMBEDDING] });
    const said = await d.cli('run', 'suite.yaml', '--release', 'releases/blunt.yaml', '--json');
    expect(said.json.snapshot).toMatchObject({ answered: 24, ungraded: 0, validity: 'valid', passRate: 1 });
    expect(said.json.snapshot.findings).toContainEqual({
      code: 'EMBEDDINGS_MISSING',
      message: expect.stringMatching(/^24 of 24 answers have no embedding vector/),
    });
    expect(calls(d)).toBeGreaterThan(0);
    const { id } = said.json.snapshot;
    const blind = await diff(d, first, id);
    expect(blind.metrics.embedding.verdict).toBe('unavailable');
    // Who asks to fail on it gets no pass without it.
    expect(blind.gate.outcome).toBe('inconclusive');
    d.simulator.setFaults({});
    expect((await d.cli('regrade', id, '--json')).json.embedded).toBeGreaterThan(0);
    // Asked to fail on a shift of meaning, it does.
    const seen = await diff(d, first, id);
    expect(seen.metrics.embedding.verdict).toBe('shifted');
    expect(seen).toMatchObject({ code: 1, gate: { outcome: 'fail' } });
  });

  it('makes no call and shows no row unless it is asked for', async () => {
    const d = await desk(null);
    const first = await d.run('steady');
    const other = await d.run('blunt');
    expect(calls(d)).toBe(0);
    const moved = await diff(d, first, other);
    expect(moved.metrics.embedding).toMatchObject({ verdict: 'not-tested', cases: 0 });
    expect((await d.cli('diff', first, other, '--verbose')).stdout).not.toContain('meaning');
  });

  it('keeps no vector where it keeps no text, and says so', async () => {
    const d = await desk();
    const first = await d.run('steady', '--store', 'scores');
    const other = await d.run('blunt', '--store', 'scores');
    expect(calls(d)).toBe(0);
    expect(sql(d, 'SELECT * FROM embedding')).toEqual([]);
    const blind = await diff(d, first, other);
    expect(blind.metrics.embedding.verdict).toBe('unavailable');
    expect(blind.metrics.embedding.reason).toContain('not stored');
  });

  it('counts the cost like the judge, and needs an embedder', async () => {
    const d = await desk();
    await d.write(
      'prices.yaml',
      `as-of: 2026-03-01\nmodels:\n  ${EMBEDDING}: { input: 1000, output: 0 }\n  ${MODEL}: { input: 1, output: 1 }\n`,
    );
    const said = await d.cli(
      'run',
      'suite.yaml',
      '--release',
      'releases/steady.yaml',
      '--prices',
      'prices.yaml',
      '--json',
    );
    expect(said.json?.snapshot?.judgeCostUsd, said.stderr).toBeGreaterThan(0);
    await d.write(
      'suite.yaml',
      'name: help-desk\ncases:\n  - { id: a, vars: {}, grade: [{ contains: x }] }\npolicy:\n  channels:\n    embedding: warn\n',
    );
    const refused = await d.cli('validate', 'suite.yaml');
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toMatch(/suite\.yaml:6.*embedding channel/s);
  });

  it('is told by a dry run apart from the subject and the judge, with what `similar` asks', async () => {
    const similar = { similar: { value: 'Read the manual.' } };
    const grade = { defaults: { grade: [similar, { rubric: [{ id: 'r', check: similar }] }] } };
    const d = await desk('warn', grade);
    await d.write('releases/steady.yaml', { ...openaiRelease(), params: { 'max-output-tokens': 50 } });
    const prices = `as-of: 2026-03-01\nmodels:\n  ${EMBEDDING}: { input: 10, output: 0 }\n`;
    await d.write('prices.yaml', prices);
    const dry = (...more: string[]) =>
      d.cli('run', 'suite.yaml', '--release', 'releases/steady.yaml', '--dry-run', ...more);
    // 24 answers of at most 2 × 50 tokens once for the channel and twice beside a reference of 16 bytes.
    const embedding = {
      calls: 72,
      answers: 24,
      inputTokensUpper: 24 * (100 + 2 * 116),
      costUpperUsd: 0.07968,
    };
    const said = (await dry('--prices', 'prices.yaml', '--json')).json;
    expect(said).toMatchObject({ kind: 'estimate', calls: 24, judge: null });
    expect(said.embedding.costUpperUsd).toBeCloseTo(embedding.costUpperUsd, 9);
    expect({ ...said.embedding, costUpperUsd: embedding.costUpperUsd }).toEqual(embedding);
    expect((await dry('--prices', 'prices.yaml')).stdout).toContain(
      'embedder: at most 72 calls (24 answers for the embedding channel, at most 7,968 tokens), cost at most $0.0',
    );
    // Unknown is unknown: without a price, and without a limit to what is answered.
    expect((await dry('--json')).json.embedding).toMatchObject({
      inputTokensUpper: 7968,
      costUpperUsd: null,
    });
    await d.write('releases/steady.yaml', openaiRelease());
    expect((await dry('--prices', 'prices.yaml', '--json')).json.embedding).toMatchObject({
      ...{ calls: 72, inputTokensUpper: null, costUpperUsd: null },
    });
    // What keeps no text embeds none for the channel.
    expect((await dry('--store', 'scores', '--json')).json.embedding).toMatchObject({
      calls: 48,
      answers: 0,
    });
    const both = await d.cli(
      ...['compare', 'suite.yaml', '--baseline-release', 'releases/steady.yaml', '--trials', '2'],
      ...['--release', 'releases/blunt.yaml', '--dry-run', '--json'],
    );
    expect(both.json.embedding).toMatchObject({ calls: 144, answers: 48 });
    expect(calls(d)).toBe(0);
  });

  it('is tested between two releases run together; forgetting a case takes its vectors', async () => {
    const d = await desk();
    const both = await d.cli(
      'compare',
      'suite.yaml',
      '--baseline-release',
      'releases/steady.yaml',
      '--release',
      'releases/blunt.yaml',
      '--trials',
      '2',
      '--json',
    );
    expect(both.json?.metrics?.embedding, both.stderr).toMatchObject({ verdict: 'shifted' });
    const vectors = sql<{ n: number }>(d, 'SELECT count(*) AS n FROM embedding')[0]?.n ?? 0;
    expect(vectors).toBeGreaterThan(0);
    await d.cli('forget', '--case', 'refund-03', '--yes');
    expect(sql<{ n: number }>(d, 'SELECT count(*) AS n FROM embedding')[0]?.n).toBeLessThan(vectors);
    expect((await d.cli('db', 'check', '--json')).json).toMatchObject({ ok: true });
  });
});
