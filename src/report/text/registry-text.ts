// The registry for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import { percent, points, when } from '../../base/numbers.ts';
import type { Pointer, RegistryEntry } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const DAY_MS = 86_400_000;
/** From so many days before its end on, a deprecated release is a warning. */
const SOON_DAYS = 7;

/** One block a feature: what is in force, how good it was, what changed, what ends when. */
export function registryText(
  entries: readonly RegistryEntry[],
  options: { readonly style?: Style; readonly now: Date },
): string {
  if (entries.length === 0)
    return 'The registry is empty. Point a feature to a release: lastgood registry set FEATURE RELEASE --why TEXT\n';
  const style = options.style ?? PLAIN;
  return `${entries.map((e) => entryLines(e, options.now, style).join('\n')).join('\n\n')}\n`;
}

function entryLines(entry: RegistryEntry, now: Date, style: Style): string[] {
  const { current: c, before, deprecated, withdrawn } = entry;
  const model = `${c.provider} ${c.model ?? '(no model named)'}`;
  const lines = [
    `${style.bold(`${terminalLine(entry.feature, 64)}  ${terminalLine(entry.environment, 64)}`)}`,
    `  release  ${releaseText(c)}  model ${terminalLine(model, 80)}  prompt ${promptText(c)}`,
    `  quality  ${qualityText(entry, style)}`,
    before === null
      ? '  changed  first release of this feature here'
      : `  changed  ${before.layersChanged.join(', ') || 'nothing'} since ${terminalLine(before.release, 60)} ${shortHash(before.fingerprint)}; ${before.verdict === null ? 'the two were never compared' : `compared: ${before.verdict}`}`,
    `  since    ${when(c.at)} UTC by ${terminalLine(c.by, 60)}: ${terminalLine(c.why, 200)}${c.restored ? ' (restored)' : ''}`,
  ];
  if (entry.candidate !== null)
    lines.push(`  candidate ${releaseText(entry.candidate)} for the share ai.rollout.percent of the traffic`);
  if (c.overrode.length > 0)
    lines.push(style.yellow(`  overrode ${terminalLine(c.overrode.join('; '), 300)}`));
  if (withdrawn !== null) lines.push(style.red(`  withdrawn: ${terminalLine(withdrawn, 200)}`));
  for (const d of deprecated) {
    const days = Math.ceil((Date.parse(d.until) - now.getTime()) / DAY_MS);
    const what = `${terminalLine(d.release, 60)} ${shortHash(d.fingerprint)}`;
    if (d.state === 'ended') lines.push(style.dim(`  ended    ${what} on ${when(d.until)} UTC`));
    else {
      const line = `  old      ${what} reachable until ${when(d.until)} UTC: ${terminalLine(d.message, 200)}`;
      lines.push(days <= SOON_DAYS ? style.yellow(`${line} (warning: ends within ${days} days)`) : line);
    }
  }
  return lines;
}

function releaseText({ release, fingerprint }: Pick<Pointer, 'release' | 'fingerprint'>): string {
  return `${terminalLine(release, 60)} ${shortHash(fingerprint)}`;
}

function promptText({ layerHashes }: Pointer): string {
  return layerHashes.prompt === undefined ? 'none' : shortHash(layerHashes.prompt);
}

function qualityText({ quality: q }: RegistryEntry, style: Style): string {
  if (q === null) return style.yellow('never measured by a valid run');
  const simulated = q.simulated ? ' (simulated)' : '';
  const measured = `${percent(q.passRate)} on ${when(q.at)} UTC${simulated}`;
  if (q.against === null) return `${measured}; nothing to compare it with`;
  const { what, at, delta } = q.against;
  const than = `the ${what === 'same release' ? 'run before' : 'release before'} (${when(at)} UTC)`;
  if (delta === null) return `${measured}; not comparable with ${than}`;
  if (q.direction === 'equal') return `${measured}, equal to ${than}`;
  const text = `${measured}, ${q.direction} than ${than}: ${points(delta)}, not tested`;
  return q.direction === 'lower' ? style.yellow(text) : text;
}

/** What `set` and `restore` did. */
export function pointerText(p: Pointer, candidate = false): string {
  const overrode = p.overrode.length === 0 ? '' : `overrode: ${terminalLine(p.overrode.join('; '), 400)}\n`;
  const shown = p.snapshot === null ? '' : `, measured by ${p.snapshot}`;
  return `${terminalLine(p.feature, 64)} in ${terminalLine(p.environment, 64)} ${candidate ? 'has the candidate' : 'now points to'} ${releaseText(p)}${shown} (by ${terminalLine(p.by, 60)}: ${terminalLine(p.why, 200)})\n${overrode}`;
}
