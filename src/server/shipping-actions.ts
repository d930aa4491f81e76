// What a person does at the pages of flags and rollouts: set a flag; pause, resume, abort, promote or step a rollout.

import type { JsonObject } from '../base/json.ts';
import { typedConditions } from '../core/flag.ts';
import { EVERY_FEATURE } from '../core/shipping.ts';
import { setFlag } from '../jobs/flag/set-flag.ts';
import { typedShare } from '../jobs/flag/typed-flag.ts';
import type { RolloutDecision } from '../jobs/rollout/decide-rollout.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { acting, textOf } from './page-actions.ts';
import { CLOCK } from './page-sources.ts';

/** Lines of the field for conditions; the flag itself has a limit too. */
const MOST_LINES = 20;

/** POST /flags/set. */
export function flagAction(c: AppContext, parts: AppParts): Promise<Response> {
  return acting(c, parts, '/flags', async (body, said) => {
    const typed = (name: string): string | undefined => textOf(body, name, false);
    const key = textOf(body, 'key', true) ?? '';
    const feature = typed('feature') ?? EVERY_FEATURE;
    const set = await setFlag({ mask: parts.mask, clock: CLOCK }, parts.changes.log, {
      ...{ key, feature, environment: parts.environment },
      value: textOf(body, 'value', true) ?? '',
      ...typedShare({ percent: typed('percent'), type: typed('type') }),
      when: typedConditions({
        segment: typed('segment'),
        region: typed('region'),
        when: linesOf(body, 'when'),
      }),
      ...{ otherwise: typed('else'), seen: seenOf(typed('seen')) },
      ...said,
    });
    const whom = feature === EVERY_FEATURE ? 'every feature' : feature;
    return {
      text: `${key} of ${whom} is set. Applications that listen have it now.`,
      answer: { schemaVersion: 1, kind: 'flag', ...set.flag },
    };
  });
}

/** POST /rollouts/FEATURE/DECISION. */
export function rolloutAction(
  c: AppContext,
  parts: AppParts,
  decision: RolloutDecision | 'step',
): Promise<Response> {
  const feature = c.req.param('feature') ?? '';
  const { environment } = parts;
  return acting(c, parts, `/rollouts/${encodeURIComponent(feature)}`, async (body, { by, why }) => {
    const place = { feature, environment };
    const override = textOf(body, 'override', false);
    const [report] = await parts.rollouts.ask(
      decision === 'step'
        ? { kind: 'step', ...place, by: by ?? 'page of the rollout' }
        : { kind: 'decide', ...place, decision, by, why, override },
    );
    if (report === undefined) throw new Error('a decision about one rollout has one answer');
    const done = decision === 'step' ? 'The gates were read' : DONE[decision];
    return { text: `${done}. It is ${report.status} at ${report.percent}%.`, answer: report };
  });
}

const DONE: Readonly<Record<RolloutDecision, string>> = {
  pause: 'The rollout was paused',
  resume: 'The rollout was resumed',
  abort: 'The rollout was ended',
  promote: 'The candidate is now the release of the feature',
};

/** One condition a line; as JSON also a list. */
function linesOf(body: JsonObject, name: string): readonly string[] {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  const lines = typeof value === 'string' ? value.split(/\r?\n/) : Array.isArray(value) ? value : [];
  if (lines.length > MOST_LINES || (value !== undefined && value !== null && lines.length === 0))
    throw new HttpError(400, `${name} must be up to ${MOST_LINES} lines`);
  return lines.flatMap((line) => textOf({ [name]: line }, name, false) ?? []);
}

function seenOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpError(400, 'seen must be the place of the flag in the log');
}
