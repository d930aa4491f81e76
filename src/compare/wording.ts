// How numbers read inside the sentences of a verdict. Reports format their own tables; a reason must read alike everywhere.

/** `84.0 %` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** `32.9 points`, without a sign. */
export function points(delta: number): string {
  return `${(100 * Math.abs(delta)).toFixed(1)} points`;
}

/** `+1.4` or `-32.9`, in points. */
export function signedPoints(delta: number): string {
  const text = (100 * delta).toFixed(1);
  return delta > 0 ? `+${text}` : text === '-0.0' ? '0.0' : text;
}

/** `+23.4 %`, of a relative change. */
export function signedPercent(share: number): string {
  return `${signedPoints(share)} %`;
}

/** `[-37.0, -29.0] points` */
export function intervalText(interval: readonly [number, number] | null): string {
  return interval === null
    ? 'no interval'
    : `[${signedPoints(interval[0])}, ${signedPoints(interval[1])}] points`;
}

/** Three significant digits, or a power of ten from the logarithm where the number itself is too small to hold. */
export function probability(p: number, log10p?: number): string {
  if (log10p !== undefined && log10p < -4) {
    const exponent = Math.floor(log10p);
    const mantissa = 10 ** (log10p - exponent);
    const rounded = mantissa.toFixed(1);
    return rounded === '10.0' ? `1.0e${exponent + 1}` : `${rounded}e${exponent}`;
  }
  if (p === 0) return '0';
  if (p < 1e-4) return p.toExponential(1);
  return String(Number(p.toPrecision(3)));
}

/** `3/3` */
export function tally(arm: { readonly passed: number; readonly trials: number }): string {
  return `${arm.passed}/${arm.trials}`;
}

/** `1 case`, `12 cases` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At most `limit` ids, and how many more there are. */
export function someIds(ids: readonly string[], limit = 5): string {
  const shown = ids.slice(0, limit).join(', ');
  return ids.length > limit ? `${shown} and ${ids.length - limit} more` : shown;
}

/** `a`, `a and b`, `a, b and c` */
export function listing(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
