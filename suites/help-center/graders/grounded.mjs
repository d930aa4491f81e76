// Passes when every number and the source of the answer are in the passages that the application retrieved.

export default function grounded({ output, context }) {
  if (!Array.isArray(context) || context.length === 0)
    return { score: 0, reason: 'no passages came with the answer' };
  if (output.startsWith('The help centre does not answer this')) return true;
  const passages = context.join('\n');
  const source = /\(([^()]+#[^()]+)\)$/.exec(output)?.[1];
  if (source === undefined || !passages.includes(source))
    return { score: 0, reason: 'the answer names no retrieved source' };
  const missing = (output.match(/\d+(?:\.\d+)?/g) ?? []).filter((number) => !passages.includes(number));
  return missing.length === 0 ? true : { score: 0, reason: `not in the passages: ${missing.join(', ')}` };
}
