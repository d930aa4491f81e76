// The JSON an alert is posted as. `text` and `blocks` are what Slack shows; everything else is for programs. No model text is in it.

import { shortHash } from '../../base/index.ts';
import { percent, points, when } from '../../base/numbers.ts';
import { cut, slackText } from './slack-text.ts';

export interface AlertFacts {
  readonly id: string;
  readonly event: 'regression.opened' | 'regression.recovered' | 'regression.superseded';
  readonly suite: string;
  readonly series: string;
  readonly at: string;
  readonly episode: { readonly id: string; readonly openedAt: string; readonly nights: number };
  readonly release: string;
  readonly fingerprint: string;
  readonly snapshot: string;
  readonly baseline: string;
  readonly passRate: number | null;
  readonly baselinePassRate: number | null;
  readonly reason: string;
  /** Tag the drop sits in; null = the whole suite, or single cases. */
  readonly tag: string | null;
  /** Ids of regressed cases, worst first. */
  readonly regressed: readonly string[];
  readonly diagnosis: string;
  readonly servedModels: readonly (string | null)[];
  /** What was recorded on the timeline lately. */
  readonly events: readonly { readonly at: string; readonly kind: string; readonly text: string }[];
  readonly next: string;
  readonly simulated: boolean;
}

const MOST_CASES = 20;
/** Slack refuses a longer section. */
const MOST_TEXT = 2900;

const HEADLINES = {
  'regression.opened': 'regressed',
  'regression.recovered': 'is well again',
  'regression.superseded': 'has a new baseline; the open regression is closed',
} as const;

/** The body of the POST; plain JSON values only. */
export function alertBody(f: AlertFacts): Record<string, unknown> {
  const bad = f.event === 'regression.opened';
  const headline = `${bad ? '🔴' : '🟢'} ${f.suite} ${HEADLINES[f.event]}${f.simulated ? ' (simulated or recorded answers)' : ''}`;
  const change =
    f.passRate === null || f.baselinePassRate === null
      ? ''
      : ` ${percent(f.baselinePassRate)} → ${percent(f.passRate)} (${points(f.passRate - f.baselinePassRate)})`;
  const lines = bad
    ? [
        `*${slackText(f.release)}* ${shortHash(f.fingerprint)}, night of ${when(f.at)} UTC:${change}`,
        slackText(f.reason),
        f.regressed.length === 0
          ? ''
          : `Cases: ${f.regressed.slice(0, 8).map(slackText).join(', ')}${f.regressed.length > 8 ? ` and ${f.regressed.length - 8} more` : ''}`,
        `Diagnosis: ${slackText(f.diagnosis)}`,
        ...f.events.slice(-3).map((e) => `${when(e.at)} ${slackText(e.kind)}: ${slackText(e.text)}`),
        `Next: \`${slackText(f.next)}\``,
      ]
    : [
        `*${slackText(f.release)}* ${shortHash(f.fingerprint)}, night of ${when(f.at)} UTC:${change}`,
        `Open since ${when(f.episode.openedAt)} UTC, ${f.episode.nights} ${f.episode.nights === 1 ? 'night' : 'nights'}.`,
      ];
  return {
    schemaVersion: 1,
    kind: 'alert',
    id: f.id,
    event: f.event,
    suite: f.suite,
    series: f.series,
    at: f.at,
    episode: f.episode,
    release: f.release,
    fingerprint: f.fingerprint,
    snapshot: f.snapshot,
    baseline: f.baseline,
    passRate: f.passRate,
    baselinePassRate: f.baselinePassRate,
    reason: f.reason,
    tag: f.tag,
    regressed: f.regressed.slice(0, MOST_CASES),
    regressedCount: f.regressed.length,
    diagnosis: f.diagnosis,
    servedModels: f.servedModels,
    events: f.events,
    next: f.next,
    simulated: f.simulated,
    text: `${headline}:${change || ` ${f.reason}`}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(headline, 150), emoji: true } },
      {
        type: 'section',
        text: { type: 'mrkdwn', text: cut(lines.filter((l) => l !== '').join('\n'), MOST_TEXT) },
      },
    ],
  };
}
