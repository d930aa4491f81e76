// The flags: what each is for whom, who set it and why, forms to set one, and the history.

import { count } from '../../base/numbers.ts';
import type { Flag, FlagRule, FlagsView, FlagTest, ShippingChange } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { htmlTable } from '../html/html-page.ts';
import { conditionText, setFlagForm, shareForm, valueForm } from './flag-forms.ts';
import { mayAct, readOnlyNote, type SaidHere, saidBanner } from './forms.ts';
import { sitePage, timeMarkup, type Viewer } from './site.ts';

const MOST_CHANGES = 200;

/** `feature`: only the flags that this feature gets; null = all. */
export function flagsPage(
  view: FlagsView,
  viewer: Viewer,
  more: { readonly stamp: string; readonly said: SaidHere | null; readonly feature: string | null },
): string {
  const { said, feature } = more;
  const holds = (of: string): boolean => feature === null || of === feature || of === EVERY_FEATURE;
  const flags = view.flags.filter((f) => holds(f.feature));
  const changes = view.changes.filter((c) => holds(c.feature));
  const body = htmlLines([
    html`<h1>Flags in ${view.environment}</h1>`,
    saidBanner(said),
    readOnlyNote(viewer, 'Changes'),
    feature === null
      ? NOTHING
      : html`<p>Those that <span class="wrap">${feature}</span> gets. <a href="/flags">All flags</a></p>`,
    flags.length === 0 ? html`<p class="dim">No flag is set.</p>` : NOTHING,
    ...flags.map((flag) => flagCard(flag, viewer)),
    mayAct(viewer) ? setFlagForm(view, viewer, { typed: said?.typed ?? {}, feature }) : NOTHING,
    html`<h2 id="history">History</h2>`,
    historyTable(changes),
    html`<p class="dim small">As of ${timeMarkup(view.at)} UTC. <a href="/api/flags">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/flags', title: 'Flags', body, stamp: more.stamp });
}

function flagCard(flag: Flag, viewer: Viewer): Html {
  const { key, feature, value, rules, at, by, why } = flag;
  const lines = [
    ...rules.map((rule) => ruleMarkup(rule)),
    ruleMarkup({ when: [], percent: null, value }, rules.length > 0),
  ];
  const shares = rules.filter((r) => r.percent !== null);
  const forms = mayAct(viewer)
    ? html`<details id="change-${flag.no}"><summary>Change</summary>${shares.map((rule, i) => shareForm(flag, rule, i, viewer))}${valueForm(flag, viewer)}</details>`
    : NOTHING;
  return html`<section class="card" aria-labelledby="flag-${flag.no}"><h2 class="flag" id="flag-${flag.no}"><span class="wrap">${key}</span> <span class="tag">${whose(feature)}</span></h2>
<ul class="grades">${lines.map((line) => html`<li>${line}</li>`)}</ul>
<p class="small dim">since ${timeMarkup(at)} UTC by <span class="wrap">${by}: ${why}</span></p>${forms}</section>`;
}

function whose(feature: string): string {
  return feature === EVERY_FEATURE ? 'every feature' : feature;
}

/** `isRest`: it is what remains after the rules before it. */
function ruleMarkup(rule: FlagRule, isRest = false): Html {
  const share = rule.percent === null ? '' : `${rule.percent}% of `;
  const which =
    rule.when.length > 0
      ? `requests with ${rule.when.map(conditionText).join(' and ')}`
      : isRest
        ? 'all others'
        : rule.percent === null
          ? 'every request'
          : 'the targeting keys';
  return html`<strong class="wrap">${String(rule.value)}</strong> for ${share}<span class="wrap">${which}</span>`;
}

/** Newest first. */
function historyTable(changes: readonly ShippingChange[]): Html {
  if (changes.length === 0) return html`<p class="dim">No flag was changed.</p>`;
  const newest = [...changes].reverse();
  const table = htmlTable(
    ['time (UTC)', 'flag', 'what', 'who and why'],
    newest
      .slice(0, MOST_CHANGES)
      .map((c) => [
        timeMarkup(c.at),
        html`<span class="wrap">${c.name}</span> <span class="tag">${whose(c.feature)}</span>`,
        html`<span class="small">${whatChanged(c)}</span>`,
        html`<span class="wrap">${c.by}: ${c.why}</span>`,
      ]),
    { narrow: 'stack', labels: true, caption: `${count(changes.length, 'change')}, newest first` },
  );
  const left = newest.length - MOST_CHANGES;
  return left <= 0 ? table : html`${table}<p class="dim small">${left} earlier ones are not shown.</p>`;
}

function whatChanged({ kind, body }: ShippingChange): Html {
  if (kind === 'flag-test') {
    const { outcome, reason } = body as unknown as FlagTest;
    return html`drill <span class="${outcome === 'passed' ? 'good' : 'bad'}">${outcome}</span>: <span class="wrap">${reason}</span>`;
  }
  const { value, rules } = body as unknown as Flag;
  const all = [
    ...rules.map((r) => ruleMarkup(r)),
    ruleMarkup({ when: [], percent: null, value }, rules.length > 0),
  ];
  return html`${all.map((line, i) => html`${i === 0 ? '' : '; '}${line}`)}`;
}
