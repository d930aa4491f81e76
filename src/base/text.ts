// Measures of text that several rooms must agree on to the character.

/** Length in Unicode code points: an astral emoji counts once, as people and other languages count it. */
export function codePointLength(text: string): number {
  let n = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    const high = text.charCodeAt(i);
    if (high >= 0xd800 && high <= 0xdbff) {
      const low = text.charCodeAt(i + 1);
      if (low >= 0xdc00 && low <= 0xdfff) {
        n--;
        i++;
      }
    }
  }
  return n;
}

/** Words as runs of non-white-space. */
export function wordCount(text: string): number {
  return text.match(/\S+/gu)?.length ?? 0;
}
