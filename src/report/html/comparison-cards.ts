// The numbers of a comparison that a reader wants first, as cards.

import { count, percent, pointInterval, points } from '../../base/numbers.ts';
import type { Comparison } from '../../core/index.ts';
import { againstText, isPaired } from '../text/comparison-text.ts';
import type { Html } from './html.ts';
import { type Card, summaryCards } from './html-cards.ts';
import { tone } from './html-page.ts';

export function comparisonCards(c: Comparison): Html {
  const { overall, gate } = c;
  const regressed = c.cases.filter(isPaired).filter((d) => d.verdict === 'regressed');
  const suspected = c.cases
    .filter(isPaired)
    .filter((d) => d.verdict === 'inconclusive' && d.delta < 0).length;
  const critical = regressed.filter((d) => d.critical).length;
  const bad = gate.rules.filter((r) => r.outcome === 'fail').length;
  const { missing } = c.coverage;
  const lost = missing.baseline.missing + missing.candidate.missing;
  const partial = c.coverage.added.length + c.coverage.removed.length + c.coverage.edited.length > 0;
  const cards: Card[] = [
    {
      name: 'Pass rate',
      value: `${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)}`,
      detail: c.coverage.sentence,
    },
    {
      name: 'Change',
      value: overall.delta === null ? 'not compared' : points(overall.delta),
      detail:
        overall.interval === null
          ? undefined
          : `${Math.round(100 * overall.confidence)} % interval ${pointInterval(overall.interval)}${againstText(c)}`,
      tone: tone(c.verdict),
    },
    {
      name: 'Cases regressed',
      value: String(regressed.length),
      detail: [
        critical === 0 ? '' : `${count(critical, 'critical case')}`,
        suspected === 0 ? '' : `${suspected} more possibly worse (not proven)`,
      ]
        .filter((part) => part !== '')
        .join('; '),
      tone: regressed.length > 0 ? 'bad' : undefined,
    },
    {
      name: 'Cause',
      value: c.attribution.diagnosis,
      detail:
        c.attribution.layersChanged.length === 0
          ? 'no layer changed'
          : `layers changed: ${c.attribution.layersChanged.join(', ')}`,
    },
    {
      name: 'Gate',
      value: gate.outcome,
      detail: bad === 0 ? undefined : `${count(bad, 'rule')} failed`,
      tone: tone(gate.outcome),
    },
  ];
  if (lost > 0 || partial)
    cards.push({
      name: 'Not compared',
      value: lost > 0 ? count(lost, 'trial') : 'some cases',
      detail: lost > 0 ? 'without a grade' : c.coverage.sentence,
      tone: 'warn',
    });
  return summaryCards(cards);
}
