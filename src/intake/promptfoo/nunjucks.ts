// Nunjucks templates as Liquid ones, where Liquid has the same construct; everything else is named.

/** A text with its Nunjucks constructs as Liquid. */
export interface Translated {
  readonly text: string;
  /** Constructs that mean nearly the same in Liquid. */
  readonly approximated: readonly string[];
  /** Constructs without an equal: the text cannot be used as a template. */
  readonly unsupported: readonly string[];
  /** Variables that the template reads (their first names). */
  readonly variables: readonly string[];
}

const TOKEN = /\{#[\s\S]*?#\}|\{%-?[\s\S]*?-?%\}|\{\{-?[\s\S]*?-?\}\}/g;

/** Filters of Nunjucks by their Liquid names; true in second place: their results can differ. */
const FILTERS: Readonly<Record<string, readonly [string, boolean]>> = {
  upper: ['upcase', false],
  lower: ['downcase', false],
  trim: ['strip', false],
  length: ['size', false],
  capitalize: ['capitalize', false],
  first: ['first', false],
  last: ['last', false],
  join: ['join', false],
  dump: ['json', false],
  abs: ['abs', false],
  reverse: ['reverse', true],
  sort: ['sort', true],
  replace: ['replace', false],
  default: ['default', true],
  d: ['default', true],
  escape: ['escape', true],
  e: ['escape', true],
  urlencode: ['url_encode', true],
  striptags: ['strip_html', true],
  round: ['round', true],
};

const STRING = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`;
const PATH = String.raw`[A-Za-z_]\w*(?:\.\w+|\[\s*(?:\d+|${STRING})\s*\])*`;
const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const OPERAND = new RegExp(`^(?:${STRING}|${NUMBER}|${PATH})$`);
const LITERALS: Readonly<Record<string, string>> = {
  none: 'nil',
  null: 'nil',
  undefined: 'nil',
  true: 'true',
  false: 'false',
};

/** Translates one text. Text without a construct comes back as it is. */
export function toLiquid(source: string): Translated {
  if (!/\{[{%#]/.test(source)) return { text: source, approximated: [], unsupported: [], variables: [] };
  const state = new Translation();
  let raw = false;
  const text = source.replace(TOKEN, (token) => {
    if (raw) {
      if (/^\{%-?\s*endraw\s*-?%\}$/.test(token)) raw = false;
      return token;
    }
    if (token.startsWith('{#')) return '';
    if (token.startsWith('{{')) {
      const [, open, inner, close] = /^(\{\{-?)([\s\S]*?)(-?\}\})$/.exec(token) as unknown as string[];
      return `${open} ${state.output(inner as string)} ${close}`;
    }
    const [, open, inner, close] = /^(\{%-?)([\s\S]*?)(-?%\})$/.exec(token) as unknown as string[];
    const body = (inner as string).trim();
    if (/^(raw|verbatim)$/.test(body)) {
      if (body === 'verbatim') state.unsupported.add('{% verbatim %}');
      raw = true;
      return token;
    }
    return `${open} ${state.tag(body)} ${close}`;
  });
  return {
    text,
    approximated: [...state.approximated],
    unsupported: [...state.unsupported],
    variables: [...state.variables],
  };
}

class Translation {
  readonly approximated = new Set<string>();
  readonly unsupported = new Set<string>();
  readonly variables = new Set<string>();
  /** Names that loops and assignments bring in. */
  readonly #local = new Set<string>();
  readonly #loops: string[] = [];

  output(inner: string): string {
    const expression = inner.trim();
    const [head, ...filters] = splitOutside(expression, '|');
    const value = this.#operand((head ?? '').trim());
    if (value === null) return this.#no(`{{ ${expression} }}`);
    let text = value;
    for (const filter of filters) {
      const found = this.#filter(filter.trim());
      if (found === null) return this.#no(`filter in {{ ${expression} }}`);
      text += found;
    }
    return text;
  }

  tag(body: string): string {
    const [, word = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(body) ?? [];
    switch (word) {
      case 'if':
      case 'elif':
      case 'elseif': {
        const condition = this.#condition(rest);
        return condition === null
          ? this.#no(`{% ${body} %}`)
          : `${word === 'if' ? 'if' : 'elsif'} ${condition}`;
      }
      case 'else':
      case 'endif':
        return word;
      case 'for': {
        const match = /^([A-Za-z_]\w*)\s+in\s+(.+)$/s.exec(rest);
        const list = match === null ? null : this.#operand((match[2] as string).trim());
        if (match === null || list === null) return this.#no(`{% ${body} %}`);
        this.#local.add(match[1] as string);
        this.#loops.push(match[1] as string);
        return `for ${match[1]} in ${list}`;
      }
      case 'endfor':
        this.#loops.pop();
        return 'endfor';
      case 'set': {
        const match = /^([A-Za-z_]\w*)\s*=\s*([\s\S]+)$/.exec(rest);
        if (match === null) return this.#no(`{% ${body} %}`);
        const value = this.output(match[2] as string);
        this.#local.add(match[1] as string);
        return `assign ${match[1]} = ${value}`;
      }
      default:
        return this.#no(`{% ${word} %}`);
    }
  }

  #no(construct: string): string {
    this.unsupported.add(construct);
    return "''";
  }

  #operand(text: string): string | null {
    if (text === '' || !OPERAND.test(text)) return null;
    if (/^["']/.test(text)) return liquidString(text);
    if (/^-?\d/.test(text)) return text;
    if (Object.hasOwn(LITERALS, text)) return LITERALS[text] as string;
    const [, first = '', rest = ''] = /^([A-Za-z_]\w*)([\s\S]*)$/.exec(text) ?? [];
    if (first === 'loop' && this.#loops.length > 0) {
      const part = /^\.(index0?|first|last|length|revindex0?)$/.exec(rest)?.[1];
      if (part === undefined) return null;
      return `forloop.${part.replace('revindex', 'rindex')}`;
    }
    if (first === 'env' || first.startsWith('_')) return null;
    if (!this.#local.has(first)) this.variables.add(first);
    if (/\.(length)\b/.test(rest)) return `${first}${rest.replace(/\.length\b/, '.size')}`;
    return text;
  }

  #filter(text: string): string | null {
    const [, name = '', , args] = /^([A-Za-z_]\w*)\s*(\(([\s\S]*)\))?$/.exec(text) ?? [];
    if (name === 'safe' || name === 'string') return '';
    const known = FILTERS[name];
    if (known === undefined || !Object.hasOwn(FILTERS, name)) return null;
    const [liquid, differs] = known;
    if (differs) this.approximated.add(`filter ${name}`);
    if (args === undefined || args.trim() === '')
      return name === 'join' ? ` | ${liquid}: ""` : ` | ${liquid}`;
    if (name === 'dump') return null;
    const values = splitOutside(args, ',').map((arg) => this.#operand(arg.trim()));
    if (values.some((v) => v === null) || values.length > (name === 'replace' ? 2 : 1)) return null;
    return ` | ${liquid}: ${values.join(', ')}`;
  }

  /** Nunjucks takes '' and 0 for false, Liquid does not; and Liquid joins `and` and `or` from the right. */
  #condition(text: string): string | null {
    const words = splitWords(text.trim());
    if (words.some((w) => w === '(' || w === ')')) return null;
    const joins = words.filter((w) => w === 'and' || w === 'or');
    if (new Set(joins).size > 1) return null;
    const parts: string[][] = [[]];
    for (const word of words) {
      if (word === 'and' || word === 'or') parts.push([]);
      else (parts.at(-1) as string[]).push(word);
    }
    const join = parts.length === 1 ? 'none' : (joins[0] as 'and' | 'or');
    const done = parts.map((part) => this.#term(part, join));
    return done.some((d) => d === null) ? null : done.join(` ${join} `);
  }

  #term(words: readonly string[], join: 'and' | 'or' | 'none'): string | null {
    const negated = words[0] === 'not';
    const rest = negated ? words.slice(1) : words;
    if (rest.length === 1) {
      const value = this.#operand(rest[0] as string);
      if (value === null) return null;
      if (/^(true|false|nil)$/.test(value) || !/^[A-Za-z_]/.test(value)) return negated ? null : value;
      if (negated)
        return join === 'and'
          ? null
          : `${value} == nil or ${value} == false or ${value} == "" or ${value} == 0`;
      return join === 'or' ? null : `${value} and ${value} != "" and ${value} != 0`;
    }
    if (negated || rest.length !== 3) return null;
    const [left, operator, right] = rest as [string, string, string];
    const a = this.#operand(left);
    const b = this.#operand(right);
    if (a === null || b === null) return null;
    if (operator === 'in') return `${b} contains ${a}`;
    const liquid = ({ '===': '==', '!==': '!=' } as Record<string, string>)[operator] ?? operator;
    return /^(==|!=|<|>|<=|>=)$/.test(liquid) ? `${a} ${liquid} ${b}` : null;
  }
}

function liquidString(text: string): string | null {
  const inner = text
    .slice(1, -1)
    .replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c));
  if (!inner.includes('"')) return `"${inner}"`;
  return inner.includes("'") ? null : `'${inner}'`;
}

/** Splits at a character that stands in no quotes and no brackets. */
function splitOutside(text: string, at: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== '') {
      part += c;
      if (c === '\\') part += text[++i] ?? '';
      else if (c === quote) quote = '';
      continue;
    }
    if (c === '"' || c === "'") quote = c;
    else if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    if (c === at && depth === 0) {
      parts.push(part);
      part = '';
    } else part += c;
  }
  return [...parts, part];
}

function splitWords(text: string): string[] {
  return text.match(new RegExp(`${STRING}|[()]|[=!<>]=?=?|${PATH}|${NUMBER}|\\S+`, 'g')) ?? [];
}
