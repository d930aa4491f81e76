// Every trial of one case with its answer, its grades, the votes behind them and the reasons: markup, everything escaped.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/index.ts';
import { count, milliseconds } from '../../base/numbers.ts';
import type { CaseContent, Grade, StoredTrial } from '../../core/index.ts';
import { expectedText, inputText } from '../parts/case-content.ts';
import { shortened } from '../parts/excerpt.ts';
import { spentOnTrial, tokensText } from '../parts/format.ts';
import { type CaseTrials, shownOutput, tellingPair, trialWord } from '../parts/stored-trial.ts';
import { type Html, html, joinHtml, NOTHING } from './html.ts';
import { sideBySide } from './html-diff.ts';
import { tone } from './html-page.ts';

/** Most characters of a case's input and of its expected value. */
const INPUT = 3000;

/** Input and expected value of a case. */
export function contentMarkup(content: CaseContent): Html {
  const input = inputText(content, INPUT);
  const expected = expectedText(content);
  const block = (title: string, text: string): Html =>
    html`<div class="asked"><strong>${title}</strong><pre tabindex="0">${text}</pre></div>`;
  return html`${input === '' ? '' : block('Input', input)}${expected === null ? '' : block('Expected', shortened(expected, INPUT))}`;
}

/** What was asked, side-by-side answers, then every trial of both sides. */
export function trialsMarkup(trials: CaseTrials, worse: boolean): Html {
  const pair = tellingPair(trials, worse);
  const title = (side: string, t: StoredTrial): string =>
    `${side}, trial ${t.trial.trial + 1}: ${trialWord(t)}`;
  return html`${[
    trials.content === undefined ? '' : contentMarkup(trials.content),
    pair === null
      ? html`<p class="warn">There is no answer on both sides to set beside each other.</p>`
      : sideBySide(
          { title: title('Before', pair[0]), text: shownOutput(pair[0]) },
          { title: title('After', pair[1]), text: shownOutput(pair[1]) },
        ),
    html`<details class="card"><summary>Every trial, grade and reason (${trials.baseline.length} before, ${trials.candidate.length} after)</summary><div class="two"><section><h3>Before</h3>${trialList(trials.baseline)}</section><section><h3>After</h3>${trialList(trials.candidate)}</section></div></details>`,
  ]}`;
}

/** Every trial with its answer, its grades and their reasons. */
export function trialList(trials: readonly StoredTrial[]): Html {
  if (trials.length === 0) return html`<p class="warn">No trial of this case is stored.</p>`;
  return html`${trials.map(oneTrial)}`;
}

function oneTrial(stored: StoredTrial): Html {
  const { trial, grades } = stored;
  const word = trialWord(stored);
  const facts =
    trial.status === 'answered'
      ? [
          milliseconds(trial.latencyMs),
          `stop reason ${trial.stopReason}`,
          trial.served.model === null ? 'model not disclosed' : `served by ${trial.served.model}`,
          trial.attempts.length > 1 ? count(trial.attempts.length, 'attempt') : '',
          trial.costUsd === null ? '' : spentOnTrial(trial),
          tokensText(trial.usage),
          trial.droppedParams.length > 0 ? `refused parameters: ${trial.droppedParams.join(', ')}` : '',
        ]
      : [trial.message];
  return html`<p><strong>Trial ${trial.trial + 1}</strong> <span class="${tone(word)}">${word}</span> <span class="dim small">${facts.filter(Boolean).join(' · ')}</span></p>${
    trial.status === 'answered'
      ? html`<pre tabindex="0">${shortened(shownOutput(stored)) || html`<span class="dim">(no text)</span>`}</pre>`
      : ''
  }${gradeList(grades)}`;
}

function gradeList(grades: readonly Grade[]): Html {
  return grades.length === 0 ? NOTHING : html`<ul class="grades">${grades.map(oneGrade)}</ul>`;
}

function oneGrade(g: Grade): Html {
  const mark =
    g.status === 'scored'
      ? html`<span class="${g.pass ? 'good' : 'bad'}">${g.pass ? 'pass' : 'fail'}</span>`
      : html`<span class="warn">${g.cause.replaceAll('_', ' ')}</span>`;
  const score =
    g.status === 'scored' && g.score !== 0 && g.score !== 1 ? ` (score ${g.score.toFixed(2)})` : '';
  return html`<li>${mark} <code>${g.graderId}</code>${g.required ? '' : html` <span class="dim">(not required)</span>`}${score}: ${g.reason}${detailMarkup(g.details)}</li>`;
}

/** Criteria and votes as lists; anything else as its JSON. */
function detailMarkup(details: JsonValue | undefined): Html {
  if (details === undefined || details === null) return NOTHING;
  if (!isJsonObject(details)) return rawDetail(details);
  const criteria = objects(details['criteria']);
  const votes = objects(details['votes']);
  if (criteria.length === 0 && votes.length === 0)
    return Object.keys(details).length === 0 ? NOTHING : rawDetail(details);
  return html`<ul>${criteria.map(criterion)}${votes.map(
    (v, i) =>
      html`<li><span class="dim">vote ${i + 1}${v['cached'] === true ? ' (cached)' : ''}:</span> ${oneVote(v)}</li>`,
  )}</ul>`;
}

function oneVote(vote: JsonObject): Html {
  if (vote['ungraded'] !== undefined)
    return html`<span class="warn">${word(vote['ungraded'])}</span> ${word(vote['reason'])}`;
  const criteria = objects(vote['criteria']).map(
    (c) => html`${word(c['id'])} <strong>${word(c['verdict'])}</strong> (${word(c['reason'])})`,
  );
  return joinHtml(criteria, '; ');
}

function criterion(c: JsonObject): Html {
  const verdict = typeof c['verdict'] === 'string' ? c['verdict'] : 'not recorded';
  const agreement =
    typeof c['agreement'] === 'number' ? `, ${Math.round(100 * c['agreement'])} % of the votes` : '';
  return html`<li><span class="${verdict === 'yes' ? 'good' : verdict === 'no' ? 'bad' : 'dim'}">${verdict}</span> <code>${word(c['id'])}</code>${c['must'] === true ? ' (must)' : ''}: ${word(c['reason'])}<span class="dim">${agreement}</span></li>`;
}

function rawDetail(details: JsonValue): Html {
  return html`<details><summary class="dim">details</summary><pre tabindex="0">${shortened(JSON.stringify(details, null, 1), 2000)}</pre></details>`;
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function word(value: JsonValue | undefined): string {
  return value === undefined || value === null
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}
