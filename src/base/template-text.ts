// Which texts are Liquid templates, and how a text is written so that none of it is taken for one. Loads no template engine.

/** An output of a name, `{{ name }}` or `{{ vars.name | upcase }}`, or a tag. Braces around anything else are text. */
const TEMPLATE =
  /\{\{-?\s*[A-Za-z_][\w.-]*\s*(?:\||-?\}\})|\{%-?\s*(?:raw|if|unless|for|case|assign|capture|comment)\b/;

/** Whether a text asks to be filled in. */
export function isTemplate(text: string): boolean {
  return text.includes('{') && TEMPLATE.test(text);
}

/** A text as it must be written where templates are filled in. */
export function literalText(text: string): string {
  if (!isTemplate(text)) return text;
  const inside = text.replace(/\{%(?=-?\s*endraw)/g, "{% endraw %}{{ '{%' }}{% raw %}");
  return `{% raw %}${inside}{% endraw %}`;
}
