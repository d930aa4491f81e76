// Forms of the flags: a value for everybody, another percentage, and a flag for a part of the traffic. They refuse what the command line refuses.

import { AI_FLAGS, type Flag, type FlagCondition, type FlagRule, type FlagsView } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { type Html, html, NOTHING } from '../html/html.ts';
import { hiddenFields, type SaidHere, signature } from './forms.ts';
import type { Viewer } from './site.ts';

/** As the command line writes and reads it. */
export function conditionText({ property, operator, values }: FlagCondition): string {
  return `${property}${operator}${values.join(',')}`;
}

/** What names a flag, and the place in the log that the person saw: a change in between is not overruled. */
function place({ key, feature, no }: Flag): Readonly<Record<string, string | number>> {
  return { key, feature, seen: no };
}

/** One value for everybody, which removes all rules. */
export function valueForm(flag: Flag, viewer: Viewer): Html {
  const id = `all-${flag.no}`;
  const rules = flag.rules.length === 0 ? '' : ', and remove its rules';
  return html`<form class="act" method="post" action="/flags/set">${hiddenFields(viewer, place(flag))}
<label for="value-${id}">Value for every request${valueField(flag, id)}</label>
${signature(viewer, id)}
<button id="set-${id}">Set for everybody${rules}</button></form>
${flag.key === 'ai.rollout.percent' ? html`<p class="small warn">A rollout that is under way pauses when a person sets this flag.</p>` : NOTHING}`;
}

function valueField({ key, type, value }: Flag, id: string): Html {
  const known = key in AI_FLAGS ? AI_FLAGS[key as keyof typeof AI_FLAGS] : null;
  const choices = type === 'boolean' ? ['true', 'false'] : Array.isArray(known) ? (known as string[]) : null;
  if (choices === null)
    return html`<input id="value-${id}" name="value" required maxlength="200" autocomplete="off"${type === 'number' ? html` inputmode="decimal"` : NOTHING} value="${String(value)}">`;
  const option = (choice: string): Html =>
    html`<option${choice === String(value) ? html` selected` : NOTHING}>${choice}</option>`;
  return html`<select id="value-${id}" name="value">${choices.map(option)}</select>`;
}

/** Another percentage of the same rule. */
export function shareForm(flag: Flag, { when, percent, value }: FlagRule, i: number, viewer: Viewer): Html {
  const id = `share-${flag.no}-${i}`;
  const fields = { ...place(flag), value: String(value), when: when.map(conditionText).join('\n') };
  return html`<form class="act" method="post" action="/flags/set">${hiddenFields(viewer, fields)}
<label for="percent-${id}"><span>Percentage for <strong class="wrap">${String(value)}</strong>${when.length === 0 ? '' : html`, requests with <span class="wrap">${when.map(conditionText).join(' and ')}</span>`}</span><input id="percent-${id}" name="percent" type="number" min="0" max="100" step="any" required value="${percent ?? 100}"></label>
${signature(viewer, id)}
<button id="set-${id}">Set the percentage</button></form><p class="small dim">A percentage that grows moves no key out.</p>`;
}

/** Any flag, for everybody or for a part of the traffic. It holds again what a refused form had. */
export function setFlagForm(
  { features, flags }: FlagsView,
  viewer: Viewer,
  { typed, feature }: { readonly typed: SaidHere['typed']; readonly feature: string | null },
): Html {
  const has = (name: string): string => typed[name] ?? '';
  const field = (name: string, label: string, more: Html = NOTHING): Html =>
    html`<label for="new-${name}">${label}<input id="new-${name}" name="${name}" maxlength="200" autocomplete="off" value="${has(name)}"${more}></label>`;
  const chosen = has('feature') || feature || EVERY_FEATURE;
  const option = (name: string, shown: string): Html =>
    html`<option value="${name}"${name === chosen ? html` selected` : NOTHING}>${shown}</option>`;
  const keys = [...new Set([...Object.keys(AI_FLAGS), ...flags.map((f) => f.key)])].sort();
  const types = ['', 'boolean', 'number', 'string'].map(
    (type) =>
      html`<option value="${type}"${type === has('type') ? html` selected` : NOTHING}>${type === '' ? 'as its value says' : type}</option>`,
  );
  return html`<details class="card" id="new-flag"${Object.keys(typed).length > 0 ? html` open` : NOTHING}><summary>Set a flag, or a value for a part of the traffic</summary>
<form class="act" method="post" action="/flags/set">${hiddenFields(viewer, {})}
${field('key', 'Key', html` list="keys" required`)}<datalist id="keys">${keys.map((key) => html`<option value="${key}"></option>`)}</datalist>
<label for="new-feature">Feature<select id="new-feature" name="feature">${option(EVERY_FEATURE, 'every feature')}${features.map((f) => option(f, f))}</select></label>
${field('value', 'Value', html` required`)}
<label for="new-type">Type of a new flag<select id="new-type" name="type">${types}</select></label>
<fieldset><legend>Only for a part of the traffic (all empty: for everybody, and all rules are removed)</legend>
${field('percent', 'Percent of the targeting keys', html` inputmode="decimal"`)}
${field('segment', 'Segments, such as beta,internal')}
${field('region', 'Regions')}
<label class="why" for="new-when">Conditions, one a line, such as input-length&gt;2000<textarea id="new-when" name="when" rows="2" maxlength="2000">${has('when')}</textarea></label>
${field('else', 'Value for all others, where the flag is new')}</fieldset>
${signature(viewer, 'new', typed)}
<button id="set-new">Set</button></form></details>`;
}
