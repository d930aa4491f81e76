// The post-mortem of a regression in the refund bot's ledger: every statement is held against what was put there.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IncidentReport } from '../../src/core/index.ts';
import { queueAlert } from '../../src/engine/records/alerts.ts';
import { addEvents } from '../../src/engine/records/events.ts';
import { writeIncident } from '../../src/jobs/incident/incident.ts';
import { isoTime, readEvents } from '../../src/jobs/incident/incident-events.ts';
import { findRollbackTarget } from '../../src/jobs/rollback/rollback.ts';
import { incidentHtml, incidentMarkdown } from '../../src/report/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { json, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { HOSTILE } from '../report/hostile.ts';
import { FIRST_BAD_NIGHT, type IncidentWorld, incidentWorld } from './incident-world.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: IncidentWorld;
const good = (): string => world.nights[5]?.id ?? '';
const bad = (): string => world.nights[9]?.id ?? '';

beforeAll(async () => {
  folder = await temporaryFolder();
  world = await incidentWorld(folder.path);
});
afterAll(async () => {
  await world?.store.close();
  await folder?.[Symbol.asyncDispose]();
});

describe('the facts', () => {
  let report: IncidentReport;
  beforeAll(async () => {
    await addEvents(world.work, [
      {
        kind: 'deploy',
        at: '2026-03-07T22:00:00.000Z',
        text: 'retrieval index rebuilt',
        ref: 'deploy-311',
        suite: null,
      },
      { kind: 'deploy', at: '2026-03-07T23:00:00.000Z', text: 'of another team', suite: 'release-notes' },
    ]);
    report = await writeIncident(world.work, {
      good: good(),
      bad: bad(),
      since: '2026-03-08T00:00:00.000Z',
      detectedAt: '2026-03-10T09:00:00.000Z',
      resolvedAt: '2026-03-10T11:00:00.000Z',
    });
  });

  test('the gap: last good run, first bad run, hours to notice and to the end', () => {
    const { detection: d } = report;
    expect(d.lastGood?.id).toBe(world.nights[FIRST_BAD_NIGHT - 2]?.id);
    expect(d.firstBad.id).toBe(world.nights[FIRST_BAD_NIGHT - 1]?.id);
    expect(d.hoursToDetect).toBe(57);
    expect(d.hoursToResolve).toBe(2);
    expect(d.hoursBetweenRuns).toBeCloseTo(24, 3);
  });

  test('the signals: each dated by the run from which it never went away, the earliest first', () => {
    const { signals } = report.detection;
    expect(signals[0]).toMatchObject({ name: 'verdict', strength: 'fail', snapshot: world.nights[7]?.id });
    expect(signals.map((s) => s.name)).toContain('tag late');
    expect(signals.map((s) => s.name)).toContain('channel:length');
    expect(signals.map((s) => s.name)).not.toContain('tag gift');
    expect([...signals].sort((a, b) => (a.at < b.at ? -1 : 1)).map((s) => s.at)).toEqual(
      signals.map((s) => s.at),
    );
  });

  test('the timeline is in order and holds changes, the deploy, and what was told', () => {
    const kinds = report.timeline.map((e) => e.kind);
    expect(report.timeline.map((e) => e.at)).toEqual(report.timeline.map((e) => e.at).sort());
    expect(kinds.indexOf('deploy')).toBeLessThan(kinds.indexOf('start'));
    expect(kinds.indexOf('start')).toBeLessThan(kinds.indexOf('first bad run'));
    expect(report.timeline.filter((e) => e.kind === 'deploy')).toHaveLength(1);
    expect(report.timeline.find((e) => e.kind === 'deploy')).toMatchObject({
      source: 'event',
      ref: 'deploy-311',
    });
  });

  test('the prompt history of the month, with a readable difference', () => {
    const [prompt, route, ...rest] = report.configuration.changes;
    expect(rest).toEqual([]);
    expect(prompt).toMatchObject({ at: world.at(4), release: 'refund-bot' });
    expect(prompt?.layers).toEqual([
      { layer: 'prompt', lines: ['system: "Be kind." -> "Be kind and brief."'] },
    ]);
    expect(route?.layers.map((l) => l.layer)).toEqual(['route']);
  });

  test('the behaviour: failure by tag, by template and by grader', () => {
    const rate = (list: typeof report.behaviour.categories, name: string) =>
      list.find((f) => f.name === name)?.after;
    expect(rate(report.behaviour.categories, 'late')).toEqual({ failed: 24, trials: 24 });
    expect(rate(report.behaviour.categories, 'gift')).toEqual({ failed: 0, trials: 24 });
    expect(report.behaviour.templates.map((t) => t.cases)).toEqual([23, 1]);
    expect(report.behaviour.graders).toEqual([
      {
        name: 'says-refund',
        cases: 24,
        before: { failed: 0, trials: 72 },
        after: { failed: 48, trials: 72 },
      },
    ]);
    expect(report.behaviour.commonest.after).toMatchObject({ count: 48, of: 72 });
    const shown = report.behaviour.examples;
    expect(shown.length).toBeGreaterThanOrEqual(3);
    expect(new Set(shown.slice(0, 2).flatMap((e) => e.tags))).toEqual(new Set(['late', 'broken']));
    expect(shown.every((e) => e.before.includes('refund') && e.after.startsWith('Please contact'))).toBe(
      true,
    );
    expect(shown[0]?.input).toMatch(/Where is my refund|parcel/);
  });

  test('the follow-ups name the fact they follow from', () => {
    const of = (kind: string): string =>
      report.followUps
        .filter((f) => f.kind === kind)
        .map((f) => `${f.action} | ${f.why}`)
        .join('\n');
    expect(of('detect')).toMatch(/lastgood nightly refund-bot .*\| 2\.4 days passed/);
    expect(of('detect')).toContain('min-length');
    expect(of('repair')).toContain(`lastgood rollback refund-bot --from ${bad()} --baseline ${good()}`);
    expect(of('learn')).toContain('every quarter');
  });

  test('the drafts load as cases of the suite, with the graders of their originals', async () => {
    expect(report.coverage.caught).toBe(true);
    expect(report.coverage.drafts).toHaveLength(16);
    const lines = report.coverage.drafts.map((d) => JSON.stringify(d)).join('\n');
    await writeFile(join(folder.path, 'incident.jsonl'), lines);
    const suite = await readFile(join(folder.path, 'suite.yaml'), 'utf8');
    const grown = join(folder.path, 'grown.yaml');
    await writeFile(grown, suite.replace('cases: [cases.jsonl]', 'cases: [cases.jsonl, incident.jsonl]'));
    const { cases } = await loadSuite(grown);
    expect(cases).toHaveLength(40);
    const byId = new Map(cases.map((c) => [c.id, c]));
    for (const draft of cases.filter((c) => c.source?.kind === 'incident')) {
      const original = byId.get(draft.group ?? '');
      expect(draft.critical).toBe(true);
      expect(draft.contentHash).toBe(original?.contentHash);
      expect(draft.gradersHash).toBe(original?.gradersHash);
      expect(draft.source).toEqual({ kind: 'incident', ref: bad(), at: '2026-03-08' });
    }
  });

  test('Markdown and page say the same, verdict first', () => {
    const markdown = incidentMarkdown(report);
    expect(markdown.startsWith('# Post-mortem: refund-bot, pass rate 100.0 % → 33.3 %')).toBe(true);
    for (const section of [
      'What changed in behaviour',
      'Timeline',
      'Configuration',
      'Detection gap',
      'Would the suite have caught it?',
      'Rollback',
      'Follow-up actions',
      'What is not known',
    ])
      expect(markdown).toContain(`## ${section}`);
    expect(markdown).toContain('2.4 days from its begin');
    const html = incidentHtml(report);
    expect(html).toContain('2.4 days from its beginning until it was noticed.');
    expect(html).not.toContain('<script');
  });
});

test('what nobody told is said to be unknown, never guessed', async () => {
  const report = await writeIncident(world.work, { good: good(), bad: bad() });
  expect(report.detection).toMatchObject({ since: null, detectedAt: null, hoursToDetect: null });
  const unknown = report.unknowns.join('\n');
  expect(unknown).toContain('--since');
  expect(unknown).toContain('--detected');
  expect(incidentMarkdown(report)).toContain('Not known: when it was noticed is not recorded');
});

test('an alert of the nightly run is told apart from a person noticing', async () => {
  await using dir = await temporaryFolder();
  const alarmed = await incidentWorld(dir.path);
  try {
    await queueAlert(alarmed.work, 'refund-bot', {
      id: 'alert-1',
      episode: 'episode-1',
      event: 'regression.opened',
      at: '2026-03-08T03:25:00.000Z',
      body: {},
    });
    const report = await writeIncident(alarmed.work, {
      good: alarmed.nights[5]?.id ?? '',
      bad: alarmed.nights[9]?.id ?? '',
    });
    expect(report.detection).toMatchObject({ alertAt: '2026-03-08T03:25:00.000Z', detectedAt: null });
    const markdown = incidentMarkdown(report);
    expect(markdown).toContain('The nightly run raised an alert 10 minutes after the first bad run began');
    expect(markdown).toContain('no webhook has taken it');
  } finally {
    await alarmed.store.close();
  }
});

test('two good runs make no post-mortem: the report says that there is nothing to tell', async () => {
  const report = await writeIncident(world.work, { good: world.nights[1]?.id ?? '', bad: good() });
  expect(report.coverage).toMatchObject({ caught: false, drafts: [] });
  expect(report.detection.signals).toEqual([]);
  expect(incidentMarkdown(report)).toContain('no regression shown');
});

test('a rollback decision made afterwards is the evidence, with its verification', async () => {
  const { decision } = await findRollbackTarget(world.work, {
    suite: 'refund-bot',
    from: bad(),
    baseline: good(),
  });
  const report = await writeIncident(world.work, { good: good(), bad: bad() });
  expect(report.rollback?.decision.decision).toBe(decision.decision);
  const markdown = incidentMarkdown(report);
  expect(markdown).toContain(`**${decision.decision}**`);
  expect(markdown).toContain('Whether it was put into production is not recorded here.');
});

test('hostile answers stay quoted in Markdown and page', async () => {
  await using dir = await temporaryFolder();
  const hostile = await incidentWorld(
    dir.path,
    `${HOSTILE.slice(0, 13).join('\n')}\n\`\`\`\n@team ::set-output name=x::y`,
  );
  try {
    const report = await writeIncident(hostile.work, {
      good: hostile.nights[5]?.id ?? '',
      bad: hostile.nights[9]?.id ?? '',
    });
    const markdown = incidentMarkdown(report);
    const outside = markdown.replace(/^(`{3,})(text|diff)\n[\s\S]*?\n\1$/gm, '');
    expect(outside).not.toMatch(/(?<!\\)<(script|img|svg|iframe)/);
    expect(outside).not.toContain('@team');
    expect(markdown).not.toMatch(/^::set-output/m);
    const html = incidentHtml(report);
    expect(html).not.toMatch(/<(script|iframe|img|object|base|link|form)\b/);
  } finally {
    await hostile.store.close();
  }
});

describe('events from a file', () => {
  test('YAML, JSON and JSON lines; a failed input becomes a draft', async () => {
    await using dir = await temporaryFolder();
    const event = { at: '2026-03-07', kind: 'provider', text: 'new weights announced' };
    const failed = { id: 'from-ticket-9', vars: { ticket: 'Refund?' }, grade: [{ icontains: 'refund' }] };
    for (const [name, text] of [
      ['events.yaml', '- { at: "2026-03-07", kind: provider, text: new weights announced }\n'],
      ['events.json', JSON.stringify([event])],
      ['events.jsonl', `${JSON.stringify({ ...event, case: failed })}\n`],
    ] as const) {
      const file = join(dir.path, name);
      await writeFile(file, text);
      const { entries, cases } = await readEvents(file);
      expect(entries).toEqual([
        {
          at: '2026-03-07T00:00:00.000Z',
          kind: 'provider',
          text: 'new weights announced',
          source: 'file',
          ref: undefined,
        },
      ]);
      expect(cases).toEqual(name === 'events.jsonl' ? [failed] : []);
    }
    const told = await readEvents(join(dir.path, 'events.jsonl'));
    const report = await writeIncident(world.work, { good: good(), bad: bad(), given: told });
    expect(report.coverage.drafts[0]).toMatchObject({
      id: 'from-ticket-9',
      source: { kind: 'incident', ref: bad() },
    });
    expect(report.timeline.some((e) => e.source === 'file')).toBe(true);
  });

  test('a wrong key is named with its line', async () => {
    await using dir = await temporaryFolder();
    const file = join(dir.path, 'events.yaml');
    await writeFile(
      file,
      '- { at: "2026-03-07", kind: deploy, text: fine }\n- { at: "2026-03-08", kin: deploy, text: x }\n',
    );
    await expect(readEvents(file)).rejects.toThrow(/kin/);
  });

  test('times without a zone are UTC; nonsense is refused', () => {
    expect(isoTime('2026-03-15T02:00', '--since')).toBe('2026-03-15T02:00:00.000Z');
    expect(isoTime('2026-03-15 02:00+01:00', '--since')).toBe('2026-03-15T01:00:00.000Z');
    expect(() => isoTime('yesterday', '--since')).toThrow(/--since/);
  });
});

describe('the command', () => {
  test('writes Markdown, page, JSON and the drafted cases', async () => {
    const cli = (...args: string[]) =>
      lastgoodHere(['incident', '--db', world.db, '--suite', 'refund-bot', '--quiet', ...args], {
        cwd: folder.path,
      });
    const text = await cli(
      '--good',
      good(),
      '--bad',
      'latest',
      '--since',
      '2026-03-08',
      '--detected',
      '2026-03-10T09:00Z',
      '--cases-out',
      'drafts.jsonl',
    );
    expect(text.stderr).toBe('written: drafts.jsonl\n');
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^REGRESSED {2}refund-bot got worse: pass rate 100\.0 % → 33\.3 %/);
    expect((await cli('--good', good(), '--verbose')).stdout).toContain('# Post-mortem: refund-bot');
    expect((await readFile(join(folder.path, 'drafts.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(16);
    const page = await cli('--good', good(), '--format', 'html', '-o', 'incident.html');
    expect(page.code).toBe(0);
    expect(await readFile(join(folder.path, 'incident.html'), 'utf8')).toContain('<svg');
    const data = json<IncidentReport>(await cli('--good', good(), '--json'));
    expect(data).toMatchObject({ schemaVersion: 1, kind: 'incident', suite: 'refund-bot' });
  });

  test('3 when no regression is shown, 2 when the words are wrong', async () => {
    const cli = (...args: string[]) =>
      lastgoodHere(['incident', '--db', world.db, '--suite', 'refund-bot', '--quiet', ...args], {
        cwd: folder.path,
      });
    expect((await cli('--good', world.nights[1]?.id ?? '', '--bad', good())).code).toBe(3);
    const order = await cli('--good', good(), '--since', '2026-03-09', '--detected', '2026-03-08');
    expect(order.code).toBe(2);
    expect(order.stderr).toContain('--detected');
    const same = await cli('--good', good(), '--bad', good());
    expect(same.code).toBe(2);
    expect(same.stderr).toContain('both references mean');
  });

  test('diff writes the page with the trials of every case', async () => {
    const run = await lastgoodHere(
      ['diff', good(), bad(), '--db', world.db, '--format', 'html', '-o', 'report.html', '--quiet'],
      { cwd: folder.path },
    );
    expect(run.code).toBe(1);
    const html = await readFile(join(folder.path, 'report.html'), 'utf8');
    expect(html).toContain('Every trial, grade and reason (3 before, 3 after)');
    expect(html).toContain('lower since 2026-03-08');
    expect(html).toContain('Length, characters: before p50');
  });
});

describe('docs/incident.md and docs/html-report.md', () => {
  test('every command shown runs', async () => {
    const events = ((await readFile(join(ROOT, 'docs/incident.md'), 'utf8')).match(
      /```yaml\n([\s\S]*?)```/,
    ) ?? [])[1];
    await writeFile(join(folder.path, 'events.yaml'), events ?? '');
    await world.store.bless({
      snapshot: good(),
      suite: 'refund-bot',
      by: 'test',
      why: 'a quiet night',
      at: '2026-03-06T08:00:00.000Z',
      overrode: [],
    });
    const shown: string[] = [];
    for (const page of ['docs/incident.md', 'docs/html-report.md'])
      for (const block of (await readFile(join(ROOT, page), 'utf8')).matchAll(/```sh\n([\s\S]*?)```/g))
        shown.push(...(block[1] ?? '').trim().split('\n'));
    expect(shown).toHaveLength(5);
    for (const line of shown) {
      const run = await lastgoodHere([...line.split(' ').slice(1), '--db', world.db, '--quiet'], {
        cwd: folder.path,
      });
      expect([line, run.code, run.stderr.replace(/^written: .*\n/gm, '')]).toEqual([
        line,
        line.includes(' diff ') ? 1 : 0,
        '',
      ]);
    }
    const drafts = await readFile(join(folder.path, 'incident-cases.jsonl'), 'utf8');
    expect(JSON.parse(drafts.split('\n')[0] ?? '')).toMatchObject({
      id: 'ticket-9',
      source: { kind: 'incident' },
    });
    expect(await readFile(join(folder.path, 'post-mortem.md'), 'utf8')).toContain('2.4 days from its begin');
  });
});
