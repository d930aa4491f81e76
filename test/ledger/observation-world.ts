// Production answers of the refund-bot, for the tests of observations.

import type { Observation, Outcome, WindowRules } from '../../src/core/observation.ts';
import { editShare } from '../../src/monitor/edit-share.ts';
import { countsOf } from '../../src/monitor/window-counts.ts';

export const RULES: WindowRules = { counts: countsOf, editShare };

/** A Tuesday, at noon. */
export const NOON = Date.UTC(2026, 4, 12, 12);

const MEASURES: Observation['measures'] = {
  failed: false,
  length: 120,
  refusal: false,
  schemaValid: true,
  blocked: null,
  latencyMs: 800,
  costUsd: 0.002,
  inputTokens: 100,
  outputTokens: 40,
  toolCalls: null,
};

export function observation(
  id: string,
  patch: Partial<Omit<Observation, 'measures'>> & { measures?: Partial<Observation['measures']> } = {},
): Observation {
  const { measures, ...rest } = patch;
  return {
    id,
    shownId: id,
    at: NOON,
    feature: 'refund-bot',
    dimensions: { release: 'r1', template: 'refund' },
    region: null,
    session: null,
    user: null,
    tags: [],
    model: 'gpt-4o',
    servedModel: 'gpt-4o-2024-11-20',
    systemFingerprint: null,
    stopReason: 'stop',
    actionMode: null,
    texts: null,
    vector: null,
    ...rest,
    measures: { ...MEASURES, ...measures },
  };
}

export function outcome(id: string, patch: Partial<Outcome> = {}): Outcome {
  return { id, at: NOON + 60_000, flags: {}, kpi: {}, scores: {}, finalText: null, ...patch };
}
