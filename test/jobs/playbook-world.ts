// A desk with a whole ticket: people, texts, fallbacks; and what a check of its playbook must leave as it is.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { PlaybookCheck } from '../../src/core/index.ts';
import { playbookCheckSchema } from '../../src/report/json/playbook-schema.ts';
import type { RolloutWorld } from './rollout-world.ts';

export const PEOPLE = {
  engineering: 'shop tools on-call',
  platform: 'platform on-call',
  product: 'ada',
  risk: 'compliance desk',
  support: 'shift lead',
  'incident-commander': 'incident rota',
};
export const MESSAGES = {
  unavailable: 'Answers are not available at the moment. A colleague replies within a day.',
  'review-mode': 'A colleague reads every answer before it is sent.',
  'regeneration-off': 'An answer cannot be made twice at the moment.',
  'known-issue': 'Some answers named a wrong date. We correct them.',
  corrected: 'We have corrected an earlier answer to you.',
};
export const WHOLE = {
  workflow: 'Answers questions about orders',
  fallbacks: [
    {
      name: 'the brief release',
      release: '../releases/brief.yaml',
      'use-when': 'the long answers are wrong',
      'not-when': 'both are',
    },
    { name: 'people', 'use-when': 'money is at stake', 'not-when': 'at night' },
  ],
  authority: PEOPLE,
  messages: MESSAGES,
  flags: { 'ai.action.mode': 'auto', 'ai.tools.enabled': true },
};

/** The parsed check, held against its schema. */
export async function checkDesk(
  d: RolloutWorld,
  ...more: string[]
): Promise<{ code: number; json: PlaybookCheck }> {
  const said = await d.cli<PlaybookCheck>('playbook', 'check', 'desk', '--json', ...more);
  expect(playbookCheckSchema.safeParse(said.json).error, said.stderr).toBeUndefined();
  return said;
}

/** Every row of every table: a check must leave them as they are. */
export function contents(d: RolloutWorld): Record<string, unknown> {
  const db = new Database(join(d.dir, 'ledger.db'), { readonly: true });
  try {
    const tables = db
      .prepare<[], { name: string }>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all();
    return Object.fromEntries(
      tables.map(({ name }) => [name, db.prepare(`SELECT count(*) AS n FROM "${name}"`).get()]),
    );
  } finally {
    db.close();
  }
}
