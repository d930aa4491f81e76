// The module of checks that an import writes beside a suite, as text.

/** Written beside a suite that needs it. Pure functions: they read nothing and call nothing. */
export const CHECKS_SOURCE = `// Checks that promptfoo has and lastgood has no grader for. Written by lastgood import; each returns pass or fail.

const verdict = (pass, reason) => ({ score: pass ? 1 : 0, pass, reason });

export function wordCount({ output, config: { min, max, inverse } }) {
  const n = output.trim().split(/\\s+/).filter((word) => word !== '').length;
  const fits = (min === undefined || n >= min) && (max === undefined || n <= max);
  return verdict(fits !== inverse, n + ' words');
}

export function levenshtein({ output, config: { value, threshold, inverse } }) {
  if (output.length > 20000 || value.length > 20000) throw new Error('the texts are too long to compare');
  let row = Array.from({ length: value.length + 1 }, (_, i) => i);
  for (let i = 1; i <= output.length; i++) {
    const next = [i];
    for (let j = 1; j <= value.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (output[i - 1] === value[j - 1] ? 0 : 1)));
    row = next;
  }
  const distance = row[value.length];
  return verdict((distance <= threshold) !== inverse, 'distance ' + distance + ', limit ' + threshold);
}

export function finishReason({ trial, config: { value, inverse } }) {
  return verdict((trial.stopReason === value) !== inverse, 'finish reason ' + trial.stopReason);
}

export function toolCallF1({ toolCalls, config: { value, threshold, inverse } }) {
  const called = new Set(toolCalls.map((call) => call.name));
  const wanted = new Set(value);
  const hits = [...called].filter((name) => wanted.has(name)).length;
  const f1 = hits === 0 ? 0 : (2 * hits) / (called.size + wanted.size);
  return verdict((f1 >= threshold) !== inverse, 'F1 of tool names ' + f1.toFixed(2));
}

/** Braced parts of a text that promptfoo reads as an object: it takes YAML, comments with // or #, and braces that are not closed. */
function objectsIn(text) {
  let found = 0;
  for (let at = text.indexOf('{'); at >= 0 && at < text.length - 1; at = text.indexOf('{', at + 1)) {
    const most = Math.min(at + 100000, text.length);
    let open = 1;
    let end = at + 1;
    for (; end < most && open > 0; end++) {
      if (text[end] === '{') open++;
      if (text[end] === '}') open--;
    }
    if (!isFlowMap(withHashComments(text.slice(at, end) + '}'.repeat(open)))) continue;
    found++;
    at = end - 1;
  }
  return found;
}

/** Slashes that begin a comment as a hash: outside of quotes, and not in an address. */
function withHashComments(text) {
  return text
    .split('\\n')
    .map((line) => {
      let quote = '';
      for (let i = 0; i < line.length; i++) {
        const c = line[i];
        if (quote !== '') {
          const closes = c === quote && line[i - 1] !== '\\\\' && !(quote === "'" && /[a-zA-Z]/.test(line[i + 1] ?? ''));
          if (closes) quote = '';
        } else if (c === '"' || (c === "'" && !/[a-zA-Z]/.test(line[i - 1] ?? ''))) quote = c;
        else if (c === '/' && line[i + 1] === '/') {
          const token = line.slice(0, i + 2).split(/\\s/).at(-1);
          if (!token.includes('://')) return line.slice(0, i) + '#' + line.slice(i).replace(/^[/]+/, '');
          i++;
        }
      }
      return line;
    })
    .join('\\n');
}

/** Is the whole text one mapping in YAML's flow style? */
function isFlowMap(text) {
  let at = 0;
  const fail = () => {
    throw new SyntaxError('not a mapping');
  };
  const skip = () => {
    for (;;) {
      while (/\\s/.test(text[at] ?? '')) at++;
      if (text[at] !== '#' || !/\\s/.test(text[at - 1] ?? ' ')) return;
      while (at < text.length && text[at] !== '\\n') at++;
    }
  };
  const quoted = (mark) => {
    at++;
    for (; ; at++) {
      if (at >= text.length) fail();
      if (mark === '"' && text[at] === '\\\\') {
        const escape = text[++at];
        if (!/[0abtnvfre "/\\\\N_LPxuU\\n\\t]/.test(escape ?? '')) fail();
        const digits = { x: 2, u: 4, U: 8 }[escape] ?? 0;
        if (!/^[0-9a-fA-F]*$/.test(text.slice(at + 1, at + 1 + digits))) fail();
      } else if (text[at] === mark) {
        if (mark === "'" && text[at + 1] === "'") at++;
        else break;
      }
    }
    at++;
  };
  const ends = (c) => c === undefined || /[\\s,[\\]{}]/.test(c);
  /** A text without quotes; '' where there is none. */
  const plain = () => {
    const c = text[at];
    if (c === undefined || /[\\s,[\\]{}#&*!|>'"%@\\x60]/.test(c)) return false;
    if (/[-?:]/.test(c) && ends(text[at + 1])) return false;
    while (at < text.length) {
      const d = text[at];
      if (/[,[\\]{}]/.test(d)) break;
      if (d === ':' && ends(text[at + 1])) break;
      if (d === '#' && /\\s/.test(text[at - 1] ?? '')) break;
      at++;
    }
    return true;
  };
  const value = (depth) => {
    if (depth > 200) fail();
    // An anchor, or an empty tag, in front of a value that may be missing.
    let marked = false;
    for (let mark; (mark = /^(?:&[^\\s,[\\]{}]+|!(?=[\\s,[\\]{}]|$))/.exec(text.slice(at, at + 300))); marked = true) {
      at += mark[0].length;
      skip();
    }
    if (marked && /[,:\\]}]/.test(text[at] ?? ',')) return true;
    const c = text[at];
    if (c === '{') return collection('}', depth);
    if (c === '[') return collection(']', depth);
    if (c === '"' || c === "'") return quoted(c);
    return plain() || fail();
  };
  const collection = (close, depth) => {
    at++;
    for (;;) {
      skip();
      if (text[at] === close) break;
      if (text[at] === '?' && /\\s/.test(text[at + 1] ?? '')) {
        at++;
        skip();
        if (text[at] === close) break;
      }
      const json = /["'[{]/.test(text[at] ?? '');
      const empty = text[at] === ':' && ends(text[at + 1]);
      // An object cannot have a map or a list as a key.
      const complex = /[{[]/.test(text[at] ?? '');
      if (complex && close === '}') fail();
      if (!empty) value(depth + 1);
      skip();
      if (text[at] === ':' && (json || ends(text[at + 1]))) {
        if (complex) fail();
        at++;
        skip();
        if (!/[,\\]}]/.test(text[at] ?? ',')) value(depth + 1);
        skip();
      }
      if (text[at] === ',') at++;
      else if (text[at] !== close) fail();
    }
    at++;
    return true;
  };
  try {
    collection('}', 0);
    skip();
    return at >= text.length;
  } catch {
    return false;
  }
}

export function containsJson({ output, config: { inverse } }) {
  const found = objectsIn(output);
  return verdict((found > 0) !== inverse, found + ' JSON objects');
}
`;
