// A post-mortem in 25 lines, for a terminal: what happened, since when, why, the worst cases, what to do.

import { count, percent, when } from '../../base/numbers.ts';
import type { IncidentReport } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { gapText } from '../parts/incident-detection.ts';
import { sameAnswer } from '../parts/incident-document.ts';
import { productionSentence } from '../parts/incident-production.ts';
import { headline } from './comparison-text.ts';
import {
  beforeAfterLine,
  fitLines,
  fold,
  idList,
  labelled,
  type Part,
  SHOWN_CASES,
  WIDTH,
} from './short-lines.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';

/** The short report of an incident; the document has everything. */
export function incidentSummary(r: IncidentReport, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const { comparison: c } = r;
  const word = c.verdict.toUpperCase().replaceAll('-', ' ');
  const [first = '', ...more] = fold(headline(c, { interval: false }), WIDTH - word.length - 2, 4);
  const text = (label: string, said: string, lines: number): Part => ({
    lines: labelled(label, said, lines),
    least: 1,
  });
  const head: Part[] = [
    {
      lines: [
        `${verdictStyle(style, c.verdict)(style.bold(word))}  ${first}`,
        ...more.map((line) => `${' '.repeat(word.length + 2)}${line}`),
      ],
      least: 1,
    },
    ...(c.verdict === 'regressed' || c.overall.delta === null
      ? []
      : [text('reason', c.words ?? c.reason, 2)]),
    { lines: [...whenLines(r), ...whereLines(r)] },
    ...(sameAnswer(r) === '' ? [] : [text('answers', sameAnswer(r), 3)]),
    text('cause', causeText(r), 2),
    text('detected', gapText(r), 1),
    ...(r.production === undefined ? [] : [text('users', productionSentence(r), 3)]),
    text('coverage', r.coverage.sentence, 2),
    text('rollback', rollbackText(r), 2),
    ...caseParts(r, style),
  ];
  const tail = [
    ...(r.followUps.length === 0
      ? []
      : labelled(
          'to do',
          `${count(r.followUps.length, 'follow-up action')}, first: ${r.followUps[0]?.action ?? ''}`,
        )),
    `next: lastgood incident --suite ${terminalLine(r.suite, 60)} --good ${r.good.id} --bad ${r.bad.id} -o post-mortem.md`,
  ];
  const cautions = [
    ...[r.good, r.bad].flatMap((arm) =>
      arm.validity === 'valid' ? [] : labelled('warning', `snapshot ${arm.id} is ${arm.validity}`),
    ),
    ...(r.good.simulated || r.bad.simulated
      ? labelled('note', 'the answers come from recordings or a simulator, not from a live model')
      : []),
    ...r.unknowns.flatMap((text) => labelled('unknown', text)),
  ];
  const notes: Part = { lines: [], entries: cautions.map((line) => [line]), order: 2 };
  return `${fitLines([...head, notes, { lines: tail }]).join('\n')}\n`;
}

function whenLines({ detection: d, comparison: c }: IncidentReport): string[] {
  if (c.verdict !== 'regressed') return [];
  const began =
    d.since !== null
      ? `began ${when(d.since)} UTC; `
      : d.lastGood === null
        ? ''
        : `last good run ${when(d.lastGood.at)} UTC (${d.lastGood.id}); `;
  const over = d.resolvedAt === null ? '' : `; over ${when(d.resolvedAt)} UTC`;
  return labelled('when', `${began}first bad run ${when(d.firstBad.at)} UTC (${d.firstBad.id})${over}`, 2);
}

function whereLines({ behaviour, comparison: c }: IncidentReport): string[] {
  const tags = behaviour.categories
    .filter((s) => s.verdict === 'regressed')
    .slice(0, 2)
    .map((s) => `tag ${terminalLine(s.name, 30)}: ${share(s.before)} → ${share(s.after)} of trials fail`);
  const { passToFail, bothPass } = c.flips;
  return labelled(
    'where',
    [`${passToFail} of ${passToFail + bothPass} cases that passed fail now`, ...tags].join('; '),
  );
}

function share({ failed, trials }: { readonly failed: number; readonly trials: number }): string {
  return percent(trials === 0 ? null : failed / trials);
}

function causeText({ comparison: { attribution }, configuration: { good, bad } }: IncidentReport): string {
  const { layersChanged, diagnosis, servedModelChanged } = attribution;
  const model =
    good.model === bad.model ? '' : ` (model ${good.model ?? 'not named'} → ${bad.model ?? 'not named'})`;
  return layersChanged.length === 0
    ? `${diagnosis}; the release did not change${servedModelChanged ? ', but the provider served another model' : ''}`
    : `${diagnosis}; layers changed: ${layersChanged.join(', ')}${model}`;
}

function rollbackText({ rollback: last }: IncidentReport): string {
  if (last === null) return 'no decision since the bad run: lastgood rollback finds a target and verifies it';
  const { decision: d } = last;
  if (d.target === null) return `no target was found at ${when(last.at)} UTC: ${d.reason}`;
  return `${d.target.release} was ${d.decision === 'verified' ? 'verified by a fresh run' : 'named but NOT verified'} at ${when(last.at)} UTC`;
}

function caseParts({ behaviour, coverage }: IncidentReport, style: Style): Part[] {
  const worse = behaviour.examples.filter((e) => e.direction === 'worse');
  const total = Math.max(coverage.cases.length, worse.length);
  if (total === 0) return [];
  const title = `  ${style.bold(count(total, 'case'))} affected, worst first:`;
  if (worse.length === 0)
    return [{ lines: [title, `    ${terminalLine(idList(coverage.cases), WIDTH - 4)}`] }];
  const entries = worse
    .slice(0, SHOWN_CASES)
    .map((e) => [
      `    ${terminalLine(
        `${e.caseId}  ${e.beforePassed}/${e.beforeTrials} → ${e.afterPassed}/${e.afterTrials}  ${e.reasons.join('; ')}`,
        WIDTH - 4,
      )}`,
      beforeAfterLine(e.before, e.after, '      '),
    ]);
  return [{ lines: [title], entries, hidden: total - entries.length, indent: '    ', order: 1 }];
}
