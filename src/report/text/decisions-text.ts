// Decisions of a release on a terminal: what it decided, what became of that, and who has looked.

import { count, grouped, percent, when } from '../../base/numbers.ts';
import { DECISION_MARKS, type Decision, type DecisionReport } from '../../core/decisions.ts';
import { OUTCOME_FLAGS, type OutcomeFacts } from '../../core/observation.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** Most decisions that a terminal gets; JSON has more. */
const SHOWN = 20;

export function decisionsText(r: DecisionReport, style: Style = PLAIN): string {
  const { counts: c } = r;
  const name = r.releases.map((release) => terminalLine(release, 40)).join(', ');
  const lines = [
    `${style.bold(terminalLine(r.feature, 60))}, release ${name}: ${count(c.decisions, 'decision')} in ${count(c.observations, 'answer')}, ${when(r.from)} to ${when(r.to)} UTC`,
    ...(c.decisions === 0 ? [] : [`  ${modes(r)}`, `  ${marks(r)}`]),
  ];
  const shown = r.decisions.slice(0, SHOWN);
  if (shown.length > 0) lines.push('');
  for (const decision of shown) lines.push(...decisionLines(decision));
  const more = r.decisions.length - shown.length + r.more;
  if (more > 0) lines.push(`${grouped(more)} more; --json --limit N lists them`);
  return `${[...lines, ...doubts(r)].join('\n')}\n`;
}

function modes({ counts }: DecisionReport): string {
  const listed = Object.entries(counts.byMode).map(([mode, n]) => `${terminalLine(mode, 30)} ${grouped(n)}`);
  return `action mode: ${listed.join(', ')}`;
}

function marks({ counts }: DecisionReport): string {
  const marked = DECISION_MARKS.filter((mark) => counts.byMark[mark] > 0).map(
    (mark) => `${mark} ${grouped(counts.byMark[mark])}`,
  );
  return `marks: ${[...marked, `not marked ${grouped(counts.unmarked)}`].join(', ')}`;
}

function decisionLines(d: Decision): string[] {
  const facts = [
    d.actionMode === null ? null : terminalLine(d.actionMode, 30),
    d.tools !== null && d.tools.length > 0
      ? `calls ${d.tools
          .slice(0, 4)
          .map((tool) => terminalLine(tool, 40))
          .join(', ')}`
      : (d.toolCalls ?? 0) > 0
        ? count(d.toolCalls ?? 0, 'tool call')
        : null,
    d.template === null ? null : `template ${terminalLine(d.template, 30)}`,
    outcomeText(d.outcome),
  ].filter((fact) => fact !== null);
  const mark = d.marks.at(-1);
  return [
    `${when(d.at)}  ${terminalLine(d.id, 60)}  ${facts.join('; ')}`,
    ...(d.output === null ? [] : [`    ${terminalLine(d.output, 90)}`]),
    ...(mark === undefined
      ? []
      : [`    ${mark.mark} by ${terminalLine(mark.by, 40)}: ${terminalLine(mark.why, 60)}`]),
  ];
}

/** What the user did with it, in the words of the wire. */
function outcomeText(outcome: OutcomeFacts | null): string {
  if (outcome === null) return 'outcome not known';
  const said = [
    ...((outcome.edited ?? 0) === 0 ? [] : [`edited ${percent(outcome.edited ?? 0, 0)}`]),
    ...(outcome.review === undefined ? [] : [`review ${outcome.review}`]),
    ...OUTCOME_FLAGS.filter((flag) => outcome.flags[flag] === true).map((flag) => flag.replace('_', ' ')),
  ];
  return said.length === 0 ? 'nothing reported against it' : said.join(', ');
}

/** Why the list may not be all of them. */
function doubts({ removed, crowded, unnamed }: DecisionReport): string[] {
  return [
    ...(removed > 0
      ? [
          `not known: ${count(removed, 'answer')} of this release ${removed === 1 ? 'was' : 'were'} removed by \`lastgood db prune\`; decisions among them cannot be listed`,
        ]
      : []),
    ...(crowded > 0
      ? [
          `not known: ${count(crowded, 'answer')} of this time ${crowded === 1 ? 'is' : 'are'} filed under the release (other)`,
        ]
      : []),
    ...(unnamed > 0
      ? [
          `note: ${count(unnamed, 'answer')} of this time ${unnamed === 1 ? 'names' : 'name'} no release and ${unnamed === 1 ? 'is' : 'are'} not in the list`,
        ]
      : []),
  ];
}
