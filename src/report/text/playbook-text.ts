// A playbook on a terminal: what is known now, one command or text for each section, and what is missing. And its check.

import { shortHash } from '../../base/index.ts';
import { count, grouped, percent, seconds, when } from '../../base/numbers.ts';
import { shellWord } from '../../base/shell-word.ts';
import type {
  Playbook,
  PlaybookCheck,
  PlaybookCheckLine,
  PlaybookPart,
  PlaybookSection,
  PlaybookStep,
} from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { signalValueText } from '../parts/signal-words.ts';
import { PLAIN, type Style } from './style.ts';

/** Names of the sections as a person reads them. */
export const SECTION_TITLE: Readonly<Record<PlaybookSection, string>> = {
  detect: 'Detect',
  triage: 'Triage',
  'roll-back': 'Roll back',
  communicate: 'Communicate',
  investigate: 'Investigate',
  'post-mortem': 'Post-mortem',
};

/** Signals that a page of 25 lines has room for, most telling first. */
const TELLING = ['errors', 'schema-failures', 'blocks', 'complaints', 'review-rejection', 'latency.p95'];
const SHOWN_SIGNALS = 4;
const SHOWN_MISSING = 3;
/** A whole command, however long: it must be copied as it is. */
const WHOLE = Number.POSITIVE_INFINITY;

/** At most 25 lines. `written`: where all of it was written to. */
export function playbookText(
  p: Playbook,
  options: { readonly style?: Style; readonly written?: string | undefined } = {},
): string {
  const style = options.style ?? PLAIN;
  const paint = p.state === 'steady' ? style.green : p.state === 'unproven' ? style.yellow : style.red;
  const out = [
    `${paint(style.bold(p.state.toUpperCase()))}  ${p.feature} in ${p.environment}: ${terminalLine(p.reason, 160)}`,
    `  release  ${releaseLine(p)}`,
    ...(p.rollout === null
      ? []
      : [`  rollout  ${p.rollout.status} at ${p.rollout.percent}%: ${terminalLine(p.rollout.reason, 100)}`]),
    ...(p.applied === null
      ? []
      : [
          `  rollback ${p.applied.status}, ${p.applied.percent}% get ${terminalLine(p.applied.target, 40)}: ${terminalLine(p.applied.reason, 80)}`,
        ]),
    `  target   ${targetLine(p)}`,
    `  drill    ${drillLine(p)}`,
    `  signals  ${signalLine(p)}`,
    `  decide   ${authorityLine(p)}`,
    '',
  ];
  const row = (n: number, section: PlaybookSection, lines: readonly string[]): void => {
    const title = `${n} ${SECTION_TITLE[section].toLowerCase()}`.padEnd(14);
    for (const [i, line] of lines.entries())
      out.push(`  ${i === 0 ? style.bold(title) : ' '.repeat(14)} ${line}`);
  };
  row(1, 'detect', commandsOf(p, ['detect.monitor', 'detect.signals'], 1));
  row(2, 'triage', commandsOf(p, ['triage.timeline'], 1));
  row(3, 'roll-back', urgent(p).map(commandLine));
  row(4, 'communicate', [messageLine(p)]);
  row(
    5,
    'investigate',
    commandsOf(p, ['investigate.diff', 'investigate.layers', 'investigate.decisions'], 1),
  );
  row(6, 'post-mortem', commandsOf(p, ['post-mortem.incident'], 1));
  out.push('', ...missingLines(p, style));
  out.push(
    options.written === undefined
      ? `all of it: ${terminalLine(p.again.write, WHOLE)}`
      : `all of it: ${terminalLine(options.written, 200)}`,
    `page: ${pageOf(p)}`,
  );
  return `${out.join('\n')}\n`;
}

const commandLine = (step: PlaybookStep): string => terminalLine(step.command, WHOLE);

/** The first of these that there are, at most so many. */
function commandsOf({ steps }: Playbook, ids: readonly string[], most: number): string[] {
  const found = ids.flatMap((id) => steps.find((s) => s.id === id) ?? []);
  return found.length === 0 ? ['nothing is set up for it'] : found.slice(0, most).map(commandLine);
}

/** What protects users at once, and then what restores: at most four commands. */
function urgent({ steps }: Playbook): readonly PlaybookStep[] {
  const first = steps.filter((s) => s.id.startsWith('roll-back.first.')).slice(0, 2);
  const stop = first.length > 0 ? [] : steps.filter((s) => s.id === 'roll-back.review');
  const restore = ['roll-back.abort', 'roll-back.apply', 'roll-back.target', 'roll-back.before'];
  return [...first, ...stop, ...restore.flatMap((id) => steps.find((s) => s.id === id) ?? [])].slice(0, 4);
}

function releaseLine({ release: r }: Playbook): string {
  if (r === null) return 'none: the registry points to no release here';
  const quality =
    r.quality === null
      ? 'never measured'
      : `${percent(r.quality.passRate)} on ${when(r.quality.at)} UTC${r.quality.simulated ? ' (simulated)' : ''}`;
  return `${terminalLine(r.name, 40)} ${shortHash(r.fingerprint)} since ${when(r.since)} UTC, ${quality}`;
}

function targetLine({ target: t }: Playbook): string {
  if (t === null) return 'NONE: nothing shows that any release can be restored';
  const how = t.simulated ? 'rehearsed on a simulator' : 'verified';
  return `${terminalLine(t.release, 40)} ${shortHash(t.fingerprint)}, ${how} by a ${t.by} on ${when(t.at)} UTC`;
}

function drillLine({ drill: d, rehearsal: r }: Playbook): string {
  if (d === null) return 'NEVER';
  const where = d.where === 'simulator' ? 'on the simulator' : 'on staging';
  const rehearsed =
    r === null ? 'this playbook was never rehearsed' : `playbook ${r.outcome} in ${seconds(r.elapsedMs)}`;
  return `${d.outcome} on ${when(d.at)} UTC, ${count(d.ageDays, 'day')} ago, ${where}, ${seconds(d.elapsedMs)}; ${rehearsed}`;
}

function signalLine({ signals: s }: Playbook): string {
  if (s === null) return 'nothing was observed: lastgood observe, or the server, brings production in';
  const shown = TELLING.flatMap((name) => s.now.find((v) => v.signal === name) ?? []).slice(0, SHOWN_SIGNALS);
  const values = shown.map(
    (v) => `${v.signal} ${v.partial ? '≥ ' : ''}${signalValueText(v.unit, v.value ?? 0)}`,
  );
  return [`${grouped(s.observations)} answers in 24 h`, ...values].join(', ');
}

function authorityLine({ authority }: Playbook): string {
  const named = (['incident-commander', 'engineering'] as const).map((role) => {
    const who = authority.find((a) => a.role === role)?.who ?? null;
    return `${role === 'engineering' ? 'engineering' : 'incident commander'}: ${who === null ? 'NOT NAMED IN THE TICKET' : terminalLine(who, 40)}`;
  });
  return named.join('; ');
}

function messageLine({ messages }: Playbook): string {
  const ready = messages.find((m) => m.text !== null);
  if (ready === undefined) return 'NO MESSAGE for customers is in the ticket';
  return `${messages.filter((m) => m.text !== null).length} of ${messages.length} messages ready; ${ready.name}: ${terminalLine(ready.text ?? '', 70)}`;
}

function pageOf({ links, feature }: Playbook): string {
  return terminalLine(links.find((l) => l.url.includes(`/features/${feature}`))?.url ?? '', 200);
}

function missingLines({ missing, again }: Playbook, style: Style): string[] {
  if (missing.length === 0) return [];
  const worst = [...missing].sort((a, b) => weight(a) - weight(b));
  const lines = worst
    .slice(0, SHOWN_MISSING)
    .map(
      (m, i) =>
        `${i === 0 ? style.yellow('missing') : '       '}  ${terminalLine(m.what, 60)}: ${terminalLine(m.detail, 120)}`,
    );
  if (missing.length > SHOWN_MISSING)
    lines.push(`         and ${missing.length - SHOWN_MISSING} more: ${terminalLine(again.check, WHOLE)}`);
  return lines;
}

/** Broken before open; what a command rests on before the command. */
const weight = ({ state, ...line }: PlaybookPart & { readonly command?: string | null }): number =>
  2 * ['broken', 'open', 'works'].indexOf(state) + (line.command == null ? 0 : 1);

const SCREEN = 25;

/** The verdict, then everything that does not work; `verbose`: every line with its time. */
export function playbookCheckText(
  c: PlaybookCheck,
  options: { readonly style?: Style; readonly verbose?: boolean } = {},
): string {
  const style = options.style ?? PLAIN;
  const { works, broken, open } = c.counts;
  const paint = outcomeStyle(style, c);
  const word = c.outcome === 'open' ? 'CANNOT TELL' : c.outcome.toUpperCase();
  const head = `${paint(style.bold(word))}  playbook of ${c.feature} in ${c.environment}: ${count(broken, 'line')} broken, ${open} open, ${works} work (${seconds(c.elapsedMs)}; nothing was changed)`;
  if (options.verbose === true)
    return `${[head, ...c.lines.flatMap((line) => checkLine(line, style, true))].join('\n')}\n`;
  const faults = groupsOf(
    c.lines.filter((l) => l.state !== 'works').sort((x, y) => weight(x) - weight(y)),
    ({ state, detail }) => `${state}\n${detail}`,
  );
  const out = [head];
  let left = broken + open;
  for (const [first, ...same] of faults) {
    const lines = faultLines(first, same.length, style);
    if (out.length + lines.length > SCREEN - 2) break;
    out.push(...lines);
    left -= 1 + same.length;
  }
  if (left > 0) out.push(`  and ${left} more that do not work`);
  out.push('  --verbose lists every line with its command and time');
  return `${out.join('\n')}\n`;
}

/** What a drill found when it rehearsed playbooks; empty without any. */
export function rehearsalsText(checks: readonly PlaybookCheck[], style: Style = PLAIN): string {
  return checks
    .map((c) => {
      const commands = c.lines.filter((l) => l.command !== null);
      const slowest = [...commands].sort((a, b) => b.elapsedMs - a.elapsedMs)[0];
      const time = `${count(commands.length, 'command')} in ${seconds(c.elapsedMs)}${slowest === undefined ? '' : `, the slowest ${seconds(slowest.elapsedMs)} (${slowest.step})`}`;
      const faults =
        c.outcome === 'works'
          ? ''
          : `; ${c.counts.broken} of its lines broken, ${c.counts.open} open: ${again(c)}`;
      return `\n${outcomeStyle(style, c)(c.outcome)}  ${style.bold(`playbook of ${c.feature} in ${c.environment}`)}  ${time}${faults}\n`;
    })
    .join('');
}

/** A command by its place in the playbook, such as `signals`; what it says stands behind it. */
function nameOf({ section, step, what }: PlaybookCheckLine): string {
  return step === null ? terminalLine(what, 80) : step.slice(section.length + 1);
}

const again = ({ ticket, environment }: PlaybookCheck): string =>
  `lastgood playbook check ${terminalLine(shellWord(ticket), WHOLE)} --environment ${environment}`;

function outcomeStyle(style: Style, { outcome }: Pick<PlaybookCheck, 'outcome'>): (text: string) => string {
  return outcome === 'works' ? style.green : outcome === 'broken' ? style.red : style.yellow;
}

/** Several commands that fail alike are one line. */
function faultLines(line: PlaybookCheckLine, same: number, style: Style): string[] {
  const lines = checkLine(line, style, false);
  return same === 0 ? lines : [...lines, `       and ${count(same, 'more command')} with the same answer`];
}

function groupsOf<T>(items: readonly T[], keyOf: (item: T) => string): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function checkLine(l: PlaybookCheckLine, style: Style, verbose: boolean): string[] {
  const mark =
    l.state === 'works' ? style.green('yes') : l.state === 'broken' ? style.red('NO ') : style.yellow('?  ');
  const time = l.command === null ? '' : ` (${seconds(l.elapsedMs)})`;
  const out = [
    `  ${mark}  ${l.section.padEnd(12)} ${nameOf(l)}: ${terminalLine(l.detail, verbose ? 300 : 160)}${verbose ? time : ''}`,
  ];
  if (l.command !== null) out.push(`       ${terminalLine(l.command, WHOLE)}`);
  if (l.next !== null) out.push(`       next: ${terminalLine(l.next, 240)}`);
  return out;
}
