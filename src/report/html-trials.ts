// Every trial of one case with its answer, its grades, the votes behind them and the reasons: markup, everything escaped.

import {
  type Grade,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type StoredTrial,
  trialOutcome,
} from '../core/index.ts';
import { htmlText as h } from './escape.ts';
import { count, milliseconds, spentOnTrial } from './format.ts';
import { shortened, sideBySide } from './html-diff.ts';
import { tone } from './html-page.ts';

/** All stored trials of a case on both sides. */
export interface CaseTrials {
  readonly baseline: readonly StoredTrial[];
  readonly candidate: readonly StoredTrial[];
}

/** What the user saw: the text, the provider's refusal, the tool calls; empty when nothing was answered. */
export function shownOutput({ trial }: StoredTrial): string {
  if (trial.status !== 'answered') return '';
  const { text, refusal, toolCalls } = trial.output;
  return [
    text,
    refusal === undefined ? '' : `[refusal] ${refusal}`,
    ...toolCalls.map((c) => `[tool call] ${c.name}(${JSON.stringify(c.args)})`),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** `pass`, `fail`, `ungraded`, or why there was no answer. */
export function trialWord({ trial, grades }: StoredTrial): string {
  if (trial.status !== 'answered')
    return trial.status === 'failed' ? `no answer: ${trial.code}` : `skipped: ${trial.cause}`;
  const outcome = trialOutcome(grades);
  return outcome.kind === 'ungraded' ? 'ungraded' : outcome.pass ? 'pass' : 'fail';
}

/** The pair of answers that shows the change best: opposite outcomes where there are any. */
export function tellingPair(trials: CaseTrials, worse: boolean): readonly [StoredTrial, StoredTrial] | null {
  const pick = (side: readonly StoredTrial[], wanted: string): StoredTrial | undefined => {
    const answered = side.filter((t) => t.trial.status === 'answered');
    return answered.find((t) => trialWord(t) === wanted) ?? answered[0];
  };
  const before = pick(trials.baseline, worse ? 'pass' : 'fail');
  const after = pick(trials.candidate, worse ? 'fail' : 'pass');
  return before === undefined || after === undefined ? null : [before, after];
}

/** Side-by-side answers, then every trial of both sides. */
export function trialsMarkup(trials: CaseTrials, worse: boolean): string {
  const pair = tellingPair(trials, worse);
  const title = (side: string, t: StoredTrial): string =>
    `${side}, trial ${t.trial.trial + 1}: ${trialWord(t)}`;
  return [
    pair === null
      ? '<p class="warn">There is no answer on both sides to set beside each other.</p>'
      : sideBySide(
          { title: title('Before', pair[0]), text: shownOutput(pair[0]) },
          { title: title('After', pair[1]), text: shownOutput(pair[1]) },
        ),
    `<details class="card"><summary>Every trial, grade and reason (${trials.baseline.length} before, ${trials.candidate.length} after)</summary><div class="two"><section><h3>Before</h3>${side(trials.baseline)}</section><section><h3>After</h3>${side(trials.candidate)}</section></div></details>`,
  ].join('');
}

function side(trials: readonly StoredTrial[]): string {
  if (trials.length === 0) return '<p class="warn">No trial of this case is stored.</p>';
  return trials.map(oneTrial).join('');
}

function oneTrial(stored: StoredTrial): string {
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
          trial.droppedParams.length > 0 ? `refused parameters: ${trial.droppedParams.join(', ')}` : '',
        ]
      : [trial.message];
  return `<p><strong>Trial ${trial.trial + 1}</strong> <span class="${tone(word)}">${h(word)}</span> <span class="dim small">${h(facts.filter(Boolean).join(' · '))}</span></p>${
    trial.status === 'answered'
      ? `<pre tabindex="0">${h(shortened(shownOutput(stored))) || '<span class="dim">(no text)</span>'}</pre>`
      : ''
  }${gradeList(grades)}`;
}

function gradeList(grades: readonly Grade[]): string {
  return grades.length === 0 ? '' : `<ul class="grades">${grades.map(oneGrade).join('')}</ul>`;
}

function oneGrade(g: Grade): string {
  const mark =
    g.status === 'scored'
      ? `<span class="${g.pass ? 'good' : 'bad'}">${g.pass ? 'pass' : 'fail'}</span>`
      : `<span class="warn">${h(g.cause.replaceAll('_', ' '))}</span>`;
  const score =
    g.status === 'scored' && g.score !== 0 && g.score !== 1 ? ` (score ${g.score.toFixed(2)})` : '';
  return `<li>${mark} <code>${h(g.graderId)}</code>${g.required ? '' : ' <span class="dim">(not required)</span>'}${score}: ${h(g.reason)}${detailMarkup(g.details)}</li>`;
}

/** Criteria and votes as lists; anything else as its JSON. */
function detailMarkup(details: JsonValue | undefined): string {
  if (details === undefined || details === null) return '';
  if (!isJsonObject(details)) return rawDetail(details);
  const criteria = objects(details['criteria']);
  const votes = objects(details['votes']);
  if (criteria.length === 0 && votes.length === 0)
    return Object.keys(details).length === 0 ? '' : rawDetail(details);
  return `<ul>${criteria.map(criterion).join('')}${votes
    .map(
      (v, i) =>
        `<li><span class="dim">vote ${i + 1}${v['cached'] === true ? ' (cached)' : ''}:</span> ${oneVote(v)}</li>`,
    )
    .join('')}</ul>`;
}

function oneVote(vote: JsonObject): string {
  if (vote['ungraded'] !== undefined)
    return `<span class="warn">${word(vote['ungraded'])}</span> ${word(vote['reason'])}`;
  return objects(vote['criteria'])
    .map((c) => `${word(c['id'])} <strong>${word(c['verdict'])}</strong> (${word(c['reason'])})`)
    .join('; ');
}

function criterion(c: JsonObject): string {
  const verdict = typeof c['verdict'] === 'string' ? c['verdict'] : 'not told';
  const agreement =
    typeof c['agreement'] === 'number' ? `, ${Math.round(100 * c['agreement'])} % of the votes` : '';
  return `<li><span class="${verdict === 'yes' ? 'good' : verdict === 'no' ? 'bad' : 'dim'}">${h(verdict)}</span> <code>${word(c['id'])}</code>${c['must'] === true ? ' (must)' : ''}: ${word(c['reason'])}<span class="dim">${h(agreement)}</span></li>`;
}

function rawDetail(details: JsonValue): string {
  return `<details><summary class="dim">details</summary><pre tabindex="0">${h(shortened(JSON.stringify(details, null, 1), 2000))}</pre></details>`;
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function word(value: JsonValue | undefined): string {
  return value === undefined || value === null
    ? ''
    : h(typeof value === 'string' ? value : JSON.stringify(value));
}
