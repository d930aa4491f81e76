// Markup that holds no unescaped text: the tag `html` is the way to make it, and escapes whatever is not markup already.

import { htmlText } from '../parts/escape.ts';

/** Markup. No string is assignable to it, so unescaped text does not compile where markup is expected. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  /** Takes a string as it is. Only for our own style, script and JSON: never for a text that came from anywhere. */
  static ownMarkup(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.#markup;
  }

  toJSON(): string {
    return this.#markup;
  }
}

/** What may stand in a template: text is escaped, markup is not; the items of a list follow each other. */
export type Content = Html | string | number | readonly Content[];

/** Template tag. Put attributes in quotes: text is escaped for element content and for quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let markup = strings[0] ?? '';
  for (const [i, value] of values.entries()) markup += `${markupOf(value)}${strings[i + 1] ?? ''}`;
  return Html.ownMarkup(markup);
}

/** Nothing, where something might have stood. */
export const NOTHING: Html = html``;

/** Parts with a separator between them. */
export function joinHtml(parts: readonly Content[], separator: string): Html {
  return Html.ownMarkup(parts.map(markupOf).join(markupOf(separator)));
}

/** Parts on lines of their own; empty ones have none. */
export function htmlLines(parts: readonly Html[]): Html {
  const lines = parts.map(String).filter((part) => part !== '');
  return Html.ownMarkup(lines.join('\n'));
}

/** Most words and numbers need no escaping, and one look is faster than six. */
const HARMLESS = /^[\w .,:;/%()+-]*$/;

function markupOf(content: Content): string {
  if (content instanceof Html) return content.toString();
  if (typeof content === 'number') return String(content);
  if (typeof content === 'string') return HARMLESS.test(content) ? content : htmlText(content);
  return content.map(markupOf).join('');
}
