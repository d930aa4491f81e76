// The JSON that the alert of a monitor is posted as. `text` and `blocks` are what Slack shows; everything else is for programs. No model text is in it.

import { when } from '../../base/numbers.ts';
import type { MonitorState } from '../../core/index.ts';
import { cut, slackText } from './slack-text.ts';

export interface DriftAlertFacts {
  readonly id: string;
  readonly event: 'drift.opened' | 'drift.recovered' | 'drift.superseded';
  readonly at: string;
  readonly episode: {
    readonly id: string;
    readonly feature: string;
    readonly monitor: string;
    readonly signal: string;
    readonly openedAt: string;
    readonly endedAt: string | null;
    readonly summary: string;
  };
  /** What the monitor says now; null when the file has it no more. */
  readonly state: Omit<MonitorState, 'episode'> | null;
}

/** Groups that are named in a message. */
const MOST_GROUPS = 5;
/** Slack refuses a longer section. */
const MOST_TEXT = 2900;

const HEADLINES = {
  'drift.opened': 'drifted',
  'drift.recovered': 'is back',
  'drift.superseded': 'is no longer judged as before; its episode is closed',
} as const;

/** The body of the POST; plain JSON values only. */
export function driftAlertBody({ id, event, at, episode, state }: DriftAlertFacts): Record<string, unknown> {
  const { feature, monitor, signal, openedAt, endedAt, summary } = episode;
  const bad = event === 'drift.opened';
  const drift = state?.drift ?? null;
  const affected = drift?.affected ?? [];
  const next = `lastgood timeline ${feature} --since 7d`;
  const headline = `${bad ? '🔴' : '🟢'} ${feature}: ${monitor} ${HEADLINES[event]}`;
  const lines = bad
    ? [
        slackText(summary),
        affected.length === 0
          ? ''
          : `Moved most (${state?.by ?? 'template'}): ${affected
              .slice(0, MOST_GROUPS)
              .map((a) => slackText(a.group ?? '(none)'))
              .join(', ')}`,
        `Next: \`${slackText(next)}\``,
      ]
    : [
        `Open since ${when(openedAt)} UTC${endedAt === null ? '' : `, ended ${when(endedAt)} UTC`}.`,
        slackText(summary),
      ];
  return {
    schemaVersion: 1,
    kind: 'alert',
    ...{ id, event, feature, monitor, signal, at },
    episode: { id: episode.id, openedAt, endedAt },
    reason: summary,
    by: state?.by ?? null,
    drift,
    next,
    text: `${headline}: ${summary}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(headline, 150), emoji: true } },
      {
        type: 'section',
        text: { type: 'mrkdwn', text: cut(lines.filter((l) => l !== '').join('\n'), MOST_TEXT) },
      },
    ],
  };
}
