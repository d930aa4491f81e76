// Simulated embeddings: texts that share words point the same way, and an updated version points elsewhere.

import { drawsFrom } from './draws.ts';

/** A unit vector: the sum of one random direction per word and word pair, so that the cosine grows with the words two texts share. */
export function embed(text: string, dimensions: number, version: string): number[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['(empty)'];
  const features = [...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)];
  const vector = new Array<number>(dimensions).fill(0);
  for (const feature of features) {
    const draws = drawsFrom('embedding', version, feature);
    for (let i = 0; i < dimensions; i++) vector[i] = (vector[i] ?? 0) + draws.uniform() * 2 - 1;
  }
  const norm = Math.hypot(...vector) || 1;
  return vector.map((x) => x / norm);
}

/** Little-endian float32, base64: what the OpenAI SDK asks for unless told otherwise. */
export function base64Vector(vector: readonly number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString('base64');
}
