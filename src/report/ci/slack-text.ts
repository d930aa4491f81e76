// Text for messages in Slack.

/** Slack's markup needs three characters escaped; mentions and links cannot be formed without them. */
export function slackText(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/`/g, "'")
    .replace(/[\u0000-\u001f\u007f]+/g, ' ');
}

/** At most so many characters; the last is then an ellipsis. */
export function cut(text: string, most: number): string {
  const letters = Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : text;
}
