// The post-mortem's sections in reading order: what happened, what changed, when, how it was found, what is to be done.

import { shortHash } from '../../base/index.ts';
import { count, percent, pointInterval, points, pValue, when } from '../../base/numbers.ts';
import type { FailureRates, IncidentReport } from '../../core/index.ts';
import {
  type Block,
  code,
  heading,
  type Inline,
  type Line,
  note,
  paragraph,
  strong,
} from './incident-blocks.ts';
import { configurationBlocks } from './incident-configuration.ts';
import { detectionBlocks, gapText, hoursText } from './incident-detection.ts';
import { productionBlocks } from './incident-production.ts';

/** The whole post-mortem as blocks. */
export function incidentBlocks(r: IncidentReport): Block[] {
  return [
    heading(1, title(r)),
    ...(r.good.simulated || r.bad.simulated
      ? [note('The outputs here come from recordings or a simulator, not from a live model.')]
      : []),
    ...summary(r),
    glance(r),
    ...behaviour(r),
    ...timeline(r),
    ...configurationBlocks(r),
    ...detectionBlocks(r),
    ...productionBlocks(r),
    ...coverage(r),
    ...rollback(r),
    ...actions(r),
    heading(2, 'What is not known'),
    { kind: 'list', items: r.unknowns.map((u) => [u]) },
    heading(2, 'Method'),
    ...method(r),
  ];
}

const regressed = (r: IncidentReport): boolean => r.comparison.verdict === 'regressed';

function title(r: IncidentReport): string {
  const { baseline, candidate } = r.comparison;
  return regressed(r)
    ? `Post-mortem: ${r.suite}, pass rate ${percent(baseline.passRate)} → ${percent(candidate.passRate)}`
    : `Post-mortem: ${r.suite}, no regression shown (${r.comparison.verdict})`;
}

function summary(r: IncidentReport): Block[] {
  const { comparison: c, detection: d } = r;
  const worst = r.behaviour.categories.filter((s) => s.verdict === 'regressed').slice(0, 2);
  const better = r.behaviour.categories.filter((s) => s.verdict === 'improved');
  const sentences: Inline[] = [];
  if (regressed(r)) {
    sentences.push(
      d.lastGood === null || when(d.lastGood.at).slice(0, 13) === when(d.firstBad.at).slice(0, 13)
        ? `From run ${r.good.id} to run ${r.bad.id}`
        : `Between ${when(d.lastGood.at)} and ${when(d.firstBad.at)} UTC`,
      ` the pass rate of suite ${r.suite} fell by `,
      strong(points(c.overall.delta === null ? null : Math.abs(c.overall.delta)).replace('+', '')),
      ` (${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)}, ${Math.round(100 * c.overall.confidence)} % interval ${pointInterval(c.overall.interval)}) over ${count(c.overall.pairs, 'case')}: `,
      `${c.flips.passToFail} of ${c.flips.passToFail + c.flips.bothPass} cases that passed now fail${
        c.flips.failToPass + c.flips.bothFail === 0
          ? ''
          : `, ${c.flips.failToPass} of ${c.flips.failToPass + c.flips.bothFail} that failed now pass`
      }. `,
    );
    if (worst.length > 0)
      sentences.push(
        `Hardest hit: ${worst.map((s) => `tag ${s.name} (${failing(s.before)} → ${failing(s.after)} of trials fail)`).join(', ')}. `,
      );
    sentences.push(sameAnswer(r));
    if (better.length > 0 && sameAnswer(r) === '')
      sentences.push(
        `At the same time ${better.map((s) => `tag ${s.name} got better (${failing(s.before)} → ${failing(s.after)} fail)`).join(', ')}, so the single pass rate understates the change. `,
      );
  } else {
    sentences.push(`The suite shows no regression between the two snapshots: ${c.reason}. `);
  }
  sentences.push(cause(r), ' ', foundSentence(r), ' ', restoredSentence(r));
  return [heading(2, 'Summary'), paragraph(...sentences)];
}

/** One answer to everything, where that is what happened; empty otherwise. */
export function sameAnswer({ behaviour: b }: IncidentReport): string {
  const { before, after } = b.commonest;
  if (after === null || after.of < 20) return '';
  const [was, is] = [before === null ? 0 : before.count / before.of, after.count / after.of];
  if (is < 0.2 || is < 2 * was) return '';
  const gains = b.gainsByCommonest.filter((g) => g.same > g.passed / 2);
  return `${after.count} of ${after.of} answers are now one and the same text, "${clip(after.text, 60)}"; before, the commonest text made up ${percent(was)}. ${gains
    .map(
      (g) =>
        `Tag ${g.tag} only looks better: ${g.same} of its ${g.passed} passing trials give that answer, which happens to be right there. `,
    )
    .join('')}`;
}

function cause({ comparison: c, configuration }: IncidentReport): string {
  const { layersChanged, diagnosis, servedModelChanged } = c.attribution;
  const { good, bad } = configuration;
  if (layersChanged.length === 0)
    return `The release did not change (fingerprint ${shortHash(bad.fingerprint)} on both sides)${servedModelChanged ? ', but the provider served another model' : ''}: ${diagnosis}.`;
  const models =
    good.model !== bad.model ? ` (model ${good.model ?? 'not named'} → ${bad.model ?? 'not named'})` : '';
  return `The two releases differ in ${layersChanged.join(', ')}${models}; no other layer changed.`;
}

function foundSentence({ detection: d }: IncidentReport): string {
  if (d.detectedAt === null)
    return d.alertAt === null
      ? 'When it was noticed is not recorded.'
      : `The nightly run raised an alert at ${when(d.alertAt)} UTC.`;
  return d.hoursToDetect === null
    ? `It was noticed at ${when(d.detectedAt)} UTC.`
    : `It was noticed ${hoursText(d.hoursToDetect)} after it began.`;
}

function restoredSentence({ rollback: last }: IncidentReport): string {
  if (last === null) return 'No rollback decision is in the ledger.';
  const { decision: d } = last;
  if (d.target === null) return `The rollback decision of ${when(last.at)} UTC found no target: ${d.reason}.`;
  return d.decision === 'verified'
    ? `A rollback to ${d.target.release} (${shortHash(d.target.fingerprint)}) was verified by a fresh run at ${when(last.at)} UTC.`
    : `A rollback to ${d.target.release} was named at ${when(last.at)} UTC but not verified.`;
}

function glance(r: IncidentReport): Block {
  const { detection: d } = r;
  const told = (at: string | null): string => (at === null ? 'not recorded' : `${when(at)} UTC`);
  const snapshot = (a: IncidentReport['good']): Line => [
    code(a.id),
    `, ${when(a.startedAt)} UTC, release ${a.release} `,
    code(shortHash(a.fingerprint)),
    a.validity === 'valid' ? '' : `, ${a.validity}`,
  ];
  return {
    kind: 'table',
    head: ['At a glance', ''],
    rows: [
      [['Taken as good'], snapshot(r.good)],
      [['Taken as bad'], snapshot(r.bad)],
      [['Began'], [told(d.since)]],
      [['First bad run'], [`${when(d.firstBad.at)} UTC, `, code(d.firstBad.id)]],
      [['Noticed'], [told(d.detectedAt)]],
      [['Over'], [told(d.resolvedAt)]],
      [['Detection gap'], [gapText(r)]],
      [['Change on record'], [r.comparison.attribution.diagnosis]],
      [['Would the suite have caught it'], [r.coverage.sentence]],
    ],
  };
}

function behaviour(r: IncidentReport): Block[] {
  const { behaviour: b, comparison: c } = r;
  const moved = (['length', 'latencyMs', 'costUsd', 'refusalRate', 'embedding'] as const).filter(
    (m) => c.metrics[m].verdict === 'shifted',
  );
  return [
    heading(2, 'What changed in behaviour'),
    heading(3, 'Failure rate by category'),
    b.categories.length === 0
      ? paragraph('The cases carry no tags, so there are no categories to tell apart.')
      : rates('tag', b.categories, true),
    heading(3, 'Prompt templates affected'),
    rates('template', b.templates, false),
    heading(3, 'What the answers fail on'),
    b.graders.length === 0
      ? paragraph('No grader failed a trial on either side.')
      : rates('grader', b.graders, false),
    heading(3, 'Other signs in the answers'),
    ...(sameAnswer(r) === '' ? [] : [paragraph(sameAnswer(r))]),
    moved.length === 0
      ? paragraph('Length, latency, cost and refusals show no shift beyond noise.')
      : { kind: 'list', items: moved.map((m) => [strong(NAMES[m]), `: ${c.metrics[m].reason}`]) },
    heading(3, `Before and after: ${count(b.examples.length, 'case')}, chosen by the size of the change`),
    ...(b.examples.length === 0
      ? [paragraph('No case passes less often, so there is nothing to show.')]
      : []),
    ...b.examples.flatMap((e): Block[] => [
      paragraph(
        strong(e.caseId),
        e.tags.length === 0 ? '' : ` (${e.tags.join(', ')})`,
        e.direction === 'better' ? ', the other side' : '',
        `: ${e.beforePassed}/${e.beforeTrials} → ${e.afterPassed}/${e.afterTrials} trials pass`,
        e.expected === null ? '' : `; expected: ${clip(e.expected, 120)}`,
        e.reasons.length === 0 ? '' : `. Fails now on ${clip(e.reasons.join('; '), 400)}`,
      ),
      { kind: 'quote', title: 'Input', text: clip(e.input, 600) },
      { kind: 'pair', before: { title: 'Before', text: e.before }, after: { title: 'After', text: e.after } },
    ]),
  ];
}

const NAMES = {
  length: 'Length',
  latencyMs: 'Latency',
  costUsd: 'Cost',
  refusalRate: 'Refusals',
  embedding: 'Meaning',
} as const;

function rates(name: string, list: readonly FailureRates[], verdicts: boolean): Block {
  const shown = list.slice(0, 30);
  return {
    kind: 'table',
    head: [name, 'cases', 'failing before', 'failing after', 'points', ...(verdicts ? ['verdict'] : [])],
    numeric: [1, 2, 3, 4],
    rows: shown.map((f) => [
      [f.name],
      [String(f.cases)],
      [`${failing(f.before)} (${f.before.failed}/${f.before.trials})`],
      [`${failing(f.after)} (${f.after.failed}/${f.after.trials})`],
      [
        f.before.trials === 0 || f.after.trials === 0
          ? 'not known'
          : points(share(f.after) - share(f.before)).replace(' points', ''),
      ],
      ...(verdicts ? [[f.verdict ?? 'not tested']] : []),
    ]),
  };
}

function timeline(r: IncidentReport): Block[] {
  const MAX = 80;
  const left = Math.max(0, r.timeline.length - MAX);
  return [
    heading(2, `Timeline (UTC, from ${r.configuration.since.slice(0, 10)})`),
    ...(left > 0 ? [paragraph(`The ${left} oldest entries are left out; the JSON form has them.`)] : []),
    {
      kind: 'table',
      head: ['when', 'what', '', 'known from'],
      rows: r.timeline
        .slice(-MAX)
        .map((e) => [
          [when(e.at)],
          [e.kind],
          [e.text],
          [
            { ledger: 'ledger', event: 'recorded event', file: 'event file', told: 'told' }[e.source],
            ...(e.ref === undefined ? [] : [` ${e.ref}`]),
          ],
        ]),
    },
  ];
}

function coverage(r: IncidentReport): Block[] {
  const { coverage: c } = r;
  const MAX = 15;
  return [
    heading(2, 'Would the suite have caught it?'),
    paragraph(c.sentence),
    ...(c.cases.length === 0
      ? []
      : [
          paragraph(
            'Cases that show it, worst first: ',
            ...c.cases.slice(0, MAX).flatMap((id, i): Inline[] => [i === 0 ? '' : ', ', code(id)]),
            c.cases.length > MAX ? ` and ${c.cases.length - MAX} more.` : '.',
          ),
        ]),
    paragraph(
      c.drafts.length === 0
        ? c.draftNote
        : `${count(c.drafts.length, 'draft case')} made from inputs that failed: --cases-out FILE writes them as JSON lines for the suite's cases. ${c.draftNote}`,
    ),
  ];
}

function rollback(r: IncidentReport): Block[] {
  const out: Block[] = [heading(2, 'Rollback')];
  if (r.rollback === null) {
    return [
      ...out,
      paragraph(
        'The ledger holds no rollback decision made after the bad run. ',
        code(`lastgood rollback ${r.suite} --from ${r.bad.id} --baseline ${r.good.id}`),
        ' finds a target and verifies it by running it.',
      ),
    ];
  }
  const { decision: d, at } = r.rollback;
  out.push(paragraph(strong(d.decision), `, ${when(at)} UTC: ${d.reason}`));
  if (d.current.id !== r.bad.id)
    out.push(note(`The decision was made for snapshot ${d.current.id}, not for the bad run named here.`));
  if (d.target !== null)
    out.push(
      paragraph(
        `Target: release ${d.target.release} `,
        code(shortHash(d.target.fingerprint)),
        `, changing ${d.target.layersRestored.join(', ') || 'nothing'}${d.target.hybrid ? '; a hybrid that was never run before' : ''}.`,
      ),
    );
  if (d.verification !== null) {
    const v = d.verification;
    out.push(
      paragraph(
        'Evidence: fresh run ',
        code(v.snapshot),
        `, ${v.outcome}: ${v.reason}. Of ${d.regressedCases.length} cases that had regressed, ${v.recovered} pass again${v.stillFailing.length > 0 ? `; still failing: ${v.stillFailing.slice(0, 8).join(', ')}` : ''}.`,
      ),
    );
  }
  out.push(paragraph('Whether it was put into production is not recorded here.'));
  if (d.rejected.length > 0)
    out.push(
      paragraph(
        `Refused: ${d.rejected
          .slice(0, 6)
          .map((x) => `${x.release} ${shortHash(x.fingerprint)} (${x.reason.replaceAll('_', ' ')})`)
          .join(', ')}${d.rejected.length > 6 ? ` and ${d.rejected.length - 6} more` : ''}.`,
      ),
    );
  return out;
}

function actions(r: IncidentReport): Block[] {
  return [
    heading(2, 'Follow-up actions'),
    {
      kind: 'table',
      head: ['', 'action', 'because', 'owner', 'due'],
      rows: r.followUps.map((f) => [[f.kind], [f.action], [f.why], ['to be named'], ['to be set']]),
    },
  ];
}

function method(r: IncidentReport): Block[] {
  const { overall, engine } = r.comparison;
  return [
    paragraph(
      `${overall.method}; ${overall.pairs} pairs, p ${pValue(overall.p, overall.log10p)} two-sided, margin ${percent(engine.margin)}, seed ${engine.seed}. ${r.detection.runsLookedAt} runs were looked at, the good and the bad one included; a signal counts from the run on after which it never went away. Written ${when(r.writtenAt)} UTC by lastgood incident from the ledger; `,
      code(`lastgood diff ${r.good.id} ${r.bad.id} --format html -o FILE`),
      ' shows every case.',
    ),
  ];
}

function share(side: FailureRates['before']): number {
  return side.trials === 0 ? 0 : side.failed / side.trials;
}

function failing(side: FailureRates['before']): string {
  return side.trials === 0 ? 'not known' : percent(share(side));
}

function clip(text: string, max: number): string {
  const points = Array.from(text);
  return points.length > max ? `${points.slice(0, max - 1).join('')}…` : text;
}
