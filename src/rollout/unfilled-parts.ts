// Which parts of a ticket are not filled in yet.

import { AUTHORITIES, CUSTOMER_MESSAGES, type ReleaseTicket } from '../core/ticket.ts';

/** Keys of the ticket that must be there before a rollout starts, each with why. Empty = the ticket is complete. */
export function unfilledParts(
  ticket: ReleaseTicket,
): readonly { readonly key: string; readonly why: string }[] {
  const parts: { key: string; why: string }[] = [];
  const need = (present: boolean, key: string, why: string): void => {
    if (!present) parts.push({ key, why });
  };
  need(ticket.workflow !== null, 'workflow', 'what users do with the feature');
  need(
    ticket.control.approved !== null,
    'control.approved',
    'since when the present release is the approved one',
  );
  need(
    ticket.firstRollback !== null,
    'first-rollback',
    'what is restored before anybody has found the cause',
  );
  need(ticket.fallbacks.length > 0, 'fallbacks', 'what users get when the rollback target is down as well');
  for (const role of AUTHORITIES)
    need(ticket.authority[role] !== undefined, `authority.${role}`, 'who decides once a trigger fires');
  for (const message of CUSTOMER_MESSAGES)
    need(
      ticket.messages[message] !== undefined,
      `messages.${message}`,
      'a text that is ready before it is needed',
    );
  return parts;
}
