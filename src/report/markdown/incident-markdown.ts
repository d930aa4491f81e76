// The post-mortem as Markdown: every text that came from elsewhere is escaped, every quoted output stands in a safe fence.

import type { IncidentReport } from '../../core/index.ts';
import { markdownFence, markdownText } from '../parts/escape.ts';
import type { Block, Inline, Line } from '../parts/incident-blocks.ts';
import { incidentBlocks } from '../parts/incident-document.ts';

/** Longest quoted output, in characters; what is cut is said. */
const QUOTED = 1200;

export function incidentMarkdown(report: IncidentReport): string {
  return `${incidentBlocks(report).map(block).join('\n\n')}\n`;
}

function block(b: Block): string {
  switch (b.kind) {
    case 'heading':
      return `${'#'.repeat(b.level)} ${markdownText(b.text)}`;
    case 'paragraph':
      return line(b.parts);
    case 'note':
      return `> ${line(b.parts)}`;
    case 'list':
      return b.items.map((item) => `- ${line(item)}`).join('\n');
    case 'table':
      return [
        row(b.head.map(markdownText)),
        row(b.head.map((_, i) => (b.numeric?.includes(i) ? '---:' : '---'))),
        ...b.rows.map((cells) => row(cells.map(line))),
      ].join('\n');
    case 'quote':
      return `${markdownText(b.title)}:\n\n${markdownFence(b.text, QUOTED)}`;
    case 'pair':
      return [b.before, b.after]
        .map(
          (side) =>
            `${markdownText(side.title)}:\n\n${side.text === '' ? '(no text)' : markdownFence(side.text, QUOTED)}`,
        )
        .join('\n\n');
    case 'diff':
      return markdownFence(b.lines.join('\n'), 6000).replace(/^(`+)text\n/, '$1diff\n');
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function line(parts: Line): string {
  return parts.map(inline).join('').trim();
}

function inline(part: Inline): string {
  if (typeof part === 'string') return markdownText(part);
  if ('strong' in part) return `**${markdownText(part.strong)}**`;
  // A code span cannot escape anything, so only harmless text may stand in one.
  return /^[\w .,:;/@=+*-]+$/.test(part.code) && !part.code.includes('::')
    ? `\`${part.code}\``
    : markdownText(part.code);
}
