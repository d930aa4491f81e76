// A playbook as one page of Markdown: what on-call reads at 3 a.m. Texts of the ticket and the ledger are escaped.

import { shortHash } from '../../base/index.ts';
import { count, grouped, percent, seconds, when } from '../../base/numbers.ts';
import type { Playbook, PlaybookSection, PlaybookStep } from '../../core/index.ts';
import type { SignalValue } from '../../core/signals.ts';
import { changeRuleText } from '../parts/drift-words.ts';
import { cell, markdownFence } from '../parts/escape.ts';
import { signalChangeText, signalValueText } from '../parts/signal-words.ts';
import { SECTION_TITLE } from '../text/playbook-text.ts';
import { markdownCode } from './comparison-markdown.ts';

/** Longest text of a ticket or ledger that is quoted. */
const QUOTED = 2000;

/** Copyable commands stand in blocks of their own; nothing of a ticket can end one. */
export function playbookMarkdown(p: Playbook): string {
  return `${[
    ...head(p),
    ...stateNow(p),
    ...detect(p),
    ...triage(p),
    ...rollBack(p),
    ...communicate(p),
    ...investigate(p),
    ...postMortem(p),
  ].join('\n')}\n`;
}

function head(p: Playbook): string[] {
  const broken = p.missing.filter((m) => m.state === 'broken');
  const missing =
    p.missing.length === 0
      ? []
      : [
          `> **${count(broken.length, 'part')} of this playbook ${broken.length === 1 ? 'is' : 'are'} missing, ${p.missing.length - broken.length} not certain.**`,
          ...p.missing.map((m) => `> - ${cell(m.what, 80)}: ${cell(m.detail)}. Next: ${cell(m.next ?? '')}`),
          '',
        ];
  return [
    `# Playbook: ${p.feature} in ${p.environment}`,
    '',
    `${p.workflow === null ? '' : `${cell(p.workflow)}. `}Written on ${when(p.at)} UTC from ${markdownCode(p.ticket)} and the ledger. Numbers and names are of that time.`,
    'Commands are run in the folder of the project. `--by NAME` says who you are where git does not know it.',
    '',
    'Write it again after each change of the ticket, each rollout and each drill:',
    '',
    ...command(p.again.write),
    'Does all of it work? This runs every command so that nothing is changed:',
    '',
    ...command(p.again.check),
    ...missing,
  ];
}

function stateNow(p: Playbook): string[] {
  const rows: [string, string][] = [
    ['state', `**${p.state}**: ${cell(p.reason)}`],
    ['release in force', releaseCell(p)],
    ['rollout', rolloutCell(p)],
    ['applied rollback', appliedCell(p)],
    ['verified target', targetCell(p)],
    ['last drill', drillCell(p)],
    ['this playbook', rehearsalCell(p)],
    ...p.episodes.map((e): [string, string] => [
      'open episode',
      `${cell(e.of, 80)} since ${when(e.openedAt)} UTC: ${cell(e.reason)} (${markdownCode(e.id)})`,
    ]),
    ...p.stops.map((s): [string, string] => [
      'stop',
      `${s.agent === null ? 'all agents' : cell(s.agent, 100)} since ${when(s.at)} UTC by ${cell(s.by, 80)}: ${cell(s.why)}`,
    ]),
    ...(p.pendingApprovals === 0
      ? []
      : [['approvals', `${count(p.pendingApprovals, 'action')} waiting for a person`] as [string, string]]),
  ];
  return [
    '## Now',
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([what, text]) => `| ${what} | ${text} |`),
    '',
    ...signalTable(p),
    'Pages of the server:',
    '',
    ...p.links.map(({ what, url }) => `- ${what}: <${url.replace(/[<>\s]/g, encodeURIComponent)}>`),
    ...(p.assumedServer
      ? ['', 'No address was given: these are of a server on this machine (`--url ADDRESS`).']
      : []),
    '',
  ];
}

function releaseCell({ release: r, before }: Playbook): string {
  if (r === null) return '**none**: the registry points to no release here';
  const quality =
    r.quality === null
      ? 'never measured'
      : `${percent(r.quality.passRate)} on ${when(r.quality.at)} UTC${r.quality.simulated ? ' (simulated)' : ''}, ${r.quality.direction}`;
  const earlier =
    before === null
      ? ''
      : `; before it ${cell(before.name, 80)} ${markdownCode(shortHash(before.fingerprint))}`;
  return `${cell(r.name, 80)} ${markdownCode(shortHash(r.fingerprint))}, model ${cell(r.model ?? 'not named', 80)}, since ${when(r.since)} UTC by ${cell(r.by, 80)} (${cell(r.why)}); quality ${quality}${earlier}`;
}

function rolloutCell({ rollout: r }: Playbook): string {
  if (r === null) return 'none was started';
  return `${r.status} at ${r.percent}% since ${when(r.since)} UTC by ${cell(r.by, 80)}: ${cell(r.reason)}`;
}

function appliedCell({ applied: a }: Playbook): string {
  if (a === null) return 'none';
  return `${a.status} since ${when(a.since)} UTC by ${cell(a.by, 80)}, ${a.percent}% get ${cell(a.target, 80)}: ${cell(a.reason)}`;
}

function targetCell({ target: t }: Playbook): string {
  if (t === null) return '**none**: nothing shows that any release can be restored';
  const place = t.simulated ? ', **on a simulator**: the provider was not asked' : '';
  const run = t.snapshot === null ? '' : ` (run ${markdownCode(t.snapshot)})`;
  return `${cell(t.release, 80)} ${markdownCode(shortHash(t.fingerprint))}, by a ${t.by} on ${when(t.at)} UTC${run}${place}`;
}

function drillCell({ drill: d }: Playbook): string {
  if (d === null) return '**never**';
  return `${cell(d.outcome, 40)} on ${when(d.at)} UTC, ${count(d.ageDays, 'day')} ago, ${d.where === 'simulator' ? 'on the simulator' : 'on staging'}, in ${seconds(d.elapsedMs)}`;
}

function rehearsalCell({ rehearsal: r }: Playbook): string {
  if (r === null) return '**never rehearsed**: a drill runs all its commands and times them';
  return `rehearsed on ${when(r.at)} UTC in ${seconds(r.elapsedMs)}: ${r.counts.works} lines work, ${r.counts.broken} broken, ${r.counts.open} open`;
}

function signalTable({ signals: s }: Playbook): string[] {
  if (s === null) return ['Production: **nothing was observed** of this feature.', ''];
  const value = (v: SignalValue | undefined): string =>
    v === undefined || v.value === null
      ? 'not known'
      : `${v.partial ? '≥ ' : ''}${cell(signalValueText(v.unit, v.value), 40)}`;
  return [
    `Production, ${when(s.from)} to ${when(s.to)} UTC: ${grouped(s.observations)} answers.`,
    '',
    '| signal | now | the day before | change |',
    '|---|---:|---:|---:|',
    ...s.now.map((v) => {
      const then = s.before?.find((b) => b.signal === v.signal);
      const change =
        v.value === null || then === undefined || then.value === null
          ? ''
          : cell(signalChangeText(v.unit, then.value, v.value), 40);
      return `| ${cell(v.signal, 60)} | ${value(v)} | ${value(then)} | ${change} |`;
    }),
    '',
  ];
}

function title(p: PlaybookSection, n: number): string[] {
  return [`## ${n}. ${SECTION_TITLE[p]}`, ''];
}

function command(text: string): string[] {
  return [markdownFence(text, Number.POSITIVE_INFINITY).replace(/^(`+)text\n/, '$1sh\n'), ''];
}

/** What it is for, who decides it, and the command. */
function step(p: Playbook, s: PlaybookStep): string[] {
  const who = s.who === null ? '' : ` ${whoText(p, s.who)}.`;
  const replace = Object.entries(s.replace).map(([word, by]) => ` Replace \`${word}\`: ${by}.`);
  const what = cell(s.what);
  return [
    `${what.slice(0, 1).toUpperCase()}${what.slice(1)}.${who}${replace.join('')}`,
    '',
    ...command(s.command),
  ];
}

function whoText(p: Playbook, role: NonNullable<PlaybookStep['who']>): string {
  const who = p.authority.find((a) => a.role === role)?.who ?? null;
  return `Decides: ${role} (${who === null ? '**not named in the ticket**' : cell(who, 100)})`;
}

function stepsOf(p: Playbook, section: PlaybookSection): readonly PlaybookStep[] {
  return p.steps.filter((s) => s.section === section);
}

function detect(p: Playbook): string[] {
  const monitors =
    p.monitors.length === 0
      ? ['**The ticket has no monitors.** Between two nightly runs nothing notices a change.', '']
      : [
          '| monitor | signal | smallest change that matters | action | last check |',
          '|---|---|---|---|---|',
          ...p.monitors.map(
            (m) =>
              `| ${cell(m.name, 80)} | ${cell(m.signal, 60)} | ${cell(changeRuleText(m.change), 40)} | ${m.action} | ${m.last === null ? 'never' : `${m.last.outcome}${m.last.reason === null ? '' : ` (${m.last.reason})`}, ${when(m.last.at)} UTC`} |`,
          ),
          '',
        ];
  return [
    ...title('detect', 1),
    ...monitors,
    'Triggers of a rollout, as the ticket has them:',
    '',
    '| signal | red when | what happens |',
    '|---|---|---|',
    ...p.gates.map(
      (g) => `| ${cell(g.signal, 60)} | ${cell(g.rule, 200)} | ${g.action}${flagsText(g.flags)} |`,
    ),
    '',
    p.webhook
      ? 'Alerts are posted to the webhook, one for each episode.'
      : '**No webhook is set where this was written:** alerts are stored, and posted nowhere.',
    '',
    ...stepsOf(p, 'detect').flatMap((s) => step(p, s)),
  ];
}

function flagsText(flags: Readonly<Record<string, unknown>>): string {
  return Object.entries(flags)
    .map(([key, value]) => `, ${cell(`${key} ${String(value)}`, 120)}`)
    .join('');
}

function triage(p: Playbook): string[] {
  return [
    ...title('triage', 2),
    '| what users see | it is | do first |',
    '|---|---|---|',
    '| everybody gets bad or no answers | total | the first rollback below, then restore |',
    '| one template, segment or region | partial | the same flags with `--segment NAME` or `--region NAME` |',
    '| one user | single | find the release that the user gets; send the message `corrected` |',
    '| the output cannot be parsed | a change of prompt, schema or model | restore |',
    '| tools do what they should not | unsafe actions | stop the agents, tools off |',
    '| slow, errors, quota | the provider or its region | a fallback on another route |',
    '',
    'Choose the smallest step that protects users. The cause can be found afterwards.',
    '',
    ...stepsOf(p, 'triage').flatMap((s) => step(p, s)),
  ];
}

function rollBack(p: Playbook): string[] {
  const own = stepsOf(p, 'roll-back');
  const fallback = (s: PlaybookStep): boolean => p.fallbacks.some((f) => f.step === s.id);
  const first =
    p.firstRollback === null
      ? ['**The ticket has no first rollback.**', '']
      : [
          `First, before anybody has found the cause: restore ${p.firstRollback.restore.join(' and ')}${flagsText(p.firstRollback.flags)}.`,
          '',
        ];
  return [
    ...title('roll-back', 3),
    `Verified target: ${targetCell(p)}.`,
    '',
    ...first,
    'Add `--dry-run` to see what a command would do. It asks for nothing and changes nothing.',
    '',
    ...own.filter((s) => !fallback(s)).flatMap((s) => step(p, s)),
    '### Fallbacks',
    '',
    ...fallbackLines(p),
  ];
}

function fallbackLines(p: Playbook): string[] {
  if (p.fallbacks.length === 0) return ['**The ticket has none.**', ''];
  return p.fallbacks.flatMap((f) => {
    const found = p.steps.find((s) => s.id === f.step);
    return [
      `**${cell(f.name, 100)}**`,
      '',
      `- use when: ${cell(f.useWhen, QUOTED)}`,
      `- not when: ${cell(f.notWhen, QUOTED)}`,
      ...(f.release?.problem == null
        ? []
        : [`- **its release cannot be read:** ${markdownCode(f.release.file)}: ${cell(f.release.problem)}`]),
      '',
      ...(found === undefined ? ['Done by people; there is no command.', ''] : step(p, found)),
    ];
  });
}

function communicate(p: Playbook): string[] {
  return [
    ...title('communicate', 4),
    '| role | who | may decide alone |',
    '|---|---|---|',
    ...p.authority.map(
      ({ role, who, may }) =>
        `| ${role} | ${who === null ? '**not named in the ticket**' : cell(who, 200)} | ${may} |`,
    ),
    '',
    ...stepsOf(p, 'communicate').flatMap((s) => step(p, s)),
    `Messages for customers${nameOf(p, 'support')}. They name what users see, what happens meanwhile and what to do, and no provider.`,
    '',
    ...p.messages.flatMap(({ name, text, when: why }) => [
      `**${name}**, when ${why}:`,
      '',
      text === null ? '**The ticket has no such message.**' : markdownFence(text, QUOTED),
      '',
    ]),
  ];
}

function nameOf(p: Playbook, role: string): string {
  const who = p.authority.find((a) => a.role === role)?.who ?? null;
  return who === null ? '' : `, sent by ${cell(who, 100)}`;
}

function investigate(p: Playbook): string[] {
  return [...title('investigate', 5), ...stepsOf(p, 'investigate').flatMap((s) => step(p, s))];
}

function postMortem(p: Playbook): string[] {
  return [
    ...title('post-mortem', 6),
    'Once users get good answers again:',
    '',
    ...stepsOf(p, 'post-mortem').flatMap((s) => step(p, s)),
    'The draft holds the timeline, the behaviour before and after, the detection gap and what the suite did not cover. Complete it within a few days, and add the drafted cases to the suite.',
  ];
}
