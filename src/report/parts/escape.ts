// Model text is hostile wherever it is shown: here it is made harmless for each place.

/**
 * What acts on a terminal, reorders text, or hides in it: control characters, bidi marks, zero-width and tag characters,
 * variation selectors that no emoji needs.
 */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\u034f|[\ufe00-\ufe0d]/gu;

/** The symbol of a control character, the number of any other. */
function visible(c: string): string {
  const code = c.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  const hex = code.toString(16).padStart(4, '0');
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex}`;
}

/** For a terminal or a log: control characters (ANSI escapes among them), bidi overrides and lone surrogates become visible marks. */
export function terminalText(text: string): string {
  return text.toWellFormed().replace(UNSEEN, visible);
}

/** One line of at most `max` characters for a terminal. */
export function terminalLine(text: string, max = 100): string {
  const line = terminalText(
    text
      .replace(/\s*\n\s*/g, ' ⏎ ')
      .replace(/\t/g, ' ')
      .trim(),
  );
  const points = Array.from(line);
  return points.length > max ? `${points.slice(0, max - 1).join('')}…` : line;
}

/** For whole lines in the log of a CI system: none of them is a command to its runner (`::error::`, `##[command]`, `section_start:`). */
export function logText(text: string): string {
  return text
    .replace(/^([^\S\n]*):(?=:)/gm, '$1:\u2060')
    .replace(/##(?=\[|vso\[|teamcity\[)/gi, '#\u2060#')
    .replace(/section_(start|end):/gi, 'section_$1\u2060:');
}

/** Colours of `style.ts` and the erased line of the progress: what a terminal may be sent, by us alone. */
const SENT_TO_TERMINALS = /\r\u001b\[2K|\u001b\[\d{1,2}m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * The last guard before anything is printed, for every command and error: no control character reaches a log, none but
 * colours a terminal, and no line is a command to a CI runner. Reports escape what they quote; this holds where one forgot.
 */
export function consoleText(text: string, isTty: boolean): string {
  return logText(
    text.replace(SENT_TO_TERMINALS, (found) => {
      if (found.length === 1) return visible(found);
      return isTty ? found : [...found].map((c) => (c < ' ' ? visible(c) : c)).join('');
    }),
  );
}

/** For HTML text and quoted attributes. */
export function htmlText(text: string): string {
  return terminalText(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

/**
 * For running Markdown text: nothing in it can start markup, an entity, a mention, a reference, a link, an emoji, a workflow
 * command or a table cell. A backslash stops Markdown; what a forge looks for in the finished text is broken by U+2060.
 */
export function markdownText(text: string): string {
  return (
    terminalText(text)
      .replace(/\r?\n/g, ' ')
      .replace(/[\\`*_{}[\]()#+!|<>~&]/g, (c) => `\\${c}`)
      .replace(/@/g, '@\u2060')
      // References: `#12`, `GH-12`, GitLab's `!12`, `&12`, `$12`, `%12`, `~label`.
      .replace(/[#!&$%](?=\d)/g, '$&\u2060')
      .replace(/~(?=[\w"])/g, '~\u2060')
      .replace(/\bGH(?=-\d)/gi, '$&\u2060')
      // Bare addresses become links, and images are fetched by who looks.
      .replace(/:(?=\/\/)/g, ':\u2060')
      .replace(/\b(www|mailto|xmpp)(?=[.:])/gi, '$1\u2060')
      .replace(/:(?=[\w+\\-]+:)/g, ':\u2060')
      .replace(/::/g, ':\u2060:')
  );
}

/** A fenced block whose fence is longer than any run of backticks inside it. */
export function markdownFence(text: string, max = 1500): string {
  const safe = logText(terminalText(text));
  const points = Array.from(safe);
  const body =
    points.length > max
      ? `${points.slice(0, max).join('')}\n… (${points.length - max} more characters)`
      : safe;
  const longest = Math.max(2, ...[...body.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${body}\n${fence}`;
}

/** Text in a table cell or a sentence of Markdown: one line, escaped, not endless. */
export function cell(text: string, max = 300): string {
  return markdownText(terminalLine(text, max));
}
