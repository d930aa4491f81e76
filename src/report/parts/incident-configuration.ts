// The configuration part of a post-mortem: what was live on both sides, how it differs, how it came there.

import type { JsonObject } from '../../base/index.ts';
import { shortHash } from '../../base/index.ts';
import { count, when } from '../../base/numbers.ts';
import type { IncidentReport, RecordedConfiguration } from '../../core/index.ts';
import { type Block, code, heading, type Line, paragraph, strong } from './incident-blocks.ts';

/** Changes of releases shown with their differences. */
const MAX_CHANGES = 20;

export function configurationBlocks({ configuration: c }: IncidentReport): Block[] {
  const row = (name: string, of: (side: RecordedConfiguration) => Line): Line[] => [
    [name],
    of(c.good),
    of(c.bad),
  ];
  const promptChanges = c.changes.filter((x) => x.layers.some((l) => l.layer === 'prompt')).length;
  return [
    heading(2, 'Configuration'),
    {
      kind: 'table',
      head: ['', 'when it was good', 'when it was bad'],
      rows: [
        row('release', (s) => [`${s.release} `, code(shortHash(s.fingerprint))]),
        row('provider', (s) => [s.provider]),
        row('model asked for', (s) => [s.model ?? 'not named in the release', ` (${s.pin.state})`]),
        row('model served', (s) => [
          s.servedModels.map((m) => m ?? 'not disclosed').join(', ') || 'nothing was answered',
        ]),
        row('parameters', (s) => [paramsText(s.params)]),
        row('layers', (s) => [s.layers.join(', ')]),
      ],
    },
    ...(c.difference.length === 0
      ? [paragraph(strong('No layer differs.'), ' Nothing on this side of the provider explains the change.')]
      : c.difference.flatMap((d): Block[] => [
          heading(3, `${d.layer}: ${d.state}`),
          { kind: 'diff', lines: d.lines },
        ])),
    heading(3, `Changes on record in the ${30} days before`),
    c.changes.length === 0
      ? paragraph(
          `No release changed its content under the same name in the ledger since ${when(c.since)} UTC; in particular no prompt did. The ledger knows releases that were run, not what was edited in between.`,
        )
      : paragraph(
          `${count(c.changes.length, 'change')} of a release since ${when(c.since)} UTC, ${promptChanges} of them touching the prompt. The ledger knows releases that were run, not what was edited in between.`,
        ),
    ...c.changes
      .slice(-MAX_CHANGES)
      .flatMap((x): Block[] => [
        paragraph(
          strong(`${when(x.at)} UTC, ${x.release}`),
          ': ',
          code(shortHash(x.from)),
          ' → ',
          code(shortHash(x.to)),
          ', first run ',
          code(x.snapshot),
        ),
        ...x.layers.map((l): Block => ({ kind: 'diff', lines: [`${l.layer}`, ...l.lines] })),
      ]),
  ];
}

function paramsText(params: JsonObject): string {
  const entries = Object.entries(params);
  return entries.length === 0 ? 'none sent' : entries.map(([k, v]) => `${k} ${JSON.stringify(v)}`).join(', ');
}
