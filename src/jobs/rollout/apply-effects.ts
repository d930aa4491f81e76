// Does what a rollout decided: flags first, because they protect users, then the episode and the alert. All can be done twice.

import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { FlagDefinition, FlagValue, ShippingStore } from '../../core/index.ts';
import type { RolloutEffect } from '../../core/rollout.ts';
import { alertStates, queueAlert, sendPending } from '../../engine/records/alerts.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { slackText } from '../../report/ci/slack-text.ts';
import { typeOfAiFlag } from '../../rollout/flag-values.ts';
import { flagsOf } from '../../rollout/flags.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { newestOf } from '../flag/set-flag.ts';
import { episodesOf } from '../nightly/episodes.ts';
import { writeEvent } from './rollout-log.ts';

export const PERCENT_FLAG = 'ai.rollout.percent';

export interface RolloutDesk {
  readonly work: Workplace;
  readonly shipping: ShippingStore;
  readonly webhook: URL | null;
}

/** Everything that is pending, and then the event that says so. */
export async function applyPending(
  desk: RolloutDesk,
  state: RolloutState,
  by: string,
): Promise<RolloutState> {
  if (state.pending.length === 0) return state;
  const { work } = desk;
  for (const effect of state.pending) if (effect.kind === 'set-flags') await setFlags(desk, state, effect);
  for (const effect of state.pending) {
    if (effect.kind === 'open-episode') await openEpisode(desk, state, effect.reason);
    if (effect.kind === 'alert') await alert(desk, state, effect);
  }
  const { spec, seq } = state;
  const event = { kind: 'applied', at: work.clock.now().toISOString(), by, through: seq } as const;
  return writeEvent(work.store, spec, state, event);
}

/** The definition of `ai.rollout.percent` that a state asks for. */
export function percentDefinition({
  percent,
  disabled,
}: {
  readonly percent: number;
  readonly disabled: readonly string[];
}): FlagDefinition {
  const rules =
    disabled.length === 0
      ? []
      : [
          {
            when: [{ property: 'segment', operator: '=' as const, values: disabled }],
            percent: null,
            value: 0,
          },
        ];
  return { type: 'number', value: percent, rules };
}

async function setFlags(
  desk: RolloutDesk,
  state: RolloutState,
  { percent, flags, disabled }: Extract<RolloutEffect, { kind: 'set-flags' }>,
): Promise<void> {
  await setFlag(desk, state, PERCENT_FLAG, percentDefinition({ percent, disabled }));
  for (const [key, value] of Object.entries(flags))
    if (key !== PERCENT_FLAG) await setFlag(desk, state, key, { type: typeOf(key, value), value, rules: [] });
}

function typeOf(key: string, value: FlagValue): FlagDefinition['type'] {
  return typeOfAiFlag(key) ?? (typeof value as FlagDefinition['type']);
}

/** Sets a flag of the feature unless it is so already. */
export async function setFlag(
  { work, shipping }: Pick<RolloutDesk, 'work' | 'shipping'>,
  { spec, by, reason }: Pick<RolloutState, 'spec' | 'by' | 'reason'>,
  key: string,
  definition: FlagDefinition,
): Promise<void> {
  const { feature, environment, id } = spec;
  const before = newestOf(flagsOf(await shipping.changes(0)), { key, feature, environment });
  if (before !== undefined) {
    const { type, value, rules } = before;
    if (isDeepStrictEqual({ type, value, rules }, definition)) return;
    if (type !== definition.type)
      throw new LastgoodError({
        code: 'FLAG_VALUE',
        message: `the rollout of ${feature} sets ${key} to ${String(definition.value)}, but ${key} is a ${type} flag`,
        hint: 'correct the value in the ticket',
      });
  }
  await shipping.append(
    {
      ...{ kind: 'flag', feature, environment, name: key, at: work.clock.now().toISOString(), by },
      why: work.mask.text(`rollout ${id}: ${reason}`.slice(0, 500)),
      body: definition as unknown as JsonObject,
    },
    before?.no ?? 0,
  );
}

const SERIES = 'rollout:';
const seriesOf = ({ feature, environment }: RolloutState['spec']): string =>
  `${SERIES}${feature}@${environment}`;

/** Whose rollout opened an episode; null = it is of nights. */
export function featureOfSeries(
  series: string,
): { readonly feature: string; readonly environment: string } | null {
  if (!series.startsWith(SERIES)) return null;
  const at = series.lastIndexOf('@');
  return { feature: series.slice(SERIES.length, at), environment: series.slice(at + 1) };
}

async function openEpisode({ work }: RolloutDesk, state: RolloutState, reason: string): Promise<void> {
  const { spec, since } = state;
  const id = episodeId(state);
  if ((await episodesOf(work.store, spec.suite)).some((e) => e.id === id)) return;
  await work.store.keepRecord({
    kind: 'episode',
    suite: spec.suite,
    at: since,
    body: work.mask.json({
      ...{ id, suite: spec.suite, series: seriesOf(spec), status: 'open', openedAt: since, endedAt: null },
      ...{ baseline: spec.control.fingerprint, reason, affected: { tag: null, cases: [] } },
      ...{ evidence: [], regressed: [], nights: 1, quiet: [], since: [], last: 'opened' },
    } as unknown as JsonObject),
  });
}

/** One for each time that a gate acted. */
const episodeId = ({ spec, since }: Pick<RolloutState, 'spec' | 'since'>): string =>
  `ep-${spec.id}-${Date.parse(since)}`;

/** A person decided what comes next: open episodes of these rollouts end. */
export async function endEpisodes(work: Workplace, spec: RolloutState['spec']): Promise<void> {
  const at = work.clock.now().toISOString();
  for (const episode of await episodesOf(work.store, spec.suite)) {
    if (episode.series !== seriesOf(spec) || episode.status !== 'open') continue;
    const body = { ...episode, status: 'superseded', endedAt: at, last: 'superseded' };
    await work.store.keepRecord({
      kind: 'episode',
      suite: spec.suite,
      at,
      body: body as unknown as JsonObject,
    });
  }
}

async function alert(
  { work, webhook }: RolloutDesk,
  state: RolloutState,
  { event, reason }: Extract<RolloutEffect, { kind: 'alert' }>,
): Promise<void> {
  const { spec, since } = state;
  const episode = episodeId(state);
  const id = `${episode}-alert`;
  if (!(await alertStates(work.store, spec.suite)).some((s) => s.alert.id === id)) {
    const headline = `${event === 'rollout.rolled-back' ? '🔴' : '🟠'} ${spec.feature} in ${spec.environment}: ${slackText(reason)}`;
    const next = `lastgood rollout status ${spec.feature}`;
    await queueAlert(work, spec.suite, {
      ...{ id, episode, event: 'rollout.opened', at: since },
      body: {
        ...{ schemaVersion: 1, id, event, at: since, feature: spec.feature, environment: spec.environment },
        ...{ rollout: spec.id, percent: state.percent, reason, next },
        control: { ...spec.control },
        candidate: { ...spec.candidate },
        text: `${headline}\nNext: \`${next}\``.slice(0, 2900),
      },
    });
  }
  await sendPending(work, spec.suite, webhook);
}
