// Summary cards at the top of a page: one number each, readable at a glance and on a phone.

import { type Html, html } from './html.ts';

export interface Card {
  readonly name: string;
  readonly value: string;
  /** One short line below the value. */
  readonly detail?: string | undefined;
  readonly tone?: 'bad' | 'good' | 'warn' | undefined;
}

/** A definition list, so that a screen reader reads each name with its value. */
export function summaryCards(cards: readonly Card[], label = 'Summary'): Html {
  // A number stays beside its percent sign on a phone.
  const t = (text: string): string => text.replace(/(?<=\d) %/g, '\u00a0%');
  const card = ({ name, value, detail, tone }: Card): Html =>
    html`<div><dt>${name}</dt><dd${tone === undefined ? '' : html` class="${tone}"`}>${t(value)}</dd>${detail === undefined || detail === '' ? '' : html`<dd class="small dim">${t(detail)}</dd>`}</div>`;
  return html`<dl class="cards" aria-label="${label}">${cards.map(card)}</dl>`;
}
