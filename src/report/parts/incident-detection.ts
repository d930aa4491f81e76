// The detection part of a post-mortem: how long it went unseen, and which signal should have called.

import { count, when } from '../../base/numbers.ts';
import type { IncidentReport } from '../../core/index.ts';
import { type Block, code, heading, type Line, paragraph, strong } from './incident-blocks.ts';

const HOUR_MS = 3_600_000;
const MAX_SIGNALS = 15;
/** Gate rules whose name alone says too little. */
const SPOKEN: Readonly<Record<string, string>> = {
  verdict: 'pass rate of the suite (gate rule verdict)',
};

export function detectionBlocks(r: IncidentReport): Block[] {
  const { detection: d } = r;
  const first = d.signals[0];
  const steps: Line[][] = [];
  const at = (name: string, time: string | null, unknown: string): void => {
    steps.push([[name], [time === null ? unknown : `${when(time)} UTC`]]);
  };
  at('last good run', d.lastGood?.at ?? null, 'none before the first bad one');
  at('began', d.since, 'not recorded');
  at('first bad run', d.firstBad.at, '');
  if (d.alertAt !== null) at('alert raised by the nightly run', d.alertAt, '');
  at('noticed', d.detectedAt, 'not recorded');
  at('over', d.resolvedAt, 'not recorded');
  return [
    heading(2, 'Detection gap'),
    { kind: 'table', head: ['', ''], rows: steps },
    paragraph(
      gapText(r),
      d.hoursToResolve === null ? '' : ` From notice to the end: ${hoursText(d.hoursToResolve)}.`,
      verifiedText(r),
    ),
    ...(d.hoursBetweenRuns === null
      ? []
      : [
          paragraph(
            `The suite ran every ${hoursText(d.hoursBetweenRuns)} (median between good and bad), so a change can be that old before a run meets it.`,
          ),
        ]),
    first === undefined
      ? paragraph(
          strong('No signal fires.'),
          ' Neither a gate rule nor a tag nor a channel moved far enough at the bad run.',
        )
      : paragraph(
          'The signal that should have called first: ',
          strong(SPOKEN[first.name] ?? first.name),
          `, at run `,
          code(first.snapshot),
          ` (${when(first.at)} UTC): ${first.message}. ${first.strength === 'fail' ? 'It fails the gate.' : 'It only warns, so it would not have paged anybody.'}${d.detectedAt !== null && first.at > d.detectedAt ? ' That run was made after people had noticed: earlier, nothing was running that could have called.' : ''}`,
        ),
    ...(d.signals.length > 1
      ? [
          paragraph(`${count(d.signals.length, 'signal')} in all, earliest first:`),
          {
            kind: 'table' as const,
            head: ['signal', 'since (UTC)', 'strength', 'what it saw'],
            rows: d.signals
              .slice(0, MAX_SIGNALS)
              .map((s) => [
                [SPOKEN[s.name] ?? s.name],
                [when(s.at)],
                [s.strength === 'fail' ? 'fails' : 'warns'],
                [s.message],
              ]),
          },
        ]
      : []),
  ];
}

/** From notice to a rollback target that was shown to work; empty where either is not known. */
function verifiedText({ detection: d, rollback }: IncidentReport): string {
  if (d.detectedAt === null || rollback === null || rollback.decision.decision !== 'verified') return '';
  const hours = (Date.parse(rollback.at) - Date.parse(d.detectedAt)) / HOUR_MS;
  return hours < 0
    ? ` A rollback target had been verified ${hoursText(-hours)} before notice.`
    : ` From notice to a verified rollback target: ${hoursText(hours)}.`;
}

/** The gap in words, with what it is counted from; never a number that was not told. */
export function gapText({ detection: d }: IncidentReport): string {
  if (d.detectedAt === null && d.alertAt !== null) {
    const from = d.since ?? d.firstBad.at;
    return `The nightly run raised an alert ${hoursText(Math.max(0, (Date.parse(d.alertAt) - Date.parse(from)) / HOUR_MS))} after ${d.since === null ? 'the first bad run began' : 'it began'}; when a person noticed it is not recorded (--detected).`;
  }
  if (d.detectedAt === null) return 'Not known: when it was noticed is not recorded (--detected).';
  if (d.hoursToDetect !== null)
    return `${hoursText(d.hoursToDetect)} from its beginning until it was noticed.`;
  const fromRun = (Date.parse(d.detectedAt) - Date.parse(d.firstBad.at)) / HOUR_MS;
  if (fromRun < 0)
    return `It was noticed ${hoursText(-fromRun)} before the first bad run, so not by the suite. When it began is not recorded.`;
  return `${hoursText(fromRun)} from the first bad run to being noticed${
    d.lastGood === null
      ? ''
      : `, at most ${hoursText((Date.parse(d.detectedAt) - Date.parse(d.lastGood.at)) / HOUR_MS)} from its beginning`
  } (when it began is not recorded).`;
}

/** "40 minutes", "7.5 hours", "3.2 days". */
export function hoursText(hours: number): string {
  if (hours < 1) return count(Math.round(hours * 60), 'minute');
  if (hours < 48) return `${Number(hours.toFixed(1))} ${hours === 1 ? 'hour' : 'hours'}`;
  return `${Number((hours / 24).toFixed(1))} days`;
}
