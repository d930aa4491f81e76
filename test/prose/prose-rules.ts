// What prose may not say, and how long a sentence may be: docs, help and report texts are held to these rules.

export interface Finding {
  readonly line: number;
  readonly problem: string;
  readonly text: string;
}

/** A piece of prose with the line of its file where it starts. */
export interface Passage {
  readonly line: number;
  readonly text: string;
}

export const MOST_WORDS = 40;

/** Expression → what to write instead. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\btold\b|\btells\b/i, 'printed, reported, shown, states'],
  [/\bnobody\b/i, 'no person, no process, unknown'],
  [/\bsomebody\b/i, 'a person, another process'],
  [
    /(?<!\bthere )\b(?:is|are|was|were) no(?= (?!longer|more than|less than|later|worse|fewer|better))/i,
    'is not a',
  ],
  [/\bfor want of\b/i, 'without, because … is missing'],
  [/\bbesides\b/i, 'also, in addition'],
  [/\bheed(?:s|ed)?\b/i, 'respect, use'],
  [/\blet(?:s|ting)? go of\b/i, 'release, unlock'],
  [/\b(?:stands|stand|stood) (?:in )?for\b/i, 'replaces, means'],
  [/\bwhat of it\b/i, 'the part that'],
  [/\b(?:go|goes|going|gone|went) on(?: with)?\b/i, 'continue'],
  [/\bhelpings?\b/i, 'batch'],
  [/\b(?:a|the|one|each|every|another|second|first|last) looks?\b/i, 'test, comparison'],
  [/\brungs?\b/i, 'tier'],
  [/\bclimb(?:s|ed|ing)?\b/i, 'escalate, next tier'],
  [/\bpurses?\b/i, 'budget'],
  [/\bstandings?\b/i, 'state'],
  [/\b(?:a|the|its|their|no) marks?\b/i, 'result, label'],
  [/\b(?:its|their|change(?:s|d)?|embedding'?s?) meaning\b/i, 'embedding'],
  [/\bremember(?:s|ed|ing)?\b/i, 'cached, stored'],
  [/\bpass(?:es|ed)? over\b/i, 'skip'],
  [/\bask(?:s|ed|ing)? again\b|\basked once more\b/i, 'retry'],
  [/\bdear(?:er|est)\b/i, 'costlier'],
  [/\bkeep(?:s|ing)? in hand\b|\bkept in hand\b/i, 'reserve'],
];

/** Findings in one passage. Code in backquotes counts as one word and is never searched. */
export function findingsIn({ line, text }: Passage): Finding[] {
  const plain = text.replace(/`[^`]*`/g, 'CODE');
  const words = BANNED.flatMap(([pattern, instead]) => {
    const found = pattern.exec(plain);
    return found === null ? [] : [{ line, problem: `"${found[0]}": write ${instead}`, text: plain }];
  });
  const long = sentencesOf(plain)
    .filter((sentence) => wordCount(sentence) > MOST_WORDS)
    .map((sentence) => ({
      line,
      problem: `${wordCount(sentence)} words, at most ${MOST_WORDS}`,
      text: sentence,
    }));
  return [...words, ...long];
}

/** Splits at full stops, question and exclamation marks that end a sentence. */
export function sentencesOf(text: string): string[] {
  return text
    .replace(/\b(e\.g|i\.e|vs|etc)\./g, '$1')
    .split(/(?<=[.!?…][)"*_”]*)\s+(?=[A-Z`"'([*_{\d“$#@—–-])/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
}

export function wordCount(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Paragraphs, list items, headings and table cells of a Markdown page; code blocks and comments are left out. */
export function passagesOf(markdown: string): Passage[] {
  const passages: Passage[] = [];
  let open: { line: number; text: string } | null = null;
  let fence: string | null = null;
  let comment = false;
  const close = (): void => {
    if (open !== null) passages.push(open);
    open = null;
  };
  for (const [index, raw] of markdown.split('\n').entries()) {
    const line = index + 1;
    const mark = /^\s*(```+|~~~+)/.exec(raw)?.[1];
    if (fence !== null) {
      if (mark?.startsWith(fence)) fence = null;
      continue;
    }
    if (mark !== undefined || comment || raw.trim().startsWith('<!--')) {
      close();
      if (mark !== undefined) fence = mark;
      else comment = !raw.includes('-->');
      continue;
    }
    const text = raw.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/^\s*>\s?/, '');
    if (text.trim() === '' || /^ {4}\S/.test(text)) close();
    else if (text.trim().startsWith('|')) {
      close();
      // A `|` in backquotes or behind a backslash does not end a cell.
      for (const cell of text.replace(/`[^`]*`/g, (code) => code.replaceAll('|', '¦')).split(/(?<!\\)\|/))
        if (cell.trim() !== '' && !/^[\s:-]+$/.test(cell)) passages.push({ line, text: cell.trim() });
    } else if (/^#+ /.test(text)) {
      close();
      passages.push({ line, text: text.replace(/^#+ /, '') });
    } else if (/^\s*(?:[-*+]|\d+\.)\s/.test(text)) {
      close();
      open = { line, text: text.replace(/^\s*(?:[-*+]|\d+\.)\s+/, '') };
    } else if (open === null) open = { line, text: text.trim() };
    else open = { line: (open as Passage).line, text: `${(open as Passage).text} ${text.trim()}` };
  }
  close();
  return passages;
}

/** SQL, style sheets, unit files and YAML. */
const CODE = /\b(?:SELECT|INSERT|DROP|CREATE|UPDATE|UNION)\b|^:root\{|^\[Unit\]$|^(?:# .*\n)?name: /m;

/** Names and keys are not prose: prose has a word of small letters beside white space. */
export function looksLikeProse(text: string): boolean {
  return /\s[a-z]{2,}|[a-z]{2,}[,;:]?\s/.test(text) && !CODE.test(text);
}
