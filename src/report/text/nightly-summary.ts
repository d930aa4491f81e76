// A night in a few lines: is all well, what fell, why, the worst cases, the next command.

import { shortHash } from '../../base/index.ts';
import { count, percent, points, signed, when } from '../../base/numbers.ts';
import { terminalLine } from '../parts/escape.ts';
import { passRateText, spent, spentOnAll } from '../parts/format.ts';
import { isPaired } from './comparison-text.ts';
import { alertLines, findingTexts, NIGHT_WORDS, type NightlyFacts, nightStyle } from './nightly-text.ts';
import { beforeAfterLine, fitLines, labelled, list, type Part, SHOWN_CASES, WIDTH } from './short-lines.ts';
import { PLAIN, type Style } from './style.ts';

/** Alerts of one night that are listed. */
const MOST_ALERTS = 4;

/** The short report of one night: five lines or so where all is well. */
export function nightlySummary(f: NightlyFacts, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const s = f.night.summary;
  const loud = f.state !== 'green';
  const number = f.record.number === null ? '' : `, night ${f.record.number} of this baseline`;
  const word = NIGHT_WORDS[f.state] ?? f.state;
  const about = terminalLine(
    `${s.suite} × ${s.release} ${shortHash(s.fingerprint)}, ${when(s.startedAt)} UTC${number}`,
    WIDTH - word.length - 2,
  );
  const events = f.events
    .slice(-3)
    .flatMap((e) => labelled('event', `${when(e.at)} UTC, ${e.kind}: ${e.text}`));
  const findings = [...findingTexts(f, { statistics: false }), ...trendTexts(f)].flatMap((text) =>
    labelled('finding', text),
  );
  const parts: Part[] = [
    { lines: [`${style.bold(nightStyle(style, f.state)(word))}  ${about}`] },
    { lines: changeLines(f), least: 1 },
    { lines: loud ? labelled('reason', f.words ?? f.reason, 3) : [], least: loud ? 1 : 0 },
    { lines: causeLines(f) },
    ...(loud ? casesPart(f, style) : []),
    { lines: [], entries: [...findings, ...events].map((line) => [line]), order: 2 },
    { lines: [...runLines(f), ...baselineLines(f)] },
    list(alertLines(f, style, 45), MOST_ALERTS, { order: 1 }),
    { lines: loud ? [`next: ${f.next}`] : [] },
  ];
  return `${fitLines(parts).join('\n')}\n`;
}

/** The size of the change, and how small a drop this night alone would have missed. */
function changeLines({ night, baseline }: NightlyFacts): string[] {
  const look = night.decision?.looks[0];
  if (look === undefined || baseline === null) return labelled('pass rate', passRateText(night.summary), 2);
  const blind = night.decision?.minimumDetectable;
  const unseen =
    blind == null ? '' : `; one night alone would miss a drop under ${(100 * blind).toFixed(1)} points`;
  return labelled(
    'pass rate',
    `${percent(look.baselinePassRate)} → ${percent(look.passRate)} (${signed(100 * look.delta)} points)${unseen}`,
    2,
  );
}

/** Whose change it may be; the findings name what moved. */
function causeLines({ night, state }: NightlyFacts): string[] {
  const attribution = (night.rerun?.comparison ?? night.comparison)?.attribution;
  if (attribution === undefined || !['alarm', 'still', 'watch'].includes(state)) return [];
  return labelled('cause', attribution.diagnosis);
}

interface WorseCase {
  readonly id: string;
  readonly text: string;
  readonly critical: boolean;
}

/** Cases that the night proved or lists, then those that its comparison calls regressed. */
function worseCases({ night }: NightlyFacts): readonly WorseCase[] {
  const compared = (night.rerun?.comparison ?? night.comparison)?.cases ?? [];
  const critical = new Set(compared.filter((c) => c.critical).map((c) => c.id));
  const proven = (night.decision?.cases ?? [])
    .filter((c) => c.outcome === 'alarm' || c.outcome === 'listed')
    .sort((a, b) => Number(b.outcome === 'alarm') - Number(a.outcome === 'alarm'))
    .map((c) => ({
      id: c.id,
      critical: critical.has(c.id),
      text: `${c.baseline.passed}/${c.baseline.trials} → ${c.tonight.passed}/${c.tonight.trials}${c.fresh === null ? '' : `, fresh trials ${c.fresh.passed}/${c.fresh.trials}`}  ${c.outcome === 'alarm' ? 'regressed' : 'possibly worse (not proven)'}`,
    }));
  const known = new Set(proven.map((c) => c.id));
  const others = compared
    .filter(isPaired)
    .filter((c) => c.verdict === 'regressed' && !known.has(c.id))
    .sort((a, b) => a.delta - b.delta)
    .map((c) => ({
      id: c.id,
      critical: c.critical,
      text: `${c.baseline.passed}/${c.baseline.trials} → ${c.candidate.passed}/${c.candidate.trials}  ${c.evidence ?? ''}`.trimEnd(),
    }));
  return [...proven, ...others];
}

function casesPart(f: NightlyFacts, style: Style): Part[] {
  const worse = worseCases(f);
  if (worse.length === 0) return [];
  const examples = new Map(
    [f.night.comparison, f.night.rerun?.comparison]
      .flatMap((c) => c?.cases ?? [])
      .flatMap((c) => ('example' in c && c.example !== undefined ? [[c.id, c.example] as const] : [])),
  );
  const entry = ({ id, text, critical }: WorseCase): string[] => {
    const example = examples.get(id);
    return [
      `    ${style.bold(terminalLine(id, 44))}${critical ? ' (critical)' : ''}  ${text}`,
      ...(example === undefined ? [] : [beforeAfterLine(example.baseline, example.candidate, '      ')]),
    ];
  };
  return [
    {
      lines: [`  ${style.bold(count(worse.length, 'case'))} worse than the baseline, worst first:`],
      entries: worse.slice(0, SHOWN_CASES).map(entry),
      hidden: Math.max(0, worse.length - SHOWN_CASES),
      indent: '    ',
      order: 1,
    },
  ];
}

function runLines({ night }: NightlyFacts): string[] {
  const s = night.summary;
  const runs = [s, ...(night.rerun === null ? [] : [night.rerun.summary]), ...night.fresh];
  const lost = (
    [
      [s.failed, 'failed'],
      [s.skipped, 'skipped'],
      [s.ungraded, 'ungraded'],
    ] as const
  )
    .filter(([n]) => n > 0)
    .map(([n, what]) => `, ${n} ${what}`)
    .join('');
  const stopped = night.spent.stoppedBy === null ? '' : `; stopped by ${night.spent.stoppedBy}`;
  return labelled(
    'run',
    `${s.id}: ${s.answered} of ${count(s.plannedTrials, 'trial')} answered${lost}${stopped}; ${count(night.spent.calls, 'call')}, cost ${spent(spentOnAll(runs))}`,
  );
}

function baselineLines({ baseline, previous, sentinel, night: { summary } }: NightlyFacts): string[] {
  const judge =
    sentinel.kind === 'none'
      ? `no sentinel: ${sentinel.why}`
      : `judge agrees on ${sentinel.agreed} of ${count(sentinel.outputs, 'frozen output')}${sentinel.ungraded > 0 ? `, ${sentinel.ungraded} without a verdict` : ''}`;
  const last =
    previous === null || previous.delta === null
      ? ''
      : `; ${points(previous.delta)} against the night before`;
  const pool =
    baseline === null
      ? []
      : labelled(
          'baseline',
          `${baseline.id} of ${baseline.at.slice(0, 10)}, ${baseline.pooled === 1 ? 'a single run' : `pool of ${baseline.pooled} runs`}${baseline.pooled < ENOUGH_POOLED ? `: too few to prove single cases (${ENOUGH_POOLED} are enough)` : ''}${last}`,
        );
  const served = summary.servedModels
    .map((m) => (m === null ? 'model not disclosed' : terminalLine(m, 30)))
    .join(', ');
  return [
    ...pool,
    ...labelled(
      'served',
      `${served || 'nothing'}${summary.simulated ? ' (simulated or recorded)' : ''}; ${judge}`,
      sentinel.kind === 'none' ? 2 : 1,
    ),
  ];
}

/** A slow decline that no single night shows. It raises no alarm, so the short report shows it. */
function trendTexts({ trend, budget }: NightlyFacts): string[] {
  const falls =
    trend !== null && trend.per30Nights !== null && trend.per30Nights < 0 && (trend.p ?? 1) < 0.05
      ? [`the pass rate falls by ${(-100 * trend.per30Nights).toFixed(1)} points per 30 nights`]
      : [];
  const crossed =
    trend?.cusum?.crossedAt == null
      ? []
      : [`the level has been lower since about ${trend.cusum.crossedAt.slice(0, 10)} (CUSUM)`];
  const old =
    budget !== null && budget.period > 1
      ? [`90-night stretch ${budget.period} of this baseline: review the baseline`]
      : [];
  return [...falls, ...crossed, ...old];
}

/** Baseline runs from which a broken case is named the same night nine times in ten. */
const ENOUGH_POOLED = 5;
