// What the forms of the pages share: who decides and why, what the last action did, and no button that the Enter key presses by chance.

import { type Html, html, NOTHING } from '../html/html.ts';
import type { Viewer } from './site.ts';

/** What the last action did, or why it was refused. */
export interface SaidHere {
  readonly ok: boolean;
  readonly text: string;
  /** What was typed into a form that was refused. */
  readonly typed: Readonly<Record<string, string>>;
}

/** May this viewer act here? Else the page has no forms. */
export function mayAct(viewer: Viewer): boolean {
  return viewer.operates && viewer.csrf !== null;
}

export function saidBanner(said: SaidHere | null): Html {
  return said === null
    ? NOTHING
    : html`<p class="banner ${said.ok ? '' : 'bad'}" role="${said.ok ? 'status' : 'alert'}">${said.text}</p>`;
}

/** Where a viewer may not act: what that takes. `what` begins the sentence. */
export function readOnlyNote(viewer: Viewer, what: string): Html {
  return mayAct(viewer)
    ? NOTHING
    : html`<p class="dim">You can read this page. ${what} need a token with the role <code>operate</code>.</p>`;
}

/** Hidden fields of a form, and the token that lets it count once. */
export function hiddenFields(viewer: Viewer, fields: Readonly<Record<string, string | number>>): Html {
  const all = { csrf: viewer.csrf ?? '', ...fields };
  return html`${Object.entries(all).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}

/** Who decides, and why. `id` keeps labels and focus apart. */
export function signature(viewer: Viewer, id: string, typed: SaidHere['typed'] = {}): Html {
  return html`<label for="by-${id}">Your name<input id="by-${id}" name="by" required maxlength="100" autocomplete="name" value="${typed['by'] ?? viewer.by}"></label>
<label class="why" for="why-${id}">Why<input id="why-${id}" name="why" required maxlength="200" autocomplete="off" value="${typed['why'] ?? ''}"></label>`;
}

/** First in a form with several buttons: Enter in a field would press the first one, and a disabled one does nothing. */
export const NO_DEFAULT: Html = html`<button disabled hidden></button>`;
