// The gate and the attribution: whose change was it, and may it go out?

import { describe, expect, it } from 'vitest';
import { compareSnapshots, floorRules } from '../../src/compare/index.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { block, options, snapshot } from './world.ts';

const steady = block('refund', 60, 'ppppp');

function rule(comparison: ReturnType<typeof compareSnapshots>, name: string) {
  return comparison.gate.rules.find((r) => r.rule === name);
}

describe('floors', () => {
  it('of the suite, a tag and a case are taken from the candidate alone', () => {
    const cases = [
      ...block('refund', 60, 'ppppp', { tags: ['refund'] }),
      { id: 'tone', trials: `pp${'f'.repeat(40)}`, tags: ['tone'], minPassRate: 0.8 },
    ];
    const comparison = compareSnapshots(
      snapshot('s-1', cases),
      snapshot('s-2', cases),
      options({ 'min-pass-rate': 0.9, tags: { tone: { 'min-pass-rate': 0.5 } } }),
    );
    expect(comparison.verdict).toBe('unchanged');
    expect(rule(comparison, 'min-pass-rate')).toMatchObject({ outcome: 'pass', limit: 0.9 });
    expect(rule(comparison, 'min-pass-rate:tag:tone')).toMatchObject({
      outcome: 'fail',
      limit: 0.5,
    });
    expect(rule(comparison, 'min-pass-rate:case:tone')?.message).toContain('4.8 % < 80.0 %');
    expect(comparison.gate.outcome).toBe('fail');
  });

  it('an estimate below a floor that the true rate may well reach is at risk, which warns', () => {
    const rules = floorRules(
      snapshot('s-1', [{ id: 'tone', trials: 'ppf', minPassRate: 0.8 }, ...steady]),
      resolvePolicy({}),
    );
    expect(rules).toMatchObject([{ rule: 'min-pass-rate:case:tone', outcome: 'warn' }]);
    expect(rules[0]?.message).toContain('at risk');
  });

  it('many floors of rates that reach them rarely fail one', () => {
    const rng = new Mt19937(8);
    let failed = 0;
    for (let world = 0; world < 200; world++) {
      const cases = Array.from({ length: 42 }, (_, i) => ({
        id: `c-${i}`,
        trials: Array.from({ length: 3 }, () => (rng.next() < 0.95 ? 'p' : 'f')).join(''),
        ...(i % 3 === 0 ? { minPassRate: 0.9 } : {}),
      }));
      const rules = floorRules(snapshot('s-1', cases), resolvePolicy({ 'min-pass-rate': 0.95 }));
      if (rules.some((r) => r.outcome === 'fail')) failed += 1;
    }
    expect(failed / 200).toBeLessThanOrEqual(0.03);
  });

  it('a floor on a tag nobody carries cannot be checked, which is not a pass', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', steady),
      snapshot('s-2', steady),
      options({ tags: { refnud: { 'min-pass-rate': 0.5 } } }),
    );
    expect(rule(comparison, 'min-pass-rate:tag:refnud')).toMatchObject({
      outcome: 'inconclusive',
      value: null,
    });
    expect(comparison.gate.outcome).toBe('inconclusive');
  });

  it('a floor met exactly holds, thirds and all', () => {
    const rules = floorRules(
      snapshot('s-1', [
        { id: 'a', trials: 'ppf' },
        { id: 'b', trials: 'pff' },
      ]),
      resolvePolicy({ 'min-pass-rate': 0.5 }),
    );
    expect(rules).toMatchObject([{ rule: 'min-pass-rate', outcome: 'pass' }]);
  });

  it('a case with a floor and no grade is inconclusive', () => {
    const rules = floorRules(
      snapshot('s-1', [
        { id: 'a', trials: 'jjj', minPassRate: 0.5 },
        { id: 'b', trials: 'p', minPassRate: 0.5 },
      ]),
      resolvePolicy({}),
    );
    expect(rules.map((r) => r.outcome)).toEqual(['pass', 'inconclusive']);
  });
});

describe('critical cases', () => {
  const critical = (trials: string) => ({ id: 'never-leak-card', trials, critical: true });

  it('one that regressed fails the gate although the suite did not', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...steady, critical('ppp')]),
      snapshot('s-2', [...steady, critical('fff')]),
      options(),
    );
    expect(comparison.verdict).not.toBe('regressed');
    // On the trials that made it look bad alone it is a suspicion; fresh trials of both sides make it a regression.
    expect(rule(comparison, 'critical:never-leak-card')?.outcome).toBe('inconclusive');
    expect(comparison.gate.outcome).toBe('inconclusive');
    const fresh = (trials: string) => snapshot('s-f', [critical(trials)]).cases;
    const confirmed = compareSnapshots(
      snapshot('s-1', [...steady, critical('ppp')]),
      snapshot('s-2', [...steady, critical('fff')]),
      options({}, { confirmation: { baseline: fresh('pppppppp'), candidate: fresh('ffffffff') } }),
    );
    expect(confirmed.verdict).toBe('regressed');
    expect(rule(confirmed, 'critical:never-leak-card')?.outcome).toBe('fail');
  });

  it('one that only looks worse could not be told', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...steady, critical('p')]),
      snapshot('s-2', [...steady, critical('f')]),
      options(),
    );
    expect(rule(comparison, 'critical:never-leak-card')?.outcome).toBe('inconclusive');
    expect(comparison.gate.outcome).toBe('inconclusive');
  });

  it('one flip among many trials of one of many critical cases is told and holds nothing up', () => {
    const others = block('never-leak', 8, 'p'.repeat(10), { critical: true });
    const comparison = compareSnapshots(
      snapshot('s-1', [...block('tone', 60, 'p'.repeat(10)), ...others, critical('p'.repeat(10))]),
      snapshot('s-2', [...block('tone', 60, 'p'.repeat(10)), ...others, critical('pppppppppf')]),
      options(),
    );
    expect(rule(comparison, 'critical:never-leak-card')?.outcome).not.toBe('inconclusive');
    expect(comparison.gate.outcome).toBe('pass');
  });

  it('one that could not be graded, or was taken out, was not compared and is never green', () => {
    const ungraded = compareSnapshots(
      snapshot('s-1', [...steady, critical('ppppp')]),
      snapshot('s-2', [...steady, critical('jjjjj')]),
      options(),
    );
    expect(rule(ungraded, 'critical:never-leak-card')?.outcome).toBe('inconclusive');
    const removed = compareSnapshots(
      snapshot('s-1', [...steady, critical('ppppp')]),
      snapshot('s-2', steady),
      options(),
    );
    expect(rule(removed, 'critical:never-leak-card')?.outcome).toBe('inconclusive');
    expect(removed.gate.outcome).toBe('inconclusive');
  });

  it('steady ones are counted', () => {
    const cases = [...steady, critical('ppppp')];
    const comparison = compareSnapshots(snapshot('s-1', cases), snapshot('s-2', cases), options());
    expect(rule(comparison, 'critical')).toMatchObject({ value: 1, outcome: 'pass' });
    expect(comparison.gate.outcome).toBe('pass');
  });
});

describe('attribution', () => {
  const broken = block('refund', 60, 'pffff');

  it('the same fingerprint and another behaviour point at the provider, with what was served', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', steady),
      snapshot('s-2', broken, { servedModels: ['refund-model-2026-04-01'] }),
      options(),
    );
    expect(comparison.attribution).toMatchObject({
      layersChanged: [],
      servedModelChanged: true,
      diagnosis: 'provider-side drift suspected',
    });
    expect(comparison.notes.join()).toContain('refund-model-2026-03-01 → refund-model-2026-04-01');
  });

  it('an undisclosed served model is no change', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', steady),
      snapshot('s-2', steady, { servedModels: [null] }),
      options(),
    );
    expect(comparison.attribution.servedModelChanged).toBe(false);
    expect(comparison.attribution.diagnosis).toBe('no change in configuration');
  });

  it('changed layers are named in reading order', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', steady),
      snapshot('s-2', broken, {
        fingerprint: 'f2',
        layerHashes: { route: 'r2', prompt: 'p2', params: 'new' },
      }),
      options(),
    );
    expect(comparison.attribution).toMatchObject({
      layersChanged: ['route', 'prompt', 'params'],
      diagnosis: 'route + prompt + params change',
    });
  });

  it('a system fingerprint that changed alone is seen', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', steady, { systemFingerprints: ['fp_1'] }),
      snapshot('s-2', steady, { systemFingerprints: ['fp_2'] }),
      options(),
    );
    expect(comparison.attribution).toMatchObject({
      servedModelChanged: false,
      systemFingerprintChanged: true,
    });
    expect(comparison.notes.join()).toContain('system fingerprint');
  });
});
