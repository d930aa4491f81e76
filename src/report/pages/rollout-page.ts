// One rollout: where it stands on its ladder, what holds it, both readings of every gate, the log, and what a person can decide.

import { count, grouped } from '../../base/numbers.ts';
import type { RolloutReport, RolloutStage, RolloutStatus } from '../../core/rollout.ts';
import { powerText } from '../../core/rollout-words.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { type Card, summaryCards } from '../html/html-cards.ts';
import { htmlTable } from '../html/html-page.ts';
import {
  hiddenFields,
  mayAct,
  NO_DEFAULT,
  readOnlyNote,
  type SaidHere,
  saidBanner,
  signature,
} from './forms.ts';
import { gateTable } from './gate-table.ts';
import { statusMarkup } from './rollouts-page.ts';
import { featureLink, listOr, releaseMarkup, sitePage, timeMarkup, type Viewer } from './site.ts';

const MOST_LOGGED = 200;

export function rolloutPage(
  r: RolloutReport,
  viewer: Viewer,
  more: { readonly stamp: string; readonly said: SaidHere | null; readonly at: string },
): string {
  const path = `/rollouts/${encodeURIComponent(r.feature)}`;
  const body = htmlLines([
    html`<h1><span class="wrap">Rollout of ${r.feature}</span> ${statusMarkup(r.status)}</h1>`,
    saidBanner(more.said),
    html`<p class="wrap">${r.reason} <span class="small dim">Since ${timeMarkup(r.since)} UTC by ${r.by}.</span></p>`,
    r.holds === null
      ? NOTHING
      : html`<p class="banner"><strong>Held:</strong> <span class="wrap">${r.holds}</span></p>`,
    pendingNote(r),
    summaryCards(cards(r)),
    ladder(r),
    listOr(notes(r), ''),
    isOver(r.status) ? NOTHING : readOnlyNote(viewer, 'Decisions'),
    mayAct(viewer) && !isOver(r.status) ? decisions(r, viewer, path, more.said?.typed ?? {}) : NOTHING,
    html`<h2 id="gates">Gates</h2>`,
    r.gates.length === 0 ? html`<p class="warn">The ticket has no gates.</p>` : gateTable(r),
    html`<h2 id="log">Log</h2>`,
    logTable(r),
    html`<p class="dim small">Gates were read ${count(r.looks, 'time')}${r.lookedAt === null ? '' : html`, last at ${timeMarkup(r.lookedAt)} UTC`}. Page as of ${timeMarkup(more.at)} UTC. <code>lastgood rollout replay ${r.feature}</code> builds this from the log alone. ${featureLink(r.feature)} · <a href="/flags?feature=${encodeURIComponent(r.feature)}">flags</a> · <a href="/api${path}">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/rollouts', title: `Rollout of ${r.feature}`, body, stamp: more.stamp });
}

function isOver(status: RolloutStatus): boolean {
  return status === 'promoted' || status === 'rolled-back' || status === 'aborted';
}

function pendingNote({ pending, feature }: RolloutReport): Html {
  return pending.length === 0
    ? NOTHING
    : html`<p class="banner bad" role="alert">Decided, but not done yet: ${pending.join(', ')}. The next step does it: <code>lastgood rollout step ${feature}</code></p>`;
}

function cards(r: RolloutReport): Card[] {
  const tested = r.gates.flatMap((g) => (g.evidence === null ? [] : [{ ...g, evidence: g.evidence }]));
  const strongest = tested.reduce<(typeof tested)[number] | null>(
    (most, g) => (most === null || g.evidence > most.evidence ? g : most),
    null,
  );
  const red = r.gates.filter((g) => g.literal === 'red').length;
  return [
    { name: 'traffic of the candidate', value: `${r.percent}%`, detail: 'of the targeting keys' },
    {
      name: 'calls of the candidate',
      value: grouped(r.callsSinceStart.candidate),
      detail: `${grouped(r.calls.candidate)} in this stage; control ${grouped(r.calls.control)}`,
    },
    {
      name: 'rules of the ticket met',
      value: `${red} of ${r.gates.length}`,
      tone: red > 0 ? 'bad' : undefined,
    },
    {
      name: 'strongest evidence',
      value: strongest === null ? 'none' : powerText(strongest.evidence),
      detail: `${strongest === null ? '' : `${strongest.signal}; `}acts at ${powerText(r.needed)}`,
      tone: strongest?.fired === true ? 'bad' : undefined,
    },
  ];
}

/** The stages in their order; the present one says how far it is. */
function ladder(r: RolloutReport): Html {
  const items = r.stages.map((stage, i) => {
    const isHere = i === r.stage && r.status !== 'promoted';
    const isDone = i < r.stage || r.status === 'promoted';
    const said = isDone ? 'done' : isHere ? hereText(r) : 'to come';
    const place = isDone ? 'done' : isHere ? 'here' : 'next';
    return html`<li class="${place}"${isHere ? html` aria-current="step"` : NOTHING}><strong>${stage.percent}%</strong> <span class="small">${needText(stage)}</span><br><span class="small dim">${said}</span>${isHere && r.status === 'running' ? progress(r, stage) : NOTHING}</li>`;
  });
  return html`<h2 id="stages">Stages</h2><ol class="ladder">${items}</ol>`;
}

function hereText(r: RolloutReport): string {
  if (r.status === 'running') return 'now';
  if (r.status === 'complete') return 'complete';
  return `${r.status.replace('-', ' ')} here`;
}

function needText({ forMs, sample }: RolloutStage): string {
  const parts = [
    ...(forMs === null ? [] : [`for ${duration(forMs)}`]),
    ...(sample === null ? [] : [`${grouped(sample)} calls`]),
  ];
  return parts.length === 0 ? '' : parts.join(', ');
}

function progress({ greenMs, calls }: RolloutReport, { forMs, sample }: RolloutStage): Html {
  const bar = (name: string, has: number, needs: number, text: string): Html =>
    html`<br><progress max="${needs}" value="${Math.min(has, needs)}" aria-label="${name}"></progress> <span class="small">${text}</span>`;
  return html`${
    forMs === null || forMs <= 0
      ? NOTHING
      : bar('green time', greenMs, forMs, `green ${duration(Math.min(greenMs, forMs))} of ${duration(forMs)}`)
  }${
    sample === null
      ? NOTHING
      : bar('calls', calls.candidate, sample, `${grouped(calls.candidate)} of ${grouped(sample)} calls`)
  }`;
}

function duration(ms: number): string {
  if (ms >= 3_600_000) return `${Number((ms / 3_600_000).toFixed(1))} h`;
  return ms >= 60_000 ? `${Math.floor(ms / 60_000)} min` : `${Number((ms / 1000).toFixed(3))} s`;
}

function notes(r: RolloutReport): Html[] {
  return [
    html`Control ${releaseMarkup(r.control)}, candidate ${releaseMarkup(r.candidate)}`,
    ...r.disabled.map((segment) => html`Disabled for the segment <span class="wrap">${segment}</span>`),
    ...r.waived.map(
      (w) =>
        html`<span class="warn">Waived:</span> <span class="wrap">${w.condition} (${w.detail})</span> by <span class="wrap">${w.by}: ${w.why}</span>`,
    ),
  ];
}

interface Choice {
  readonly path: string;
  readonly name: string;
  readonly tone: 'go' | 'stop' | '';
  readonly means: string;
}

/** What a person can decide in this state. */
function choicesOf({ status, percent, stages, stage }: RolloutReport): readonly Choice[] {
  const abort: Choice = { path: 'abort', name: 'Abort', tone: 'stop', means: 'back to 0%, and it ends' };
  const pause: Choice = {
    ...{ path: 'pause', name: 'Pause', tone: '' },
    means: `stays at ${percent}%; a gate can still roll back`,
  };
  const resume: Choice = {
    ...{ path: 'resume', name: 'Resume', tone: 'go' },
    means: `the stage of ${stages[stage]?.percent ?? 0}% begins again, with fresh evidence`,
  };
  const promote: Choice = {
    ...{ path: 'promote', name: 'Promote', tone: 'go' },
    means: 'the candidate becomes the release of the feature',
  };
  switch (status) {
    case 'running':
      return [pause, abort];
    case 'paused':
    case 'frozen':
      return [resume, abort];
    case 'complete':
      return [promote, pause, abort];
    default:
      return [];
  }
}

function decisions(r: RolloutReport, viewer: Viewer, path: string, typed: SaidHere['typed']): Html {
  const choices = choicesOf(r);
  const override =
    r.status === 'complete'
      ? html`<label class="why" for="override">Override (only where the registry refuses the release: the reason)<input id="override" name="override" maxlength="200" autocomplete="off" value="${typed['override'] ?? ''}"></label>`
      : NOTHING;
  return html`<section class="card" aria-labelledby="decide"><h3 id="decide">Decide</h3>
<form class="act" method="post" action="${path}/${choices[0]?.path ?? 'pause'}">${NO_DEFAULT}${hiddenFields(viewer, {})}
${signature(viewer, 'decide', typed)}
${override}
${choices.map((c) => html`<button class="${c.tone}" id="do-${c.path}" formaction="${path}/${c.path}" aria-describedby="means-${c.path}">${c.name}</button>`)}</form>
<p class="small dim">${choices.map((c, i) => html`${i === 0 ? '' : ' · '}<span id="means-${c.path}"><strong>${c.name}:</strong> ${c.means}</span>`)}</p>
<form method="post" action="${path}/step">${hiddenFields(viewer, { by: viewer.by })}<button id="do-step">Read the gates now</button> <span class="small dim">The server does it by itself too.</span></form></section>`;
}

function logTable({ history }: RolloutReport): Html {
  const newest = [...history].reverse();
  const table = htmlTable(
    ['time (UTC)', 'what', 'who'],
    newest
      .slice(0, MOST_LOGGED)
      .map((h) => [
        timeMarkup(h.at),
        html`<span class="wrap">${h.what}</span>`,
        html`<span class="wrap">${h.by}</span>`,
      ]),
    { narrow: 'stack', labels: true },
  );
  const left = newest.length - MOST_LOGGED;
  return left <= 0 ? table : html`${table}<p class="dim small">${left} earlier ones are not shown.</p>`;
}
