// A comparison as Markdown, for a pull-request comment or a file. Sections without content are left out.

import type { Comparison, PairedDelta } from '../core/index.ts';
import { shortHash } from '../core/index.ts';
import { headline, isPaired } from './comparison-text.ts';
import { markdownFence, markdownText } from './escape.ts';
import { count, percent, pointInterval, pValue, signed, when } from './format.ts';

/** GitHub refuses longer comments. */
export const MARKDOWN_LIMIT = 65_536;

export interface MarkdownOptions {
  /** Most cases with before/after outputs (default 5). */
  readonly maxExamples?: number;
  readonly next?: string;
  /** Longest result in characters (default `MARKDOWN_LIMIT`); what is cut is said. */
  readonly limit?: number;
}

const SIGN: Record<Comparison['verdict'], string> = {
  regressed: '❌ Regressed',
  improved: '✅ Improved',
  unchanged: '✅ Unchanged',
  inconclusive: '⚠️ Inconclusive',
  invalid: '⚠️ Not comparable',
};

/** The whole comparison, verdict first. */
export function comparisonMarkdown(c: Comparison, options: MarkdownOptions = {}): string {
  const out: string[] = [
    `<!-- lastgood:${markdownText(c.suite)} -->`,
    `## ${SIGN[c.verdict]}: ${markdownText(headline(c))}`,
    '',
  ];
  out.push(`**Gate: ${c.gate.outcome}** — ${markdownText(c.reason)}`, '');
  const arm = (name: string, a: Comparison['baseline']): string =>
    `| ${name} | \`${a.id}\` | ${markdownText(a.release)} \`${shortHash(a.fingerprint)}\` | ${when(a.startedAt)} | ${a.passed}/${a.trials} | ${percent(a.passRate)} | ${a.validity}${a.simulated ? ', simulated or recorded' : ''} |`;
  out.push('| | snapshot | release | UTC | passing trials | pass rate | |', '|---|---|---|---|---|---|---|');
  out.push(arm('baseline', c.baseline), arm('candidate', c.candidate), '');

  const rules = c.gate.rules.filter((r) => r.outcome !== 'pass');
  if (rules.length > 0) {
    out.push(
      '### Gate',
      ...rules.map((r) => `- **${r.outcome}** ${markdownText(r.rule)}: ${markdownText(r.message)}`),
      '',
    );
  }
  const paired = c.cases.filter(isPaired);
  const regressed = paired.filter((d) => d.verdict === 'regressed').sort((a, b) => a.delta - b.delta);
  const improved = paired.filter((d) => d.verdict === 'improved').sort((a, b) => b.delta - a.delta);
  out.push(...caseTable(`Regressed cases (${regressed.length})`, regressed.slice(0, 50), regressed.length));
  out.push(...caseTable(`Improved cases (${improved.length})`, improved.slice(0, 10), improved.length));
  for (const d of regressed.filter((r) => r.example !== undefined).slice(0, options.maxExamples ?? 5)) {
    if (d.example === undefined) continue;
    out.push(
      `<details><summary>${markdownText(d.id)}: before and after</summary>`,
      '',
      'Before',
      '',
      markdownFence(d.example.baseline),
      '',
      `After${d.example.candidateReasons.length > 0 ? ` — ${markdownText(d.example.candidateReasons.join('; '))}` : ''}`,
      '',
      markdownFence(d.example.candidate),
      '',
      '</details>',
      '',
    );
  }
  const moved = c.slices.filter((s) => s.verdict !== 'unchanged' || Math.abs(s.delta) > 0);
  if (moved.length > 0) {
    out.push(
      '### Slices',
      '| tag | before | after | points | interval | p, adjusted | |',
      '|---|---|---|---|---|---|---|',
    );
    for (const s of moved.slice(0, 40)) {
      out.push(
        `| ${markdownText(s.tag)} | ${s.baseline.passed}/${s.baseline.trials} | ${s.candidate.passed}/${s.candidate.trials} | ${signed(100 * s.delta)} | ${pointInterval(s.interval)} | ${s.q === null ? 'not tested' : pValue(s.q)} | ${s.verdict} |`,
      );
    }
    out.push('');
  }
  const shifted = (['length', 'latencyMs', 'costUsd', 'refusalRate'] as const).filter(
    (m) => c.metrics[m].verdict === 'shifted',
  );
  if (shifted.length > 0)
    out.push('### Other channels', ...shifted.map((m) => `- ${m}: ${markdownText(c.metrics[m].reason)}`), '');
  out.push(
    '### Attribution',
    `${markdownText(c.attribution.diagnosis)}. Layers changed: ${c.attribution.layersChanged.join(', ') || 'none'}.`,
    '',
  );
  out.push(`Coverage: ${markdownText(c.coverage.sentence)}`, '');
  const { overall } = c;
  out.push(
    `<sub>${markdownText(overall.method)}; ${overall.pairs} pairs, p ${pValue(overall.p, overall.log10p)}; seed ${c.engine.seed}${
      overall.minimumDetectable === null
        ? ''
        : `; a uniform drop smaller than ${(100 * overall.minimumDetectable).toFixed(1)} points could not have been seen`
    }.</sub>`,
  );
  for (const note of c.notes) out.push('', `> ${markdownText(note)}`);
  if (options.next !== undefined) out.push('', `Next: \`${options.next}\``);
  return cut(`${out.join('\n')}\n`, options.limit ?? MARKDOWN_LIMIT);
}

function caseTable(title: string, deltas: readonly PairedDelta[], total: number): string[] {
  if (deltas.length === 0) return [];
  return [
    `### ${title}`,
    '| case | before | after | delta | evidence | why |',
    '|---|---|---|---|---|---|',
    ...deltas.map(
      (d) =>
        `| ${markdownText(d.id)}${d.critical ? ' **critical**' : ''} | ${d.baseline.passed}/${d.baseline.trials} | ${d.candidate.passed}/${d.candidate.trials} | ${signed(d.delta, 2)} | ${d.evidence ?? ''} | ${markdownText(d.reason)} |`,
    ),
    ...(total > deltas.length ? ['', `… ${count(total - deltas.length, 'more case')}`] : []),
    '',
  ];
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const note = '\n\n… cut here: the comment would be too long. The JSON report has everything.\n';
  let kept = text.slice(0, limit - note.length - 20);
  kept = kept.slice(0, kept.lastIndexOf('\n'));
  // An open fence would swallow the note.
  const fences = [...kept.matchAll(/^(`{3,})(text)?$/gm)];
  const open = fences.length % 2 === 1 ? `\n${fences.at(-1)?.[1] ?? '```'}` : '';
  return `${kept}${open}${note}`;
}
