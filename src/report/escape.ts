// Model text is hostile wherever it is shown: here it is made harmless for each place.

/** For a terminal or a log: control characters (ANSI escapes among them), bidi overrides and lone surrogates become visible marks. */
export function terminalText(text: string): string {
  return text
    .toWellFormed()
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (c) => {
        const code = c.charCodeAt(0);
        if (code < 0x20) return String.fromCharCode(0x2400 + code);
        return `\\u${code.toString(16).padStart(4, '0')}`;
      },
    );
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
    .replace(/##(?=\[|vso\[)/g, '#\u2060#')
    .replace(/section_(start|end):/g, 'section_$1\u2060:');
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

/** For running Markdown text: nothing in it can start markup, a mention, a reference, a workflow command or a table cell. */
export function markdownText(text: string): string {
  return (
    terminalText(text)
      .replace(/\r?\n/g, ' ')
      .replace(/[\\`*_{}[\]()#+!|<>~]/g, (c) => `\\${c}`)
      .replace(/@/g, '@\u2060')
      // A backslash does not stop a forge from linking `#12` or closing what it names.
      .replace(/#(?=\d)/g, '#\u2060')
      .replace(/::/g, ':\u2060:')
  );
}

/** A fenced block whose fence is longer than any run of backticks inside it. */
export function markdownFence(text: string, max = 1500): string {
  const safe = terminalText(text).replace(/^::/gm, ':\u2060:');
  const points = Array.from(safe);
  const body =
    points.length > max
      ? `${points.slice(0, max).join('')}\n… (${points.length - max} more characters)`
      : safe;
  const longest = Math.max(2, ...[...body.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${body}\n${fence}`;
}
