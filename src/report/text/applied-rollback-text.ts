// An applied rollback, or the plan of one, for a person at a terminal: what users get now, what holds it, which signals are back.

import { shortHash } from '../../base/index.ts';
import { when } from '../../base/numbers.ts';
import type {
  AppliedPlan,
  AppliedReport,
  AppliedStatus,
  RecoveryReading,
} from '../../core/applied-rollback.ts';
import { levelText, signalText } from '../../core/applied-words.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const HEADS: Readonly<Record<AppliedStatus, string>> = {
  running: 'RUNNING',
  held: 'STOPPED',
  recovered: 'RECOVERED',
  'in-force': 'IN FORCE',
  interrupted: 'INTERRUPTED',
  cancelled: 'CANCELLED',
};

export function appliedText(r: AppliedReport, style: Style = PLAIN): string {
  const code = r.code === null ? '' : ` [${r.code}]`;
  const { target, replaced, unnamed } = r.answers;
  const out = [
    `${paint(r.status, style)(style.bold(HEADS[r.status]))}  rollback of ${name(r.feature)} in ${name(r.environment)}: ${r.percent}% get ${release(r.target)}, stage ${r.stage + 1} of ${r.stages.length}`,
    `  why        ${terminalLine(r.reason, 300)}${code}`,
    `  since      ${when(r.since)} UTC by ${terminalLine(r.by, 60)}`,
    ...(r.holds === null ? [] : [`  holds      ${terminalLine(r.holds, 300)}`]),
    `  replaces   ${release(r.replaced)}`,
    `  answers    ${target} of the target, ${replaced} of the replaced release, ${unnamed} that name none, in this stage`,
    ...(Object.keys(r.flags).length === 0
      ? []
      : [
          `  flags      ${Object.entries(r.flags)
            .map(([key, value]) => terminalLine(`${key} ${String(value)}`, 120))
            .join(', ')}`,
        ]),
    ...(r.pending.length === 0 ? [] : [`  pending    ${r.pending.join(', ')}`]),
    ...signalLines(r.signals, style),
    ...r.unwatched.map((u) => `  not watched: ${terminalLine(u.signal, 60)}, ${terminalLine(u.why, 200)}`),
    '',
    ...r.history
      .slice(-6)
      .map((h) => `  ${when(h.at)}  ${terminalLine(h.what, 300)}  (${terminalLine(h.by, 60)})`),
    ...nextLines(r),
  ];
  return `${out.join('\n')}\n`;
}

const name = (text: string): string => terminalLine(text, 64);
const release = (r: { readonly release: string; readonly fingerprint: string }): string =>
  `${terminalLine(r.release, 60)} ${shortHash(r.fingerprint)}`;

function paint(status: AppliedStatus, style: Style): (text: string) => string {
  if (status === 'held' || status === 'interrupted') return style.red;
  return status === 'cancelled' ? style.yellow : style.green;
}

function signalLines(signals: readonly RecoveryReading[], style: Style): string[] {
  if (signals.length === 0) return ['  signals    none moved, so recovery cannot be shown by production'];
  const state = (r: RecoveryReading): string =>
    r.state === 'back'
      ? style.green('back')
      : r.state === 'not-back'
        ? style.red('NOT back')
        : 'cannot tell yet';
  return [
    '',
    '  signal                                  usual      incident   target              needed     state',
    ...signals.map((r) => {
      const text = (value: number | null): string => levelText(value, r.kind).padEnd(10);
      const target = `${levelText(r.target.value, r.kind)} of ${r.target.n}`.padEnd(19);
      return `  ${terminalLine(signalText(r), 39).padEnd(39)} ${text(r.usual)} ${text(r.during)} ${target} ${text(r.needed)} ${state(r)}`;
    }),
  ];
}

function nextLines(r: AppliedReport): string[] {
  if (r.next === null) return [];
  const what: Readonly<Record<AppliedStatus, string>> = {
    running: ' steps it; lastgood serve does so each minute',
    held: '',
    recovered: ' shows what users still do differently',
    'in-force': ' shows what users still do differently',
    interrupted: '',
    cancelled: '',
  };
  return ['', `  next: ${terminalLine(r.next, 200)}${what[r.status]}`];
}

export function planText(plan: AppliedPlan, style: Style = PLAIN): string {
  const { target, refusals, stages } = plan;
  const head =
    refusals.length === 0
      ? `${style.green(style.bold('DRY RUN'))}  nothing was changed; the rollback of ${name(plan.feature)} in ${name(plan.environment)} can be applied`
      : `${style.red(style.bold('DRY RUN'))}  nothing was changed; the rollback of ${name(plan.feature)} in ${name(plan.environment)} would be refused`;
  const minutes = (ms: number): string => `${Number((ms / 60_000).toFixed(1))} min`;
  const out = [
    head,
    ...refusals.flatMap((r) => [
      `  refused    ${terminalLine(r.message, 400)} [${r.code}]`,
      ...(r.hint === null ? [] : [`             hint: ${terminalLine(r.hint, 300)}`]),
    ]),
    `  in force   ${release(plan.replaced)}`,
    target === null
      ? '  target     none; without --dry-run one is searched for and run first'
      : `  target     ${release(target)}${target.hybrid ? ', a hybrid' : ''}, verified ${when(target.decidedAt)} UTC by ${target.snapshot}, restores ${target.layersRestored.join(', ')}`,
    `  stages     ${stages.map((s) => `${s.percent}% for at least ${minutes(s.forMs)}`).join(', then ')}`,
    ...plan.changes.map(
      (c) =>
        `  stage ${c.stage + 1}    ${terminalLine(c.place, 60)}: ${terminalLine(c.from, 90)} → ${terminalLine(c.to, 90)}`,
    ),
    ...(plan.watched.length === 0
      ? ['  watches    no signal is known to have moved, so recovery could not be shown by production']
      : plan.watched.map(
          (w) =>
            `  watches    ${terminalLine(signalText(w), 60)}: usual ${levelText(w.usual, w.kind)}, incident ${levelText(w.during, w.kind)} (${w.source})`,
        )),
    ...plan.unwatched.map((u) => `  not watched: ${terminalLine(u.signal, 60)}, ${terminalLine(u.why, 200)}`),
    ...plan.notes.map((note) => `  note       ${terminalLine(note, 300)}`),
  ];
  return `${out.join('\n')}\n`;
}
