// A comparison as Markdown, for a pull-request comment or a file: verdict first, only sections with content, never too long to post.

import type { Comparison, PairedDelta } from '../core/index.ts';
import { shortHash } from '../core/index.ts';
import { headline, isPaired, ladderLines, spentLines } from './comparison-text.ts';
import { htmlText, logText, markdownFence, markdownText, terminalLine } from './escape.ts';
import { count, grouped, percent, pointInterval, pValue, signed, when } from './format.ts';

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
  inconclusive: '⚠️ Inconclusive',
  invalid: '⚠️ Not comparable',
};

const MOST_REGRESSED = 50;
const MOST_OTHERS = 10;
const MOST_SLICES = 40;
const MOST_RULES = 20;
/** Characters of one cell and of one side of a before/after pair. */
const CELL = 300;
const OUTPUT = 1500;

/** Hidden first line by which a later run finds its own comment and updates it. */
export function markdownMarker(name: string): string {
  return `<!-- lastgood:${name.replace(/[^\w.,]+/g, '-').slice(0, 200)} -->`;
}

/** The whole comparison, verdict first. */
export function comparisonMarkdown(c: Comparison, options: MarkdownOptions = {}): string {
  const head: MarkdownSection = {
    name: 'verdict',
    rank: 0,
    text: `${markdownMarker(c.suite)}\n## ${VERDICT_SIGN[c.verdict]}: ${cell(headline(c), 500)}\n`,
  };
  const next: MarkdownSection[] =
    options.next === undefined
      ? []
      : [{ name: 'next command', rank: 1, text: `Next: ${markdownCode(options.next)}\n` }];
  return fitSections([head, ...comparisonSections(c, options), ...next], options.limit ?? MARKDOWN_LIMIT);
}

/** Everything below the headline. `level` is the number of `#` of the sections' headings. */
export function comparisonSections(
  c: Comparison,
  options: { readonly maxExamples?: number; readonly level?: number } = {},
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
    section('snapshots', 2, armLines(c)),
    section('regressed cases', 1, caseTable(`${h} Regressed cases`, regressed, MOST_REGRESSED)),
    ...(regressed.length > 0 ? regressed : suspected)
      .filter((d) => d.example !== undefined)
      .slice(0, options.maxExamples ?? 5)
      .map((d, i) => section(`before and after of ${terminalLine(d.id, 80)}`, 4 + i, exampleLines(d))),
    section('suspected cases', 9, caseTable(`${h} Worse, but not shown to be`, suspected, MOST_OTHERS)),
    section('improved cases', 10, caseTable(`${h} Improved cases`, improved, MOST_OTHERS)),
    section('slices', 11, sliceLines(c, h)),
    section('other channels', 12, channelLines(c, h)),
    section('attribution and coverage', 3, attributionLines(c)),
    section('method', 13, methodLines(c)),
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

/** Text in a table cell or a sentence: one line, escaped, not endless. */
export function cell(text: string, max = CELL): string {
  return markdownText(terminalLine(text, max));
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
export function markdownHtml(text: string, max = CELL): string {
  return htmlText(terminalLine(text, max))
    .replace(/(?<!&)#(?=\d)/g, '#\u2060')
    .replace(/[[\]()`*_|~!]/g, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/@/g, '@\u2060');
}

function section(name: string, rank: number, lines: readonly string[]): MarkdownSection {
  return { name, rank, text: lines.length === 0 ? '' : `${lines.join('\n')}\n` };
}

function gateLines(c: Comparison): string[] {
  const told = c.gate.rules.filter((r) => r.outcome !== 'pass' && r.rule !== 'verdict');
  return [
    `**Gate: ${c.gate.outcome}** — ${cell(c.reason, 1000)}`,
    ...(told.length === 0 ? [] : ['']),
    ...told
      .slice(0, MOST_RULES)
      .map((r) => `- **${r.outcome}** ${cell(r.rule, 100)}: ${cell(r.message, 500)}`),
    ...(told.length > MOST_RULES ? [`- … ${count(told.length - MOST_RULES, 'more rule')}`] : []),
  ];
}

function armLines(c: Comparison): string[] {
  const arm = (name: string, a: Comparison['baseline']): string =>
    `| ${name} | ${markdownCode(a.id)} | ${cell(a.release, 80)} ${markdownCode(shortHash(a.fingerprint))} | ${when(a.startedAt)} | ${a.passed}/${a.trials} | ${percent(a.passRate)} | ${a.validity}${a.simulated ? ', simulated or recorded' : ''} |`;
  return [
    '| | snapshot | release | UTC | passing trials | pass rate | |',
    '|---|---|---|---|---|---|---|',
    arm('baseline', c.baseline),
    arm('candidate', c.candidate),
  ];
}

function caseTable(title: string, deltas: readonly PairedDelta[], most: number): string[] {
  if (deltas.length === 0) return [];
  const shown = deltas.slice(0, most);
  return [
    `${title} (${deltas.length})`,
    '',
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
  const why = d.example.candidateReasons.join('; ');
  return [
    `<details><summary>${markdownHtml(d.id, 100)}: before and after</summary>`,
    '',
    'Before',
    '',
    markdownFence(d.example.baseline, OUTPUT),
    '',
    `After${why === '' ? '' : ` — ${cell(why, 500)}`}`,
    '',
    markdownFence(d.example.candidate, OUTPUT),
    '',
    '</details>',
  ];
}

function sliceLines(c: Comparison, h: string): string[] {
  const moved = c.slices.filter((s) => s.verdict !== 'unchanged' || Math.abs(s.delta) > 0);
  if (moved.length === 0) return [];
  return [
    `${h} Slices`,
    '',
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

function channelLines(c: Comparison, h: string): string[] {
  const told = (['length', 'latencyMs', 'costUsd', 'refusalRate', 'embedding'] as const).filter(
    (m) => c.metrics[m].verdict !== 'not-tested' || m === 'latencyMs',
  );
  if (told.every((m) => c.metrics[m].p === null && c.metrics[m].verdict !== 'unavailable')) return [];
  return [
    `${h} Other channels`,
    '',
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
    `<sub>${cell(overall.method)}; ${overall.pairs} pairs, p ${pValue(overall.p, overall.log10p)}; margin ${percent(engine.margin)}, alpha ${engine.alphaAggregate} + ${engine.alphaCase}, tier ${cell(engine.tier, 60)}, ${engine.replicates} replicates, seed ${engine.seed}${unseen}.</sub>`,
    ...(beyond === '' ? [] : [`<sub>${cell(beyond)}.</sub>`]),
    ...(flaky.length === 0 ? [] : [`<sub>Flaky on both sides: ${count(flaky.length, 'case')}.</sub>`]),
    ...spentLines(c).map((line) => `<sub>${cell(line, 500)}.</sub>`),
    ...ladderLines(c).map((line) => `<sub>${cell(line, 500)}</sub>`),
  ];
}
