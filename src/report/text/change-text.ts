// The log of shipping for a person at a terminal: who changed what, when and why.

import { shortHash } from '../../base/index.ts';
import { when } from '../../base/numbers.ts';
import type { ShippingChange } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';

/** One line a change, oldest first. `what` says what was changed. */
export function changesText(
  changes: readonly ShippingChange[],
  what: (change: ShippingChange) => string = changeText,
): string {
  if (changes.length === 0) return 'Nothing was changed.\n';
  return `${changes
    .map(
      (c) =>
        `${when(c.at)}  ${terminalLine(c.feature, 64)}  ${terminalLine(c.environment, 64)}  ${terminalLine(what(c), 200)}  by ${terminalLine(c.by, 60)}: ${terminalLine(c.why, 200)}`,
    )
    .join('\n')}\n`;
}

function changeText({ kind, body, name }: ShippingChange): string {
  if (kind === 'deprecation')
    return `deprecated ${String(body['release'])} ${shortHash(name)} until ${String(body['until'])}`;
  const how = body['restored'] === true ? 'restored' : name === '' ? 'set' : name;
  const overrode = Array.isArray(body['overrode']) && body['overrode'].length > 0 ? ' (overridden)' : '';
  return `${how} ${String(body['release'])} ${shortHash(String(body['fingerprint']))}${overrode}`;
}
