// How much of an answer the user changed: edit distance over words, as a share.

/** Longer texts, after what both share at their ends is gone, are not measured. */
const MOST_WORDS = 2000;

/** Words that were put in, taken out or replaced, by the longer text's words: 0 = untouched, 1 = nothing is left. null = too long. */
export function editShare(output: string, finalText: string): number | null {
  if (output === finalText) return 0;
  const a = words(output);
  const b = words(finalText);
  const longest = Math.max(a.length, b.length);
  // Only white space differs.
  if (longest === 0) return 0;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  if (Math.max(left.length, right.length) > MOST_WORDS) return null;
  return distance(left, right) / longest;
}

/** Words and single signs; white space only separates. */
function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/** Levenshtein 1966, two rows. */
function distance(a: readonly string[], b: readonly string[]): number {
  let before = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  let now = new Uint32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    now[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (before[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      now[j] = Math.min(replaced, (before[j] as number) + 1, (now[j - 1] as number) + 1);
    }
    [before, now] = [now, before];
  }
  return before[b.length] as number;
}
