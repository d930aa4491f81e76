// The gates of a rollout: the ticket's rule over the newest answers, everything since the start with intervals, and the evidence.

import { grouped, percent, pointInterval, points } from '../../base/numbers.ts';
import type { GateReport, LiteralReading, RolloutReport } from '../../core/rollout.ts';
import { powerText, valueText } from '../../core/rollout-words.ts';
import { type Html, html, NOTHING } from '../html/html.ts';
import { htmlTable } from '../html/html-page.ts';
import { px } from '../html/series-svg.ts';

const LITERAL: Readonly<Record<LiteralReading, { readonly text: string; readonly tone: string }>> = {
  red: { text: 'met', tone: 'bad' },
  green: { text: 'not met', tone: 'good' },
  collecting: { text: 'too few yet', tone: 'warn' },
  'no-control': { text: 'no control left', tone: 'warn' },
};

export function gateTable(r: RolloutReport): Html {
  return htmlTable(
    ['gate', 'rule of the ticket, newest answers', 'since the start [95%]', 'evidence'],
    r.gates.map((gate) => [
      html`<span class="wrap">${gate.signal}</span><br><span class="small dim">${gate.rule}, then ${gate.action}${gate.limit === null ? '' : `; shares are those above ${limitText(gate)}`}</span>`,
      literalCell(gate),
      sinceStartCell(gate),
      evidenceCell(gate, r.needed),
    ]),
    {
      ...{ narrow: 'stack', labels: true },
      caption: `A gate acts at evidence of ${powerText(r.needed)}. While its rule is met, time does not count for the stage. Evidence and intervals stay valid however often they are read, for independent answers.`,
    },
  );
}

function literalCell({ literal, candidate, control, unit }: GateReport): Html {
  const { text, tone } = LITERAL[literal];
  const arm = ({ n, value }: GateReport['candidate']): string =>
    value === null ? `unknown of ${grouped(n)}` : `${shown(value, unit)} of ${grouped(n)}`;
  return html`<span class="state ${tone}">${text}</span><br><span class="small">${arm(candidate)}<br><span class="dim">control ${arm(control)}</span></span>`;
}

function sinceStartCell({ sinceStart: { candidate, control, difference }, unit }: GateReport): Html {
  if (candidate.n === 0) return html`<span class="dim">nothing seen of the candidate</span>`;
  const arm = ({ n, value, interval }: typeof candidate): string =>
    `${shown(value, unit)}${interval === null ? '' : ` [${interval.map((end) => shown(end, unit)).join(', ')}]`} of ${grouped(n)}`;
  const change =
    difference.value === null
      ? NOTHING
      : unit === 'share'
        ? html`<br><strong>${points(difference.value, 2)}</strong> ${pointInterval(difference.interval, 2)}`
        : html`<br><strong>${signedNumber(difference.value)}</strong> (no interval: only sums are stored)`;
  return html`<span class="small">${arm(candidate)}<br><span class="dim">control ${arm(control)}</span>${change}</span>`;
}

/** Rare events need a second digit; a number stays beside its sign. */
function shown(value: number | null, unit: GateReport['unit']): string {
  if (value === null || unit === 'number') return valueText(value, unit);
  return percent(value, value < 0.05 ? 2 : 1).replace(' ', '\u00a0');
}

function limitText({ signal, limit }: GateReport): string {
  const unit = signal.startsWith('latency') ? 'ms' : 'characters';
  return `${grouped(Math.round(limit ?? 0))} ${unit}`;
}

function signedNumber(value: number): string {
  return `${value < 0 ? '−' : '+'}${Number(Math.abs(value).toPrecision(3))}`;
}

/** The bar is full where the gate acts. */
function evidenceCell({ evidence, fired, action, literal }: GateReport, needed: number): Html {
  const acted = fired ? html`<br><strong class="bad">acts: ${action}</strong>` : NOTHING;
  if (evidence === null)
    return html`<span class="small">no test for this signal: the rule acts${literal === 'red' ? '' : ' when it is met'}</span>${acted}`;
  const share = Math.min(1, Math.max(0, evidence / needed));
  return html`<svg viewBox="0 0 120 8" aria-hidden="true"><rect width="120" height="8" rx="2" fill="var(--line)"/><rect width="${px(120 * share)}" height="8" rx="2" fill="${fired ? 'var(--bad)' : 'var(--accent)'}"/></svg><span class="small">${powerText(evidence)} of ${powerText(needed)}</span>${acted}`;
}
