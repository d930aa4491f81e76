// Code that a release file of the working tree names may run.

import { codeStands } from '../base/index.ts';
import { commandCode, type Layers } from '../core/index.ts';

/** This code stands in a file of the working tree; the same code out of a ledger may run as well. */
export function rememberCode(
  route: Layers['route'],
  paths: Readonly<Record<string, string>>,
  dependents: readonly { readonly check?: string | undefined }[],
): void {
  if (route.provider === 'command') codeStands('command', commandCode({ layers: { route }, paths }));
  for (const key of ['url', 'base-url'])
    if (typeof route[key] === 'string') codeStands('address', route[key]);
  for (const { check } of dependents) if (check !== undefined) codeStands('check', check);
}
