// How numbers are written, everywhere the same.

/** 0.954 → "95.4 %". */
export function percent(share: number | null, digits = 1): string {
  return share === null ? 'not known' : `${(100 * share).toFixed(digits)} %`;
}

/** −0.139 → "−13.9 points". */
export function points(share: number | null, digits = 1): string {
  return share === null ? 'not known' : `${signed(100 * share, digits)} points`;
}

/** With a sign, and a true minus. */
export function signed(value: number, digits = 1): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return value < 0 ? `−${text}` : `+${text}`;
}

/** "[−19.1, −8.8]", in points. */
export function pointInterval(interval: readonly [number, number] | null, digits = 1): string {
  return interval === null
    ? 'no interval'
    : `[${signed(100 * interval[0], digits)}, ${signed(100 * interval[1], digits)}]`;
}

/** A p-value people can read: "0.031", "2.1e-41", and from its logarithm where it underflows. */
export function pValue(p: number | null, log10p: number | null = null): string {
  if (p === null && log10p === null) return 'not computed';
  if (log10p !== null && log10p < -4) {
    const exponent = Math.floor(log10p);
    return `${(10 ** (log10p - exponent)).toFixed(1)}e${exponent}`;
  }
  const value = p ?? 10 ** (log10p ?? 0);
  if (value >= 0.001) return value.toFixed(3);
  if (value >= 1e-4) return value.toFixed(4);
  return value.toExponential(1);
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return 'not known';
  return ms >= 10_000
    ? `${(ms / 1000).toFixed(1)} s`
    : ms >= 1000
      ? `${(ms / 1000).toFixed(2)} s`
      : `${Math.round(ms)} ms`;
}

/** US dollars; null is "unknown", never 0. */
export function usd(amount: number | null): string {
  if (amount === null) return 'unknown';
  if (amount === 0) return '$0';
  return amount < 0.01 ? `$${amount.toPrecision(2)}` : `$${amount.toFixed(2)}`;
}

/** Of a whole number: 1234567 → "1,234,567". Loading the locale data for it costs a short command a fifteenth of its time. */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(n)} ${n === 1 ? noun : plural}`;
}

/** "2026-04-01 03:15" (UTC). */
export function when(iso: string | null): string {
  return iso === null ? 'never' : iso.slice(0, 16).replace('T', ' ');
}

/** `32.9 points`, without a sign. */
export function pointsApart(delta: number): string {
  return `${(100 * Math.abs(delta)).toFixed(1)} points`;
}

/** `+23.4 %`, of a relative change. */
export function signedPercent(share: number): string {
  return `${signed(100 * share)} %`;
}

/** A p-value inside a sentence: three significant digits, or a power of ten from the logarithm where the number itself is too small to hold. */
export function probability(p: number, log10p?: number): string {
  if (log10p !== undefined && log10p < -4) {
    const exponent = Math.floor(log10p);
    const rounded = (10 ** (log10p - exponent)).toFixed(1);
    return rounded === '10.0' ? `1.0e${exponent + 1}` : `${rounded}e${exponent}`;
  }
  if (p === 0) return '0';
  if (p < 1e-4) return p.toExponential(1);
  return String(Number(p.toPrecision(3)));
}

/** A duration inside a sentence: `250 ms`, `1.5 s`. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
