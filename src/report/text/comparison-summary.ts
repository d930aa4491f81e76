// A comparison in 25 lines: what happened, where, how sure, why, the worst cases, the next command.

import { shortHash } from '../../base/index.ts';
import { count, percent, points, when } from '../../base/numbers.ts';
import type { ArmSummary, Cause, Comparison, GateRule, PairedDelta } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { hasPool, poolText } from '../parts/pool.ts';
import { headline, isPaired, trialsNeededText } from './comparison-text.ts';
import {
  beforeAfterLine,
  fitLines,
  fold,
  idList,
  labelled,
  list,
  type Part,
  SHOWN_CASES,
  WIDTH,
} from './short-lines.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';

export interface SummaryOptions {
  readonly style?: Style;
  /** Command to suggest at the end. */
  readonly next?: string | undefined;
  /** Shown below the two snapshots: what the run or the check has to say. */
  readonly below?: readonly Part[];
  /** Does `below` name the pool? */
  readonly poolBelow?: boolean;
}

const WORDS: Readonly<Record<Comparison['verdict'], string>> = {
  regressed: 'REGRESSED',
  improved: 'IMPROVED',
  unchanged: 'UNCHANGED',
  'no-regression-found': 'NO REGRESSION FOUND',
  inconclusive: 'INCONCLUSIVE',
  invalid: 'INVALID',
};

/** The short report. Nothing that changes how the verdict is read is left out: at the least its number is given. */
export function comparisonSummary(c: Comparison, options: SummaryOptions = {}): string {
  return `${fitLines(comparisonParts(c, options)).join('\n')}\n`;
}

/** The short report in pieces, for reports that show more than a comparison. */
export function comparisonParts(c: Comparison, options: SummaryOptions = {}): Part[] {
  const style = options.style ?? PLAIN;
  const word = WORDS[c.verdict];
  const [first = '', ...more] = fold(headline(c, { interval: false }), WIDTH - word.length - 2, 4);
  const paired = c.cases.filter(isPaired);
  const regressed = worstFirst(paired, (d) => d.verdict === 'regressed');
  const suspected = worstFirst(paired, (d) => d.verdict === 'inconclusive' && d.delta < 0);
  const improved = paired.filter((d) => d.verdict === 'improved');
  return [
    {
      lines: [
        `${verdictStyle(style, c.verdict)(style.bold(word))}  ${first}`,
        ...more.map((line) => `${' '.repeat(word.length + 2)}${line}`),
      ],
      least: 1,
    },
    { lines: whereLines(c, regressed) },
    // Where nothing was compared, the headline has the reason.
    ...(c.overall.delta === null
      ? []
      : [{ lines: labelled('sure', sureText(c), isProven(c) ? 2 : 4), least: 1 }]),
    { lines: labelled('cause', causeText(c), 2), least: 1 },
    ...caseParts(regressed, suspected, style),
    { lines: improved.length > 0 ? labelled('better', idsText(improved)) : [] },
    gatePart(c, style),
    { lines: [], entries: cautionLines(c).map((line) => [line]), order: 4 },
    {
      lines: [
        ...armLine('baseline', c.baseline),
        ...(options.poolBelow !== true && hasPool(c) ? labelled('pool', poolText(c) ?? '') : []),
        ...armLine('candidate', c.candidate),
      ],
    },
    ...(options.below ?? []),
    { lines: options.next === undefined ? [] : [`next: ${options.next}`] },
  ];
}

/** In the order in which answers are kept with a comparison. */
function worstFirst(
  paired: readonly PairedDelta[],
  chosen: (d: PairedDelta) => boolean,
): readonly PairedDelta[] {
  return paired.filter(chosen).sort((a, b) => a.delta - b.delta || (a.id < b.id ? -1 : 1));
}

function idsText(deltas: readonly PairedDelta[], room = 62): string {
  return `${count(deltas.length, 'case')}: ${idList(
    deltas.map((d) => d.id),
    room,
  )}`;
}

function whereLines(c: Comparison, regressed: readonly PairedDelta[]): string[] {
  const tags = c.slices
    .filter((s) => s.verdict === 'regressed')
    .sort((a, b) => a.delta - b.delta)
    .map(
      (s) =>
        `tag ${terminalLine(s.tag, 30)} ${percent(s.baseline.passRate)} → ${percent(s.candidate.passRate)}`,
    );
  const critical = regressed.filter((d) => d.critical).map((d) => d.id);
  const shown = tags.length > 2 ? [...tags.slice(0, 2), `${tags.length - 2} more tags`] : tags;
  const cases = regressed.length > 0 ? [`${count(regressed.length, 'case')} regressed`] : [];
  return [
    ...(tags.length === 0 && cases.length === 0 ? [] : labelled('where', [...cases, ...shown].join('; '))),
    ...(critical.length === 0
      ? []
      : labelled(
          'critical',
          `${count(critical.length, 'critical case')} regressed: ${idList(critical, 60)}`,
        )),
  ];
}

function isProven({ verdict }: Comparison): boolean {
  return verdict === 'regressed' || verdict === 'improved';
}

/** How sure the verdict is, in a clause; what an undecided one needs. */
function sureText(c: Comparison): string {
  const { overall, engine, verdict } = c;
  const confirmed = c.cases.filter(
    (d) => isPaired(d) && d.verdict === 'regressed' && d.evidence === 'confirmed',
  );
  const onFresh =
    confirmed.length === 0 ? '' : `${count(confirmed.length, 'case')} confirmed on fresh trials`;
  const driver =
    overall.drivenBy === null || overall.drivenBy === 'suite'
      ? 'the whole suite'
      : `tag ${terminalLine(overall.drivenBy, 40)}`;
  const proven = (p: number | null): boolean => p !== null && p <= engine.alphaAggregate;
  if (verdict === 'regressed' && proven(overall.pRegression))
    return [`${driver} fell by more than chance explains`, onFresh].filter((part) => part !== '').join('; ');
  if (verdict === 'improved' && proven(overall.pImprovement))
    return `${driver} rose by more than chance explains`;
  const needs =
    verdict === 'inconclusive' && overall.trialsNeeded !== null && !c.reason.includes('settle')
      ? `; about ${trialsNeededText(c)} would settle it`
      : '';
  return `${c.words ?? c.reason}${needs}`;
}

const CAUSES: Readonly<Record<Exclude<Cause, 'neither'>, string>> = {
  change: 'your change: worse than the baseline release, both run today',
  world: 'the world moved, not your change: the baseline release does no better today',
  both: 'both: your change makes it worse, and the baseline release moved too',
};

function causeText(c: Comparison): string {
  const { layersChanged, diagnosis, servedModelChanged, servedModels } = c.attribution;
  const said = c.cause == null || c.cause === 'neither' ? '' : CAUSES[c.cause];
  const model = (models: readonly (string | null)[]): string =>
    models.length === 0 ? 'none' : models.map((m) => m ?? 'not disclosed').join(', ');
  const layers =
    layersChanged.length === 0 || layersChanged.every((layer) => diagnosis.includes(layer))
      ? ''
      : `layers changed: ${layersChanged.join(', ')}`;
  return [
    said,
    diagnosis,
    layers,
    servedModelChanged
      ? `served model ${model(servedModels.baseline)} → ${model(servedModels.candidate)}`
      : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function armLine(name: string, arm: ArmSummary): string[] {
  const notes = [
    arm.validity === 'valid' ? '' : arm.validity.toUpperCase(),
    arm.simulated ? 'simulated or recorded' : '',
    arm.imported === true ? 'imported' : '',
  ].filter((note) => note !== '');
  return labelled(
    name,
    `${arm.id}  ${terminalLine(arm.release, 30)} ${shortHash(arm.fingerprint)}, ${when(arm.startedAt)} UTC${notes.length === 0 ? '' : `, ${notes.join(', ')}`}`,
  );
}

/** The rules that did not pass. Warnings are cautions. */
function gatePart(c: Comparison, style: Style): Part {
  const rules = c.gate.rules.filter((r) => r.rule !== 'verdict');
  const line = (mark: string, r: GateRule): string =>
    `    ${mark} ${terminalLine(r.words ?? r.message, WIDTH - 10)}`;
  const failed = rules.filter((r) => r.outcome === 'fail').map((r) => line(style.red('FAIL'), r));
  const open = rules.filter((r) => r.outcome === 'inconclusive').map((r) => line(style.yellow('open'), r));
  return {
    ...list([...failed, ...open], 3, { indent: '    ', order: 1 }),
    lines: [`  ${'gate'.padEnd(9)}  ${verdictStyle(style, c.gate.outcome)(c.gate.outcome)}`],
  };
}

/** What a reader has to know before believing the numbers: most serious first. */
function cautionLines(c: Comparison): string[] {
  const { missing, added, removed, edited, ungraded } = c.coverage;
  const complete =
    missing.baseline.missing + missing.candidate.missing === 0 &&
    added.length + removed.length + edited.length + ungraded.length === 0;
  const warned = c.gate.rules.filter((r) => r.outcome === 'warn' && !r.rule.startsWith('coverage:'));
  const warnings = (ofChannels: boolean): string[] =>
    warned
      .filter((r) => r.rule.startsWith('channel:') === ofChannels)
      .flatMap((r) => labelled('warning', r.words ?? r.message));
  const repeated = c.multiplicity !== undefined && c.multiplicity.role !== 'first';
  return [
    ...(complete ? [] : labelled('coverage', `${c.coverage.sentence}${examText(c)}${ungradedText(c)}`, 2)),
    ...(repeated ? labelled('repeated', c.multiplicity?.sentence ?? '') : []),
    ...warnings(false),
    ...c.notes.filter((note) => !SHOWN_ELSEWHERE.test(note)).flatMap((note) => labelled('note', note)),
    ...warnings(true),
  ];
}

/** Cases count as edited where the exam is another one; grading again makes them comparable. */
function examText({ attribution: { examChanged } }: Comparison): string {
  return examChanged.length === 0 ? '' : ` (exam changed: ${examChanged.join(', ')}; lastgood regrade helps)`;
}

/** Trials without a grade on each side, with the reasons. */
function ungradedText({ coverage: { missing } }: Comparison): string {
  return (['baseline', 'candidate'] as const)
    .filter((side) => missing[side].missing > 0)
    .map((side) => {
      const { planned, missing: without, byReason } = missing[side];
      const reasons = Object.entries(byReason).map(([reason, n]) => `${n} ${reason}`);
      return `; ${side}: ${without} of ${count(planned, 'trial')} without a grade (${reasons.join(', ')})`;
    })
    .join('');
}

/** Notes whose content the lines of the two snapshots carry. */
const SHOWN_ELSEWHERE = /answers come from a simulator or a recording$|^the baseline is pooled over/;

function caseParts(
  regressed: readonly PairedDelta[],
  suspected: readonly PairedDelta[],
  style: Style,
): Part[] {
  const shown = regressed.length > 0 ? regressed : suspected;
  if (shown.length === 0) return [];
  const title = regressed.length > 0 ? 'regressed' : 'possibly worse (not proven)';
  return [
    {
      lines: [`  ${style.bold(count(shown.length, 'case'))} ${title}, worst first:`],
      entries: shown.slice(0, SHOWN_CASES).map((d) => caseBlock(d, style)),
      hidden: Math.max(0, shown.length - SHOWN_CASES),
      indent: '    ',
      order: 1,
    },
    {
      lines:
        regressed.length > 0 && suspected.length > 0
          ? labelled('suspected', `possibly worse (not proven), ${idsText(suspected, 40)}`)
          : [],
    },
  ];
}

/** Counts and the grader's words on one line, an answer of each side on the next. */
function caseBlock(d: PairedDelta, style: Style): string[] {
  const id = terminalLine(d.id, 44);
  const counts = `${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials}`;
  const what = `${d.critical ? ' (critical)' : ''}  ${counts}${d.evidence === null ? '' : `  ${d.evidence}`}`;
  const why = d.example?.candidateReasons.join('; ') ?? '';
  const room = WIDTH - id.length - what.length - 6;
  return [
    `    ${style.bold(id)}${what}${why === '' || room < 12 ? '' : `  ${style.dim(terminalLine(why, room))}`}`,
    ...(d.example === undefined ? [] : [beforeAfterLine(d.example.baseline, d.example.candidate, '      ')]),
  ];
}

/** The size of the change alone, for tables. */
export function changeText(c: Comparison): string {
  return c.overall.delta === null
    ? 'not compared'
    : `${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)} (${points(c.overall.delta)})`;
}
