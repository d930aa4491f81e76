// A small document of blocks: the post-mortem is written once and comes out as Markdown or as HTML, word for word the same.

/** A stretch of text; plain text may be hostile and is escaped by whoever renders it. */
export type Inline = string | { readonly code: string } | { readonly strong: string };
export type Line = readonly Inline[];

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'paragraph'; readonly parts: Line }
  | { readonly kind: 'note'; readonly parts: Line }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly Line[])[];
      /** Right-aligned columns. */
      readonly numeric?: readonly number[];
    }
  | { readonly kind: 'list'; readonly items: readonly Line[]; readonly boxes?: boolean }
  | { readonly kind: 'quote'; readonly title: string; readonly text: string }
  | {
      readonly kind: 'pair';
      readonly before: { readonly title: string; readonly text: string };
      readonly after: { readonly title: string; readonly text: string };
    }
  | { readonly kind: 'diff'; readonly lines: readonly string[] };

export const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: 'heading', level, text });
export const paragraph = (...parts: Inline[]): Block => ({ kind: 'paragraph', parts });
export const note = (...parts: Inline[]): Block => ({ kind: 'note', parts });
export const code = (text: string): Inline => ({ code: text });
export const strong = (text: string): Inline => ({ strong: text });
