// The offline embedding: hashed character n-grams. It sees words and style, not meaning, and is labelled `lexical`.

/** Its id; vectors of different ids are never compared. */
export const LEXICAL = 'lexical-512';

const DIMENSIONS = 512;
/** Longer texts are embedded by their start: style and format show there, and time stays bounded. */
const LONGEST = 4000;

/** Signed hashing of 3-, 4- and 5-grams (Weinberger et al. 2009), scaled to components from -127 to 127. null for a text that says nothing. */
export function lexicalEmbedding(text: string): Int8Array | null {
  const clean = text.slice(0, LONGEST).toLowerCase().replace(/\s+/g, ' ').trim();
  if (clean === '') return null;
  const padded = ` ${clean} `;
  const sums = new Float64Array(DIMENSIONS);
  for (let from = 0; from < padded.length; from++) {
    let hash = 0x811c9dc5;
    for (let length = 1; length <= 5 && from + length <= padded.length; length++) {
      // FNV-1a over UTF-16 code units: each n-gram continues the hash of the shorter one.
      hash = Math.imul(hash ^ padded.charCodeAt(from + length - 1), 0x01000193);
      if (length < 3) continue;
      const mixed = hash ^ (hash >>> 15);
      const at = mixed & (DIMENSIONS - 1);
      sums[at] = (sums[at] as number) + ((mixed >>> 16) & 1 ? 1 : -1);
    }
  }
  let longest = 0;
  for (const value of sums) longest = Math.max(longest, Math.abs(value));
  // Signs can cancel out in a text of one n-gram or two.
  if (longest === 0) return null;
  return Int8Array.from(sums, (value) => Math.round((127 * value) / longest));
}
