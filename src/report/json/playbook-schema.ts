// The published shape of the JSON that `playbook` and `playbook check` print. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { LAYER_NAMES } from '../../core/index.ts';
import { PLAYBOOK_SECTIONS } from '../../core/playbook.ts';
import { AUTHORITIES, CUSTOMER_MESSAGES, GATE_ACTIONS } from '../../core/ticket.ts';
import { quality } from './shipping-schema.ts';
import { signal } from './signals-schema.ts';

const time = z.iso.datetime();
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const whole = z.int().min(0);
const ms = z.number().min(0);
const outcome = z.enum(['works', 'broken', 'open']);
const counts = z.object({ works: whole, broken: whole, open: whole });
const section = z.enum(PLAYBOOK_SECTIONS);
const role = z.enum(AUTHORITIES);
const problem = z.string().nullable().describe('why it cannot be read');
const flags = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const place = { feature: z.string(), environment: z.string(), ticket: z.string().describe('its file') };

const release = z.object({
  file: z.string().describe('as it is typed from the working folder'),
  name: z.string().nullable(),
  fingerprint: hash.nullable(),
  problem,
  provider: z.string().nullable(),
  model: z.string().nullable(),
});

const part = z.object({
  section,
  what: z.string(),
  state: outcome.describe('open = could not tell, or older than --max-age'),
  detail: z.string(),
  next: z.string().nullable().describe('what to do about it'),
});

const step = z.object({
  id: z.string().describe('such as `detect.monitor`'),
  section,
  what: z.string(),
  who: role.nullable().describe('who decides; null = anyone on call'),
  words: z.array(z.string()).describe('behind `lastgood`, not quoted'),
  command: z.string().describe('as it is typed in a POSIX shell'),
  changes: z.boolean().describe('changes what users get, or the ledger'),
  replace: z.record(z.string(), z.string()).describe('words of the command that the reader replaces'),
  rehearsal: z.array(z.string()).describe('words that `playbook check` runs; nothing is changed'),
  works: z.array(z.int()).describe('exit codes that show it works; an error never does'),
});

export const playbookSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('playbook'),
  ...place,
  at: time,
  workflow: z.string().nullable(),
  state: z.enum(['stopped', 'alert', 'unproven', 'steady']),
  reason: z.string(),
  release: z
    .object({
      name: z.string(),
      fingerprint: hash,
      provider: z.string(),
      model: z.string().nullable(),
      since: time,
      by: z.string(),
      why: z.string(),
      quality: quality.nullable(),
    })
    .nullable()
    .describe('in force; null = the registry has none here'),
  before: z.object({ name: z.string(), fingerprint: hash }).nullable(),
  control: release.extend({ approved: z.string().nullable() }),
  candidate: release,
  suite: z.object({ file: z.string(), name: z.string().nullable(), problem }),
  rollout: z
    .object({
      id: z.string(),
      status: z.enum(['running', 'paused', 'frozen', 'complete', 'promoted', 'rolled-back', 'aborted']),
      percent: z.number(),
      reason: z.string(),
      since: time,
      by: z.string(),
    })
    .nullable()
    .describe('the newest'),
  applied: z
    .object({
      id: z.string(),
      status: z.string(),
      target: z.string(),
      percent: z.number(),
      reason: z.string(),
      since: time,
      by: z.string(),
    })
    .nullable()
    .describe('the newest rollback that `rollback --apply` began'),
  episodes: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      of: z.string().describe('suite or monitor'),
      openedAt: time,
      reason: z.string(),
    }),
  ),
  stops: z.array(
    z.object({
      feature: z.string(),
      agent: z.string().nullable(),
      at: time,
      by: z.string(),
      why: z.string(),
    }),
  ),
  pendingApprovals: whole,
  signals: z
    .object({
      from: time,
      to: time,
      observations: whole,
      now: z.array(signal),
      before: z.array(signal).nullable(),
    })
    .nullable()
    .describe('the last 24 hours, and the 24 before; null = nothing was observed'),
  monitors: z.array(
    z.object({
      name: z.string(),
      signal: z.string(),
      change: z.object({ kind: z.enum(['points', 'ratio']), value: z.number() }),
      action: z.enum(['warn', 'alert']),
      last: z
        .object({
          at: time,
          outcome: z.enum(['quiet', 'drift', 'cannot-tell']),
          reason: z.string().nullable(),
        })
        .nullable()
        .describe('null = never checked'),
    }),
  ),
  gates: z.array(z.object({ signal: z.string(), rule: z.string(), action: z.enum(GATE_ACTIONS), flags })),
  webhook: z.boolean().describe('alerts are posted to a webhook'),
  firstRollback: z.object({ restore: z.array(z.enum(LAYER_NAMES)), flags }).nullable(),
  target: z
    .object({
      release: z.string(),
      fingerprint: hash,
      snapshot: z.string().nullable(),
      at: time,
      by: z.enum(['rollback', 'drill']),
      simulated: z.boolean().describe('on a simulator: the provider was not asked'),
    })
    .nullable()
    .describe('last verified rollback target; null = there is none'),
  drill: z
    .object({
      at: time,
      outcome: z.string(),
      ageDays: whole,
      where: z.enum(['simulator', 'staging']),
      elapsedMs: ms,
    })
    .nullable()
    .describe('the newest; null = never'),
  rehearsal: z
    .object({ at: time, outcome, counts, elapsedMs: ms })
    .nullable()
    .describe('the newest time that a drill ran all commands; null = never'),
  fallbacks: z.array(
    z.object({
      name: z.string(),
      release: release.nullable().describe('null = done by people'),
      useWhen: z.string(),
      notWhen: z.string(),
      step: z.string().nullable().describe('id of its command'),
    }),
  ),
  authority: z.array(
    z.object({
      role,
      who: z.string().nullable().describe('null = the ticket does not say'),
      may: z.string(),
    }),
  ),
  messages: z.array(
    z.object({ name: z.enum(CUSTOMER_MESSAGES), text: z.string().nullable(), when: z.string() }),
  ),
  steps: z.array(step),
  again: z.object({ write: z.string(), check: z.string() }),
  links: z.array(z.object({ what: z.string(), url: z.url() })),
  assumedServer: z.boolean().describe('no --url was given: the links are of a server on this machine'),
  missing: z.array(part).describe('what is not there or not known, before any command is run'),
});

export const playbookCheckSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('playbook-check'),
  ...place,
  at: time,
  outcome: outcome.describe('the worst line; exit code 0, 1 or 3'),
  counts,
  elapsedMs: ms,
  lines: z.array(
    part.extend({
      command: z.string().nullable().describe('null = a part of the ticket or the ledger'),
      step: z.string().nullable(),
      exit: z.int().nullable(),
      elapsedMs: ms,
    }),
  ),
});

/** File name in `schema/`, shape, title. */
export const PLAYBOOK_SCHEMAS = [
  ['playbook.schema.json', playbookSchema, 'lastgood playbook'],
  ['playbook-check.schema.json', playbookCheckSchema, 'lastgood playbook check'],
] as const;
