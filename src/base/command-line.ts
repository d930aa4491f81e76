// A command's words: split by the quoting rules people expect, nothing expanded; and which of them name program files.

import { type JsonValue, normalizeNewlines, sha256 } from './json.ts';

/** Words separated by white space; `'…'` keeps everything, `"…"` and `\` quote. */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    const next = text[i + 1];
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === undefined && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (char === quote) {
      quote = undefined;
    } else if (char === '\\' && quote !== "'" && next !== undefined && /[\s"'\\]/.test(next)) {
      word = (word ?? '') + next;
      i++;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A command as a route gives it: one text, or the list of its words. */
export function commandWords(given: JsonValue | undefined): string[] {
  if (typeof given === 'string') return splitCommand(given);
  return ((Array.isArray(given) ? given : []) as readonly JsonValue[]).map(String);
}

/** Endings of files that are programs; other files that a command names may be what it writes. */
const PROGRAM =
  /\.(?:[cm]?[jt]sx?|py|rb|php|pl|lua|sh|bash|zsh|fish|ps1|bat|cmd|r|jl|go|rs|java|jar|kts?|scala|clj|exs?|swift|dart|cs|fs|wasm|exe)$/i;

/**
 * Words of a command that may name a program file by a relative path. Alone in front, a word without a slash is looked up in PATH,
 * so it names no file of ours.
 */
export function programWords(words: readonly string[]): string[] {
  return [
    ...new Set(
      words.filter(
        (word, i) =>
          !word.startsWith('-') &&
          !/^([/\\~]|[a-z]:|[a-z]+:\/\/)/i.test(word) &&
          (i === 0 ? /[/\\]/.test(word) : PROGRAM.test(word)),
      ),
    ),
  ];
}

/** The hash of a program file as the fingerprint has it: line ends do not count. */
export function programHash(text: string): string {
  return sha256(normalizeNewlines(text));
}
