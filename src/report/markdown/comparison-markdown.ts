// A comparison as Markdown, for a pull-request comment or a file: verdict first, only sections with content, never too long to post.

import { shortHash } from '../../base/index.ts';
import { count, grouped, percent, pointInterval, points, pValue, signed, when } from '../../base/numbers.ts';
import type { CaseContent, Comparison, PairedDelta } from '../../core/index.ts';
import { expectedText, inputText } from '../parts/case-content.ts';
import { betweenRunsText, causeHeadline, causeLines } from '../parts/cause.ts';
import { cell, htmlText, logText, markdownFence, markdownText, terminalLine } from '../parts/escape.ts';
import { differingBlocks, differingLines } from '../parts/excerpt.ts';
import { leftOutTexts, poolText } from '../parts/pool.ts';
import { headline, isPaired, ladderLines, spentLines } from '../text/comparison-text.ts';

/** GitHub refuses longer comments. */
export const MARKDOWN_LIMIT = 65_536;

export interface MarkdownOptions {
  /** Most cases with before/after outputs (default 5). */
  readonly maxExamples?: number;
  readonly next?: string;
  /** Longest result in characters (default `MARKDOWN_LIMIT`); what is cut is said. */
  readonly limit?: number;
}

/** A part of a page that is kept or left out as a whole. */
export interface MarkdownSection {
  /** As the note names it when it is left out. */
  readonly name: string;
  readonly text: string;
  /** Kept first where there is not room for all; the page keeps its order. */
  readonly rank: number;
}

/** The sign and the word for a verdict. */
export const VERDICT_SIGN: Record<Comparison['verdict'], string> = {
  regressed: '❌ Regressed',
  improved: '✅ Improved',
  unchanged: '✅ Unchanged',
  'no-regression-found': '✅ No regression found',
  inconclusive: '⚠️ Inconclusive',
  invalid: '⚠️ Not comparable',
};

const MOST_REGRESSED = 50;
const MOST_OTHERS = 10;
const MOST_SLICES = 40;
const MOST_RULES = 20;
/** Rules shown unfolded. */
const MOST_TOLD = 6;
/** Characters of one cell and of one side of a before/after pair. */
const CELL = 300;
/** Cases, and characters of each answer, in the table of the worst. */
const WORST = 5;
const ANSWER = 120;
const OUTPUT = 1500;
/** Characters of a case's input, and room for the notes of what was cut from an output. */
const INPUT = 800;
const NOTES = 120;

/** Hidden first line by which a later run finds its own comment and updates it. */
export function markdownMarker(name: string): string {
  return `<!-- lastgood:${name.replace(/[^\w.,]+/g, '-').slice(0, 200)} -->`;
}

/** The whole comparison, verdict first. */
export function comparisonMarkdown(c: Comparison, options: MarkdownOptions = {}): string {
  const head: MarkdownSection = {
    name: 'verdict',
    rank: 0,
    text: `${markdownMarker(c.suite)}\n## ${VERDICT_SIGN[c.verdict]}: ${cell(headline(c, { interval: false }), 500)}\n`,
  };
  const next =
    options.next === undefined
      ? []
      : [{ name: 'next command', rank: 1, text: `Next: ${markdownCode(options.next)}\n` }];
  return fitSections([head, ...comparisonSections(c, { ...options, next })], options.limit ?? MARKDOWN_LIMIT);
}

/** Everything below the headline: the answer, the worst cases, `next`, then the folded details. `level` is that of the headings. */
export function comparisonSections(
  c: Comparison,
  options: {
    readonly maxExamples?: number;
    readonly level?: number;
    readonly next?: readonly MarkdownSection[];
  } = {},
): MarkdownSection[] {
  const h = '#'.repeat(options.level ?? 3);
  const paired = c.cases.filter(isPaired);
  const regressed = paired.filter((d) => d.verdict === 'regressed').sort((a, b) => a.delta - b.delta);
  const suspected = paired
    .filter((d) => d.verdict === 'inconclusive' && d.evidence === 'suspected' && d.delta < 0)
    .sort((a, b) => a.delta - b.delta);
  const improved = paired.filter((d) => d.verdict === 'improved').sort((a, b) => b.delta - a.delta);
  const sections = [
    section('gate', 0, gateLines(c)),
    section('worst cases', 1, worstLines(regressed, suspected, h)),
    section('attribution and coverage', 3, attributionLines(c)),
    ...(options.next ?? []),
    folded(
      'regressed cases',
      2,
      caseTable(regressed, MOST_REGRESSED),
      `Regressed cases: ${regressed.length}`,
    ),
    ...(regressed.length > 0 ? regressed : suspected)
      .filter((d) => d.example !== undefined)
      .slice(0, options.maxExamples ?? 5)
      .map((d, i) => section(`before and after of ${terminalLine(d.id, 80)}`, 4 + i, exampleLines(d))),
    folded(
      'suspected cases',
      9,
      caseTable(suspected, MOST_OTHERS),
      `Possibly worse, not proven: ${suspected.length}`,
    ),
    folded('improved cases', 10, caseTable(improved, MOST_OTHERS), `Improved cases: ${improved.length}`),
    folded('gate rules', 5, ruleLines(c), 'Gate rules'),
    folded('slices', 11, sliceLines(c), 'Slices'),
    folded('other channels', 12, channelLines(c), 'Other channels'),
    folded('snapshots', 2, armLines(c), 'Snapshots'),
    folded('method', 13, methodLines(c), 'Method'),
  ];
  return sections.filter((s) => s.text !== '');
}

/** Joins the sections in their order; where they are too long together, the least important are left out, and the end says which. */
export function fitSections(parts: readonly MarkdownSection[], limit: number): string {
  // Pages are printed into logs too; there no line of them may be a command, inside a fence or out of it.
  const sections = parts.map((s) => ({ ...s, text: logText(s.text) }));
  const whole = sections.map((s) => s.text).join('\n');
  if (whole.length <= limit) return whole;
  const reserve = 400;
  const kept = new Set<MarkdownSection>();
  let length = 0;
  for (const s of [...sections].sort((a, b) => a.rank - b.rank)) {
    if (length + s.text.length + 1 > limit - reserve) continue;
    kept.add(s);
    length += s.text.length + 1;
  }
  const left = sections.filter((s) => !kept.has(s)).map((s) => s.name);
  const named = terminalLine(left.slice(0, 6).join('; '), 200);
  const note = `> Cut: this page would be longer than ${grouped(limit)} characters. Left out: ${markdownText(named)}${left.length > 6 ? ` and ${left.length - 6} more` : ''}. The JSON report has everything.\n`;
  return [...sections.filter((s) => kept.has(s)).map((s) => s.text), note].join('\n');
}

/** A code span that its content cannot end. */
export function markdownCode(text: string): string {
  const line = terminalLine(text, 500);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = '`'.repeat(longest + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** For text inside raw HTML such as `<summary>`, where Markdown's own escapes do not hold, and some renderers still read its marks. */
function markdownHtml(text: string, max = CELL): string {
  return htmlText(terminalLine(text, max))
    .replace(/(?<!&)#(?=\d)/g, '#\u2060')
    .replace(/[[\]()`*_|~!]/g, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/@/g, '@\u2060');
}

function section(name: string, rank: number, lines: readonly string[]): MarkdownSection {
  return { name, rank, text: lines.length === 0 ? '' : `${lines.join('\n')}\n` };
}

/** A section that a reader opens; its title says how much is in it. */
function folded(name: string, rank: number, lines: readonly string[], title: string): MarkdownSection {
  return section(
    name,
    rank,
    lines.length === 0
      ? []
      : [`<details><summary>${markdownHtml(title, 120)}</summary>`, '', ...lines, '', '</details>'],
  );
}

/** The worst cases, each with an answer of both sides on one line. */
function worstLines(
  regressed: readonly PairedDelta[],
  suspected: readonly PairedDelta[],
  h: string,
): string[] {
  const all = regressed.length > 0 ? regressed : suspected;
  if (all.length === 0) return [];
  const title = regressed.length > 0 ? 'regressed' : 'possibly worse, not proven';
  const answers = (d: PairedDelta): string => {
    if (d.example === undefined) return ' | ';
    const [before, after] = differingLines(d.example.baseline, d.example.candidate, ANSWER);
    return `${cell(before, ANSWER)} | ${cell(after, ANSWER)}`;
  };
  const left = all.length - WORST;
  return [
    `${h} Worst cases: ${all.length} ${title}`,
    '',
    '| case | passes | before | after |',
    '|---|---|---|---|',
    ...all
      .slice(0, WORST)
      .map(
        (d) =>
          `| ${cell(d.id, 100)}${d.critical ? ' **critical**' : ''} | ${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials} | ${answers(d)} |`,
      ),
    ...(left > 0 ? ['', `… and ${count(left, 'more case')}, in the details below`] : []),
  ];
}

/** The cause, the gate and why it does not pass; warnings are counted and folded. */
function gateLines(c: Comparison): string[] {
  const cause = causeHeadline(c);
  const rules = c.gate.rules.filter((r) => r.rule !== 'verdict');
  const told = [
    ...rules.filter((r) => r.outcome === 'fail'),
    ...rules.filter((r) => r.outcome === 'inconclusive'),
  ];
  const warnings = rules.filter((r) => r.outcome === 'warn').length;
  const lines = told
    .slice(0, MOST_TOLD)
    .map((r) => `- **${r.outcome}** ${cell(r.rule, 100)}: ${cell(r.words ?? r.message, 500)}`);
  if (told.length > MOST_TOLD) lines.push(`- … and ${count(told.length - MOST_TOLD, 'more rule')}`);
  if (warnings > 0) lines.push(`- ${count(warnings, 'warning')}: see the gate rules below`);
  return [
    ...(cause === null ? [] : [`**${cell(cause, 400)}**`, '']),
    `**Gate: ${c.gate.outcome}** — ${cell(c.words ?? c.reason, 1000)}`,
    ...(lines.length === 0 ? [] : ['', ...lines]),
  ];
}

/** Every rule that did not pass, and every contrast, with all numbers. */
function ruleLines(c: Comparison): string[] {
  const told = c.gate.rules.filter((r) => r.outcome !== 'pass' && r.rule !== 'verdict');
  return [
    `- verdict: ${cell(c.reason, 1000)}`,
    ...causeLines(c)
      .slice(1)
      .map((line) => `- ${cell(line, 400)}`),
    ...told
      .slice(0, MOST_RULES)
      .map((r) => `- **${r.outcome}** ${cell(r.rule, 100)}: ${cell(r.message, 500)}`),
    ...(told.length > MOST_RULES ? [`- … ${count(told.length - MOST_RULES, 'more rule')}`] : []),
  ];
}

function armLines(c: Comparison): string[] {
  const arm = (name: string, a: Comparison['baseline']): string =>
    `| ${name} | ${markdownCode(a.id)} | ${cell(a.release, 80)} ${markdownCode(shortHash(a.fingerprint))} | ${when(a.startedAt)} | ${a.passed}/${a.trials} | ${percent(a.passRate)} | ${a.validity}${a.simulated ? ', simulated or recorded' : ''}${a.imported === true ? ', imported' : ''} |`;
  return [
    '| | snapshot | release | UTC | passing trials | pass rate | |',
    '|---|---|---|---|---|---|---|',
    arm('baseline', c.baseline),
    arm('candidate', c.candidate),
  ];
}

function caseTable(deltas: readonly PairedDelta[], most: number): string[] {
  if (deltas.length === 0) return [];
  const shown = deltas.slice(0, most);
  return [
    '| case | before | after | delta | evidence | why |',
    '|---|---|---|---|---|---|',
    ...shown.map(
      (d) =>
        `| ${cell(d.id, 100)}${d.critical ? ' **critical**' : ''} | ${rateCell(d.baseline)} | ${rateCell(d.candidate)} | ${signed(d.delta, 2)} | ${d.evidence ?? ''} | ${cell(d.reason)} |`,
    ),
    ...(deltas.length > shown.length ? ['', `… ${count(deltas.length - shown.length, 'more case')}`] : []),
  ];
}

/** Passes of trials, and the rate they amount to under the suite's prior. */
function rateCell({ passed, trials, shrunkRate }: PairedDelta['baseline']): string {
  return `${passed}/${trials}${shrunkRate === null ? '' : ` (${shrunkRate.toFixed(2)})`}`;
}

function exampleLines(d: PairedDelta): string[] {
  if (d.example === undefined) return [];
  const { content, candidateReasons } = d.example;
  const why = candidateReasons.join('; ');
  const [before, after] = differingBlocks(d.example.baseline, d.example.candidate, OUTPUT);
  return [
    `<details><summary>${markdownHtml(d.id, 100)}: before and after</summary>`,
    '',
    ...(content === undefined ? [] : contentMarkdown(content)),
    'Before',
    '',
    markdownFence(before, OUTPUT + NOTES),
    '',
    `After${why === '' ? '' : ` — ${cell(why, 500)}`}`,
    '',
    markdownFence(after, OUTPUT + NOTES),
    '',
    '</details>',
  ];
}

function contentMarkdown(content: CaseContent): string[] {
  const block = (name: string, text: string): string[] => [name, '', markdownFence(text, INPUT + NOTES), ''];
  const input = inputText(content, INPUT);
  const expected = expectedText(content);
  return [
    ...(input === '' ? [] : block('Input', input)),
    ...(expected === null ? [] : block('Expected', expected)),
  ];
}

function sliceLines(c: Comparison): string[] {
  const moved = c.slices.filter((s) => s.verdict !== 'unchanged' || Math.abs(s.delta) > 0);
  if (moved.length === 0) return [];
  return [
    '| tag | before | after | points | interval | p, adjusted | |',
    '|---|---|---|---|---|---|---|',
    ...moved
      .slice(0, MOST_SLICES)
      .map(
        (s) =>
          `| ${cell(s.tag, 80)} | ${s.baseline.passed}/${s.baseline.trials} | ${s.candidate.passed}/${s.candidate.trials} | ${signed(100 * s.delta)} | ${pointInterval(s.interval)} | ${s.q === null ? 'not tested' : pValue(s.q)} | ${s.verdict} |`,
      ),
    ...(moved.length > MOST_SLICES ? ['', `… ${count(moved.length - MOST_SLICES, 'more tag')}`] : []),
  ];
}

function channelLines(c: Comparison): string[] {
  const told = (['length', 'latencyMs', 'costUsd', 'refusalRate', 'embedding'] as const).filter(
    (m) => c.metrics[m].verdict !== 'not-tested' || m === 'latencyMs',
  );
  if (told.every((m) => c.metrics[m].p === null && c.metrics[m].verdict !== 'unavailable')) return [];
  return [
    ...told.map((m) => {
      const { verdict, reason } = c.metrics[m];
      return `- ${m}, ${verdict === 'shifted' ? '**shifted**' : verdict}: ${cell(reason, 500)}`;
    }),
  ];
}

function attributionLines(c: Comparison): string[] {
  const { diagnosis, layersChanged } = c.attribution;
  return [
    `**Attribution:** ${cell(diagnosis, 500)}. Layers changed: ${layersChanged.join(', ') || 'none'}.`,
    '',
    `**Coverage:** ${cell(c.coverage.sentence, 800)}`,
    ...c.notes.slice(0, 10).flatMap((note) => ['', `> ${cell(note, 600)}`]),
  ];
}

function methodLines(c: Comparison): string[] {
  const { overall, engine } = c;
  const { generalisation } = overall;
  const beyond =
    generalisation.interval === null
      ? (generalisation.note ?? '')
      : `beyond these cases (95 %, ${count(generalisation.clusters, 'group')}): ${pointInterval(generalisation.interval)}`;
  const flaky = c.cases.filter(isPaired).filter((d) => d.flaky);
  const unseen =
    overall.minimumDetectable === null
      ? ''
      : `; a uniform drop smaller than ${(100 * overall.minimumDetectable).toFixed(1)} points could not have been seen`;
  return [
    `<sub>change ${points(overall.delta)}, ${Math.round(100 * overall.confidence)} % interval ${pointInterval(overall.interval)}.</sub>`,
    `<sub>${cell(overall.method)}; ${overall.pairs} pairs, p ${pValue(overall.p, overall.log10p)}; margin ${percent(engine.margin)}, alpha ${engine.alphaAggregate} + ${engine.alphaCase}, tier ${cell(engine.tier, 60)}, ${engine.replicates} replicates, seed ${engine.seed}${unseen}.</sub>`,
    ...(betweenRunsText(c) === null ? [] : [`<sub>${cell(betweenRunsText(c) ?? '')}.</sub>`]),
    ...(poolText(c) === null ? [] : [`<sub>Baseline: ${cell(poolText(c) ?? '')}.</sub>`]),
    ...leftOutTexts(c.pool?.leftOut ?? []).map((text) => `<sub>Left out: ${cell(text, 400)}.</sub>`),
    ...(beyond === '' ? [] : [`<sub>${cell(beyond)}.</sub>`]),
    ...(flaky.length === 0 ? [] : [`<sub>Flaky on both sides: ${count(flaky.length, 'case')}.</sub>`]),
    ...spentLines(c).map((line) => `<sub>${cell(line, 500)}.</sub>`),
    ...ladderLines(c).map((line) => `<sub>${cell(line, 500)}</sub>`),
  ];
}
