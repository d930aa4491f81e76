// Release tickets: what is read, and what is refused with its place.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LastgoodError, LastgoodErrors } from '../../src/base/index.ts';
import { parseTicket, unfilledParts } from '../../src/rollout/index.ts';

const FILE = resolve(import.meta.dirname, '../../features/support-triage.yaml');
const SHIPPED = await readFile(FILE, 'utf8');

const MINIMAL = `feature: f
control: { release: a.yaml }
candidate: { release: b.yaml }
suite: s
stages: [{ percent: 10, for: 1h }, { percent: 100 }]
gates: [{ signal: errors, over: 200 calls, above: 1%, then: rollback }]
`;

function problems(
  text: string,
): { code: string; message: string; key: string | undefined; line: number | undefined }[] {
  try {
    parseTicket(text, '/t/features/f.yaml');
  } catch (error) {
    const all = error instanceof LastgoodErrors ? error.errors : [error as LastgoodError];
    return all.map((e) => ({ code: e.code, message: e.message, key: e.where.key, line: e.where.line }));
  }
  return [];
}

describe('a ticket', () => {
  it('has monitors, and a bad one is refused with its place', () => {
    const monitors = (change: string) =>
      `${MINIMAL}monitors:\n  - { signal: edits, reference: { from: 2026-01-05, to: 2026-02-01 }, change: ${change} }\n`;
    expect(parseTicket(MINIMAL, '/t/features/f.yaml').monitors).toEqual([]);
    expect(parseTicket(monitors('4 points'), '/t/features/f.yaml').monitors).toMatchObject([
      { name: 'edits', direction: 'both', change: { kind: 'points', value: 0.04 } },
    ]);
    expect(problems(monitors('20%'))).toMatchObject([{ key: 'monitors[0].change', line: 8 }]);
  });

  it('is read with its amounts as numbers and its files as paths', () => {
    const ticket = parseTicket(SHIPPED, FILE);
    expect(ticket.control.release).toBe(resolve(FILE, '../../suites/support-triage/releases/triage.yaml'));
    expect(ticket.stages.map((s) => [s.percent, s.forMs])).toEqual([
      [1, 4 * 3_600_000],
      [5, 86_400_000],
      [20, 48 * 3_600_000],
      [50, 86_400_000],
      [100, null],
    ]);
    expect(ticket.gates.map((g) => [g.signal, g.over, g.forMs, g.rule, g.action])).toEqual([
      [
        'schema-failures',
        { count: 200, unit: 'calls' },
        null,
        { kind: 'above', share: 0.01, whileControlBelow: 0.002 },
        'rollback',
      ],
      ['latency.p95', null, 1_800_000, { kind: 'times', times: 2, of: 'control-7d' }, 'rollback'],
      [
        'cost-per-completed',
        { count: 1000, unit: 'tasks' },
        null,
        { kind: 'times', times: 1.25, of: { approvedUsd: 0.012 } },
        'reduce',
      ],
      [
        'review-rejection',
        { count: 200, unit: 'reviewed' },
        null,
        { kind: 'worse-by', share: 0.05 },
        'pause',
      ],
      [
        'blocks',
        { count: 500, unit: 'calls' },
        null,
        { kind: 'times', times: 2, of: 'control' },
        'disable-segment',
      ],
      ['complaints', null, null, { kind: 'count', count: 3 }, 'freeze'],
    ]);
    expect(ticket.guard).toEqual({
      rate: { refund: { count: 20, perMs: 3_600_000 } },
      approveAbove: { refund: 100 },
      fail: 'closed',
    });
    expect(unfilledParts(ticket)).toEqual([]);
  });

  it('may lack what is decided later, and that is named', () => {
    const missing = unfilledParts(parseTicket(MINIMAL, '/t/features/f.yaml')).map((m) => m.key);
    expect(missing).toEqual([
      'workflow',
      'control.approved',
      'first-rollback',
      'fallbacks',
      ...['engineering', 'platform', 'product', 'risk', 'support', 'incident-commander'].map(
        (r) => `authority.${r}`,
      ),
      ...['unavailable', 'review-mode', 'regeneration-off', 'known-issue', 'corrected'].map(
        (m) => `messages.${m}`,
      ),
    ]);
  });

  it.each([
    ['an unknown key', 'gates:', 'gats:', 'TICKET_UNKNOWN_KEY', 'gats'],
    ['an unknown signal', 'signal: errors', 'signal: eror-rate', 'TICKET_BAD_VALUE', 'gates[0].signal'],
    ['an unknown action', 'then: rollback', 'then: panic', 'TICKET_BAD_VALUE', 'gates[0].then'],
    ['a share without its sign', 'above: 1%', 'above: 0.01', 'TICKET_BAD_VALUE', 'gates[0].above'],
    ['a share over the whole', 'above: 1%', 'above: 101%', 'TICKET_BAD_VALUE', 'gates[0].above'],
    ['a duration without its unit', 'for: 1h', 'for: 60', 'TICKET_BAD_VALUE', 'stages[0].for'],
    ['a ladder that falls', 'percent: 10,', 'percent: 100,', 'TICKET_BAD_VALUE', 'stages[1].percent'],
    ['a ladder that ends early', ', { percent: 100 }]', ']', 'TICKET_BAD_VALUE', 'stages'],
    ['a stage without a time', 'percent: 10, for: 1h', 'percent: 10', 'TICKET_MISSING_KEY', 'stages[0].for'],
    ['two rules in a gate', 'above: 1%', 'above: 1%, count: 3', 'TICKET_BAD_VALUE', 'gates[0]'],
    ['no rule in a gate', 'above: 1%, ', '', 'TICKET_BAD_VALUE', 'gates[0]'],
    ['times of nothing', 'above: 1%', 'times: 2', 'TICKET_BAD_VALUE', 'gates[0]'],
    ['a gate that sees nothing', 'over: 200 calls, ', '', 'TICKET_BAD_VALUE', 'gates[0]'],
    ['no candidate', 'candidate: { release: b.yaml }\n', '', 'TICKET_MISSING_KEY', 'candidate'],
    [
      'a flag of the six with a wrong value',
      'then: rollback',
      'then: rollback, and: { ai.action.mode: off }',
      'TICKET_BAD_VALUE',
      'gates[0].and.ai.action.mode',
    ],
    [
      'an ai flag that does not exist',
      'then: rollback',
      'then: rollback, and: { ai.mode: x }',
      'TICKET_BAD_VALUE',
      'gates[0].and.ai.mode',
    ],
  ])('refuses %s', (_, from, to, code, key) => {
    expect(MINIMAL).toContain(from);
    const found = problems(MINIMAL.replace(from, to));
    expect(found.map((p) => p.code)).toContain(code);
    const problem = found.find((p) => p.code === code);
    expect(problem?.key).toBe(key);
    if (code !== 'TICKET_MISSING_KEY') expect(problem?.line).toBeGreaterThan(0);
  });

  it('knows KPIs and judge scores by their names', () => {
    for (const signal of ['kpi:csat', 'judge-score:helpful'])
      expect(problems(MINIMAL.replace('signal: errors', `signal: "${signal}"`))).toEqual([]);
  });
});
