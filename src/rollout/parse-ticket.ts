// A release ticket out of the text of its file: features/FEATURE.yaml.

import { dirname, resolve } from 'node:path';
import { type DocumentPath, readDocument, whereIn } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { type LastgoodError, throwAll } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { mustBeInside } from '../base/trust.ts';
import type { Monitor } from '../core/monitor.ts';
import type { ReleaseTicket, RolloutGate, RolloutRule } from '../core/ticket.ts';
import { type TicketFile, ticketFileSchema, watchedFeatureSchema } from './ticket-schema.ts';

/** A ticket from the text of its file; paths in it are relative to that file, and are not opened. Throws LastgoodError(s) with line and column. */
export function parseTicket(text: string, file: string): ReleaseTicket {
  const document = readDocument(text, file, 'TICKET');
  const checked = checkShape(ticketFileSchema, document.value, { document, family: 'TICKET' });
  if (!checked.ok) throwAll(checked.errors);
  const ticket = (checked as { readonly value: TicketFile }).value;
  const errors: LastgoodError[] = [];
  const path = (written: string, at: DocumentPath): string => {
    const absolute = resolve(dirname(file), written);
    try {
      mustBeInside(absolute, file, whereIn(document, at));
    } catch (error) {
      errors.push(error as LastgoodError);
    }
    return absolute;
  };
  const read: ReleaseTicket = {
    file,
    feature: ticket.feature,
    workflow: ticket.workflow ?? null,
    control: {
      release: path(ticket.control.release, ['control', 'release']),
      approved: ticket.control.approved ?? null,
    },
    candidate: { release: path(ticket.candidate.release, ['candidate', 'release']) },
    suite: path(ticket.suite, ['suite']),
    offlineTrials: ticket.offline?.trials ?? null,
    stages: ticket.stages.map((s) => ({
      percent: s.percent,
      forMs: s.for ?? null,
      sample: s.sample ?? null,
    })),
    gates: ticket.gates.map(gateOf),
    unit: ticket.unit ?? null,
    firstRollback:
      ticket['first-rollback'] === undefined
        ? null
        : { restore: ticket['first-rollback'].restore, flags: ticket['first-rollback'].flags ?? {} },
    fallbacks: (ticket.fallbacks ?? []).map((f, i) => ({
      name: f.name,
      release: f.release === undefined ? null : path(f.release, ['fallbacks', i, 'release']),
      useWhen: f['use-when'],
      notWhen: f['not-when'],
    })),
    authority: ticket.authority ?? {},
    messages: ticket.messages ?? {},
    flags: ticket.flags ?? {},
    guard:
      ticket.guard === undefined
        ? null
        : {
            rate: ticket.guard.rate ?? {},
            approveAbove: ticket.guard['approve-above'] ?? {},
            fail: ticket.guard.fail,
          },
    monitors: ticket.monitors ?? [],
  };
  throwAll(errors);
  return read;
}

/** Keys of a file that only watches a feature. */
const WATCHING = Object.keys(watchedFeatureSchema.shape);

/** The monitors of a feature, from a ticket or from a file that holds nothing else. Throws LastgoodError(s) with line and column. */
export function parseMonitors(
  text: string,
  file: string,
): { readonly feature: string; readonly monitors: readonly Monitor[] } {
  const document = readDocument(text, file, 'TICKET');
  const { value } = document;
  if (!isJsonObject(value) || Object.keys(value).some((key) => !WATCHING.includes(key))) {
    const { feature, monitors } = parseTicket(text, file);
    return { feature, monitors };
  }
  const checked = checkShape(watchedFeatureSchema, value, { document, family: 'TICKET' });
  if (!checked.ok) throwAll(checked.errors);
  return (checked as { readonly value: { readonly feature: string; readonly monitors: Monitor[] } }).value;
}

function gateOf(g: TicketFile['gates'][number]): RolloutGate {
  return {
    signal: g.signal,
    over: g.over ?? null,
    forMs: g.for ?? null,
    rule: ruleOf(g),
    action: g.then,
    flags: g.and ?? {},
  };
}

function ruleOf(g: TicketFile['gates'][number]): RolloutRule {
  if (g.above !== undefined)
    return { kind: 'above', share: g.above, whileControlBelow: g['while-control-below'] ?? null };
  if (g.times !== undefined && g.of !== undefined) return { kind: 'times', times: g.times, of: g.of };
  if (g['worse-by'] !== undefined) return { kind: 'worse-by', share: g['worse-by'] };
  return { kind: 'count', count: g.count ?? 1 };
}
