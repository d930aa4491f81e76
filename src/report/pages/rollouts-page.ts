// All rollouts of an environment: one line each, those that need a person first.

import { grouped } from '../../base/numbers.ts';
import type { RolloutsView } from '../../core/index.ts';
import type { RolloutReport, RolloutStatus } from '../../core/rollout.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { htmlTable } from '../html/html-page.ts';
import { featureLink, releaseMarkup, sitePage, timeMarkup, type Viewer } from './site.ts';

const TONES: Readonly<Record<RolloutStatus, 'bad' | 'warn' | 'good' | 'dim'>> = {
  'rolled-back': 'bad',
  frozen: 'bad',
  paused: 'warn',
  complete: 'warn',
  running: 'good',
  promoted: 'dim',
  aborted: 'dim',
};
const ORDER = Object.keys(TONES);

export function statusMarkup(status: RolloutStatus): Html {
  return html`<span class="state ${TONES[status]}">${status.replace('-', ' ')}</span>`;
}

export function rolloutLink(feature: string, text: string): Html {
  return html`<a href="/rollouts/${encodeURIComponent(feature)}">${text}</a>`;
}

export function rolloutsPage(view: RolloutsView, viewer: Viewer, stamp: string): string {
  const { rollouts, others } = view;
  const urgent = [...rollouts].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const body = htmlLines([
    html`<h1>Rollouts in ${view.environment}</h1>`,
    rollouts.length === 0
      ? html`<p>No rollout was started here. Start one: <code>lastgood rollout start FEATURE --why TEXT</code></p>`
      : htmlTable(['feature', 'state', 'candidate', 'traffic', 'what holds it'], urgent.map(row), {
          ...{ narrow: 'stack', labels: true },
          caption: 'The newest rollout of each feature',
        }),
    others.length === 0 || rollouts.length === 0
      ? NOTHING
      : html`<p class="small">Without a rollout: ${others.map((f, i) => html`${i === 0 ? '' : ', '}${featureLink(f)}`)}.</p>`,
    html`<p class="dim small">As of ${timeMarkup(view.at)} UTC. <a href="/api/rollouts">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/rollouts', title: 'Rollouts', body, stamp });
}

function row(r: RolloutReport): Html[] {
  return [
    rolloutLink(r.feature, r.feature),
    html`${statusMarkup(r.status)} <span class="small dim">since ${timeMarkup(r.since)} by <span class="wrap">${r.by}</span></span>`,
    releaseMarkup(r.candidate),
    html`<strong>${r.percent}%</strong>, ${`stage ${r.stage + 1} of ${r.stages.length}`.replaceAll(' ', '\u00a0')}<br><span class="small dim">${grouped(r.callsSinceStart.candidate)} calls of the candidate</span>`,
    html`<span class="small wrap">${r.holds ?? r.reason}</span>`,
  ];
}
