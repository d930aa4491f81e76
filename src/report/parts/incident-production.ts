// The production part of a post-mortem: which signals moved for users, how long before notice, and which monitor would have called.

import { count, when } from '../../base/numbers.ts';
import type { IncidentProduction, IncidentReport, MoveFacts } from '../../core/index.ts';
import { type Block, heading, type Inline, paragraph, strong } from './incident-blocks.ts';
import { hoursText } from './incident-detection.ts';
import { signalChangeText, signalValueText } from './signal-words.ts';

const HOUR_MS = 3_600_000;
const MOST_TEMPLATES = 3;

export function productionBlocks({ production: p, detection }: IncidentReport): Block[] {
  if (p === undefined) return [];
  return [
    heading(2, 'What users saw'),
    paragraph(
      `Feature ${p.feature}, ${when(p.from)} to ${when(p.to)} UTC, ${count(p.observations, 'answer')}. `,
      ...firstMove(p, detection.detectedAt),
      ' ',
      ...firstDrift(p, detection.detectedAt),
      ` ${usersText(p)}`,
    ),
    ...(p.moves.length === 0
      ? []
      : [
          {
            kind: 'table' as const,
            head: ['signal', 'began (UTC)', 'change', 'templates that differ most'],
            rows: p.moves.map(({ at, byUsers, move }) => [
              [byUsers ? `${move.signal} (users)` : move.signal],
              [began(at, move)],
              [
                `${signalChangeText(move.unit, move.from, move.to)} (${signalValueText(move.unit, move.from)} → ${signalValueText(move.unit, move.to)})`,
              ],
              [templates(move)],
            ]),
          },
        ]),
  ];
}

/** The same in one sentence; empty without a feature. */
export function productionSentence({ production: p, detection }: IncidentReport): string {
  if (p === undefined) return '';
  const text = (parts: readonly Inline[]): string =>
    parts
      .map((part) => (typeof part === 'string' ? part : 'code' in part ? part.code : part.strong))
      .join('');
  const [move, drift] = [firstMove, firstDrift].map((part) => text(part(p, detection.detectedAt)));
  return `${move} ${drift} ${usersText(p)}`.trim();
}

function firstMove({ moves, unjudged }: IncidentProduction, detectedAt: string | null): Inline[] {
  const [first] = moves;
  if (first === undefined)
    return [
      unjudged.length === 0
        ? 'No signal of production moved.'
        : `No signal of production is shown to have moved; ${count(unjudged.length, 'signal')} could not be judged.`,
    ];
  return [
    'The first signal that moved: ',
    strong(first.move.signal),
    ` at ${when(first.at)} UTC${before(first.at, detectedAt)}.`,
  ];
}

/** What users did with the answers; empty where nothing moved at all. */
function usersText({ moves }: IncidentProduction): string {
  const users = moves.filter((m) => m.byUsers);
  if (moves.length === 0) return '';
  return users.length === 0
    ? 'Nothing that users did with the answers is shown to have changed.'
    : `Users reacted: ${users.map((u) => `${u.move.signal} from ${when(u.at)}`).join(', ')}.`;
}

function firstDrift({ drifts }: IncidentProduction, detectedAt: string | null): Inline[] {
  if (drifts === null) return ['The feature has no monitors that could have called.'];
  const [first] = drifts;
  if (first === undefined) return ['None of its monitors shows a drift in this time.'];
  return [
    `The monitor that ${first.action === 'alert' ? 'calls' : 'would have warned'} first: `,
    strong(first.monitor),
    ` at ${when(first.at)} UTC${before(first.at, detectedAt)}.${first.action === 'alert' ? '' : ' Its action is `warn`, so it posts no alert.'}`,
  ];
}

function before(at: string, detectedAt: string | null): string {
  if (detectedAt === null) return '';
  const hours = (Date.parse(detectedAt) - Date.parse(at)) / HOUR_MS;
  return hours >= 0
    ? `, ${hoursText(hours)} before it was noticed`
    : `, ${hoursText(-hours)} after it was noticed`;
}

/** A beginning that is known to within half an hour is one time. */
function began(at: string, { earliest, latest }: MoveFacts): string {
  return Date.parse(latest) - Date.parse(earliest) <= HOUR_MS / 2
    ? when(at)
    : `${when(earliest)} to ${when(latest)}`;
}

function templates({ unit, templates: list }: MoveFacts): string {
  return list
    .slice(0, MOST_TEMPLATES)
    .map((t) => `${t.template ?? '(none)'} ${signalValueText(unit, t.from)} → ${signalValueText(unit, t.to)}`)
    .join(', ');
}
