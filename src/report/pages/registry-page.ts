// The registry: which release is in force, how good it was when last measured, what changed, and who decided it.

import { shortHash } from '../../base/index.ts';
import { percent, points } from '../../base/numbers.ts';
import type { RegistryEntry, ShippingChange } from '../../core/index.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { htmlTable } from '../html/html-page.ts';
import { featureLink, releaseMarkup, sitePage, snapshotLink, timeMarkup, type Viewer } from './site.ts';

/** Changes listed in full; the rest is counted. */
const MOST_CHANGES = 200;

/** `changes`: of pointers and deprecations, oldest first. */
export function registryPage(
  r: {
    readonly at: string;
    readonly entries: readonly RegistryEntry[];
    readonly changes: readonly ShippingChange[];
  },
  viewer: Viewer,
  stamp: string,
): string {
  const body = htmlLines([
    html`<h1>Registry</h1>`,
    r.entries.length === 0
      ? html`<p>The registry is empty. Point a feature to a release: <code>lastgood registry set FEATURE RELEASE --why TEXT</code></p>`
      : htmlTable(
          ['feature', 'release in force', 'model and prompt', 'last measured', 'changed'],
          r.entries.map((e) => [
            html`${featureLink(e.feature)} <span class="tag">${e.environment}</span>`,
            releaseCell(e),
            html`<span class="wrap">${e.current.provider} ${e.current.model ?? '(no model named)'}</span><br><span class="small dim">prompt ${promptText(e)}</span>`,
            qualityCell(e),
            changedCell(e),
          ]),
          { narrow: 'stack', labels: true },
        ),
    html`<h2>History</h2>`,
    changesTable(r.changes),
    html`<p class="dim small">As of ${timeMarkup(r.at)} UTC. Set a release with <code>lastgood registry set</code>. <a href="/api/registry">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/registry', title: 'Registry', body, stamp });
}

function promptText({ current: { layerHashes } }: RegistryEntry): string {
  return layerHashes.prompt === undefined ? 'none' : shortHash(layerHashes.prompt);
}

function releaseCell({ current: c, candidate, withdrawn, deprecated }: RegistryEntry): Html {
  return html`${releaseMarkup(c)}<br><span class="small dim">since ${timeMarkup(c.at)} by <span class="wrap">${c.by}: ${c.why}</span>${c.restored ? ' (restored)' : ''}</span>
${withdrawn === null ? NOTHING : html`<p class="bad small">withdrawn: ${withdrawn}</p>`}
${c.overrode.length === 0 ? NOTHING : html`<p class="warn small wrap">overrode ${c.overrode.join('; ')}</p>`}
${candidate === null ? NOTHING : html`<p class="small">candidate ${releaseMarkup(candidate)}</p>`}
${deprecated.map((d) => html`<p class="small ${d.state === 'ended' ? 'dim' : 'warn'}">${d.state === 'ended' ? 'ended' : 'deprecated'}: ${releaseMarkup(d)}, until ${timeMarkup(d.until)}: <span class="wrap">${d.message}</span></p>`)}`;
}

function qualityCell({ quality: q }: RegistryEntry): Html {
  if (q === null) return html`<span class="warn">never measured by a valid run</span>`;
  const { against } = q;
  const than = `the ${against?.what === 'same release' ? 'run' : 'release'} before`;
  const change =
    against === null
      ? 'nothing to compare it with'
      : against.delta === null
        ? `not comparable with ${than}`
        : q.direction === 'equal'
          ? `equal to ${than}`
          : `${q.direction} than ${than}: ${points(against.delta)}, not tested`;
  const link =
    against === null
      ? NOTHING
      : html` <a class="small" href="/compare?a=${encodeURIComponent(against.snapshot)}&amp;b=${encodeURIComponent(q.snapshot)}">compare</a>`;
  return html`<strong>${percent(q.passRate)}</strong> on ${timeMarkup(q.at)}${q.simulated ? ' (simulated)' : ''}<br>${snapshotLink(q.snapshot)}<br><span class="small ${q.direction === 'lower' ? 'warn' : 'dim'}">${change}</span>${link}`;
}

function changedCell({ before }: RegistryEntry): Html {
  if (before === null) return html`<span class="dim">first release here</span>`;
  const layers = before.layersChanged.join(', ') || 'nothing';
  const compared = before.verdict === null ? 'the two were never compared' : `compared: ${before.verdict}`;
  return html`${layers} since ${releaseMarkup(before)}<br><span class="small dim">${compared}</span>`;
}

/** What was decided, newest first. */
function changesTable(changes: readonly ShippingChange[]): Html {
  if (changes.length === 0) return html`<p class="dim">Nothing was changed.</p>`;
  const newest = [...changes].reverse();
  const table = htmlTable(
    ['time (UTC)', 'feature', 'what', 'who and why'],
    newest
      .slice(0, MOST_CHANGES)
      .map((c) => [
        timeMarkup(c.at),
        html`<span class="wrap">${c.feature === '*' ? 'every feature' : c.feature}</span> <span class="tag">${c.environment}</span>`,
        html`<span class="wrap">${changeText(c)}</span>`,
        html`<span class="wrap">${c.by}: ${c.why}</span>`,
      ]),
    { narrow: 'stack', labels: true },
  );
  const more = newest.length - MOST_CHANGES;
  return more <= 0 ? table : html`${table}<p class="dim small">${more} earlier changes are not shown.</p>`;
}

/** One change in words. */
export function changeText({ kind, name, body }: ShippingChange): string {
  const release = `${String(body['release'])} ${shortHash(String(body['fingerprint'] ?? name))}`;
  switch (kind) {
    case 'pointer':
      return name === ''
        ? `${body['restored'] === true ? 'restored' : 'release set to'} ${release}`
        : `${name} ${release}`;
    case 'deprecation':
      return `deprecated ${release} until ${String(body['until'])}`;
    case 'flag': {
      const rules = Array.isArray(body['rules']) ? body['rules'].length : 0;
      return `flag ${name} = ${String(body['value'])}${rules === 0 ? '' : `, ${rules} ${rules === 1 ? 'rule' : 'rules'}`}`;
    }
    case 'flag-test':
      return `flag ${name} tested: ${String(body['outcome'])}`;
    case 'stop':
      return `${body['stopped'] === true ? 'stopped' : 'started'}${name === '' ? '' : ` the agent ${name}`}`;
  }
}
