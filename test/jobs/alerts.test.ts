// Episodes: however the nights fall, a regression is told once when it opens and once when it ends.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NightDecision, NightLook } from '../../src/compare/decide-night.ts';
import { alertEvent, type Episode, nextEpisode } from '../../src/jobs/nightly/episodes.ts';
import { type AlertFacts, alertBody } from '../../src/report/ci/alert-body.ts';

const LOOK: NightLook = {
  look: 'night',
  outcome: 'quiet',
  p: 0.4,
  alpha: 0.05,
  delta: 0,
  interval: [-0.1, 0.1],
  drivenBy: 'suite',
  passRate: 0.9,
  baselinePassRate: 0.9,
  snapshots: ['s1'],
};

type Kind = 'quiet' | 'suspicious' | 'alarm' | 'dark' | 'untold';

function decision(kind: Kind): NightDecision {
  const bare = {
    reason: kind,
    cases: [],
    wanted: { rerun: false, cases: [], later: { rerun: false, cases: [] } },
    affected: { tag: null, cases: [] },
    minimumDetectable: null,
    notes: [],
  };
  switch (kind) {
    case 'dark':
      return { ...bare, outcome: 'unknown', looks: [] };
    case 'untold':
      return { ...bare, outcome: 'unknown', looks: [LOOK] };
    case 'alarm':
      return { ...bare, outcome: 'alarm', looks: [{ ...LOOK, outcome: 'suspicious' }] };
    case 'suspicious':
      return { ...bare, outcome: 'green', looks: [{ ...LOOK, outcome: 'suspicious' }] };
    case 'quiet':
      return { ...bare, outcome: 'green', looks: [LOOK] };
  }
}

interface Lived {
  readonly kind: Kind;
  readonly provenWell: boolean;
  readonly baseline: string;
}

test('every sequence of nights opens an episode only when none is open, and ends only what is open', async () => {
  const nights = fc.array(
    fc.record({
      kind: fc.constantFrom<Kind>('quiet', 'suspicious', 'alarm', 'dark', 'untold'),
      provenWell: fc.boolean(),
      baseline: fc.constantFrom('b1', 'b1', 'b1', 'b2'),
    }),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(nights, async (lived: readonly Lived[]) => {
      let open: Episode | null = null;
      const told: string[] = [];
      for (const [i, one] of lived.entries()) {
        const before: Episode | null = open;
        const next: Episode | null = await nextEpisode(
          before,
          {
            suite: 'refund-bot',
            series: 'nightly',
            at: `night ${i}`,
            snapshot: `s${i}`,
            evidence: [`s${i}`],
            baseline: one.baseline,
            decision: decision(one.kind),
            regressed: [],
          },
          async () => one.provenWell,
        );
        const event = next === null ? null : alertEvent(next);
        if (event !== null) told.push(event);
        if (before === null) expect(next === null).toBe(one.kind !== 'alarm');
        else {
          expect(next?.id).toBe(before.id);
          const ends = next?.status !== 'open';
          const newBaseline = before.baseline !== one.baseline;
          expect(ends).toBe(newBaseline || (one.kind === 'quiet' && one.provenWell));
        }
        open = next?.status === 'open' ? next : null;
      }
      for (const [i, event] of told.entries()) expect(event === 'regression.opened').toBe(i % 2 === 0);
    }),
  );
});

const FACTS: AlertFacts = {
  id: 'ep-s1-opened',
  event: 'regression.opened',
  suite: 'refund-bot',
  series: 'nightly',
  at: '2026-04-21T03:15:00.000Z',
  episode: { id: 'ep-s1', openedAt: '2026-04-21T03:15:00.000Z', nights: 1 },
  release: 'refund-bot',
  fingerprint: 'a'.repeat(64),
  snapshot: 's1',
  baseline: 's0',
  passRate: 0.81,
  baselinePassRate: 0.95,
  reason: 'run again: 95.0 % → 81.0 %',
  tag: 'refund',
  regressed: Array.from({ length: 40 }, (_, i) => `refund-${i}`),
  diagnosis: 'provider-side drift suspected',
  servedModels: ['bot-1', null],
  events: [{ at: '2026-04-20T10:00:00.000Z', kind: 'deploy', text: 'v14 <!channel> & more' }],
  next: 'lastgood rollback refund-bot --from s1',
  simulated: false,
};

test('the body holds what programs need, and no markup of ours or of others reaches Slack', () => {
  const body = alertBody(FACTS);
  expect(body).toMatchObject({
    schemaVersion: 1,
    kind: 'alert',
    event: 'regression.opened',
    regressedCount: 40,
    text: '🔴 refund-bot regressed: 95.0 % → 81.0 % (−14.0 points)',
  });
  expect((body['regressed'] as string[]).length).toBe(20);
  const shown = JSON.stringify(body['blocks']);
  expect(shown).toContain('&lt;!channel&gt; &amp; more');
  expect(shown).not.toContain('<!channel>');
  const long = alertBody({ ...FACTS, reason: 'x'.repeat(9000) })['blocks'] as { text: { text: string } }[];
  expect(long[1]?.text.text.length).toBeLessThanOrEqual(3000);
  expect(alertBody({ ...FACTS, event: 'regression.recovered' })['text']).toMatch(
    /^🟢 refund-bot is well again/,
  );
});
