// A release's identity, or the difference of two, for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import type { LayerName, PinState } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

interface Identity {
  readonly name: string;
  readonly fingerprint: string;
  readonly layers: Readonly<Partial<Record<LayerName, string>>>;
  readonly pin: PinState;
}

interface LayerDifference {
  readonly layer: LayerName;
  readonly state: 'same' | 'changed' | 'added' | 'removed';
  readonly lines: readonly string[];
}

/** Fingerprint, one hash a layer, and whether the model is pinned. */
export function fingerprintText(release: Identity, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const pinColour = release.pin.state === 'pinned' ? style.green : style.yellow;
  const lines = [
    `${style.bold(shortHash(release.fingerprint))}  ${terminalLine(release.name, 80)}`,
    ...table(Object.entries(release.layers).map(([layer, hash]) => [layer, shortHash(hash)])),
    `  model: ${pinColour(release.pin.state)} — ${terminalLine(release.pin.reason, 200)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Which layers differ, and how. */
export function releaseDiffText(
  pair: Identity & { readonly other: Identity; readonly diff: readonly LayerDifference[] },
  options: { readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const changed = pair.diff.filter((d) => d.state !== 'same');
  const lines = [
    `${shortHash(pair.fingerprint)}  ${terminalLine(pair.name, 60)}  →  ${shortHash(pair.other.fingerprint)}  ${terminalLine(pair.other.name, 60)}`,
    changed.length === 0
      ? style.green('the same content: same fingerprint')
      : `${changed.length === 1 ? '1 layer differs' : `${changed.length} layers differ`}: ${changed.map((d) => d.layer).join(', ')}`,
  ];
  for (const d of changed) {
    lines.push('', `${style.bold(d.layer)} (${d.state})`);
    for (const line of d.lines) {
      const text = terminalLine(line, 200);
      lines.push(
        `  ${line.startsWith('+') ? style.green(text) : line.startsWith('-') ? style.red(text) : text}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
