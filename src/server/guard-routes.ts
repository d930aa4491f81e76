// The guard of agents over HTTP: decisions, their ends, state and its stream; stops and approvals for people.

import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { GuardedAction } from '../core/index.ts';
import type { ShippingState } from '../jobs/flag/flag-state.ts';
import { guardAction, guardState } from '../jobs/guard/guard-action.ts';
import { answerApproval } from '../jobs/guard/open-guard.ts';
import { changeStop } from '../jobs/guard/stop.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { jsonBody } from './json-body.ts';
import { lastSeen } from './ofrep-routes.ts';

const FEATURE = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const LONGEST = 200;
const MOST_LATE = 200;
const MOST_LISTED = 500;

/** POST /v1/guard/FEATURE/act: may this be done? Answers 200 with the decision, whatever it is. */
export async function actRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const feature = featureOf(c);
  const body = await jsonBody(c);
  const action = actionOf(body, feature, parts.environment);
  const decision = await guardAction(parts.guard, {
    action,
    dryRun: body['dryRun'] === true,
    state: () => parts.changes.state(),
    found: await parts.rules(feature),
    now: new Date(),
  });
  return c.json({ ...decision });
}

/** POST /v1/guard/FEATURE/end: how an allowed action ended. */
export async function endRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const { decision, succeeded } = await jsonBody(c);
  if (!Number.isInteger(decision) || typeof succeeded !== 'boolean')
    throw new HttpError(400, 'decision must be the number of a decision, and succeeded true or false');
  if (!(await parts.guard.ended(decision as number, featureOf(c), succeeded, Date.now())))
    throw new HttpError(404, 'this feature has no allowed action of this number');
  return c.json({ taken: true });
}

/** POST /v1/guard/FEATURE/late: what was executed while this server could not be reached. */
export async function lateRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const feature = featureOf(c);
  const { actions, lost } = await jsonBody(c);
  if (!Array.isArray(actions) || actions.length === 0 || actions.length > MOST_LATE)
    throw new HttpError(400, `actions must be a list of 1 to ${MOST_LATE} actions`);
  const now = Date.now();
  const rows = (actions as readonly JsonValue[]).map((item) => {
    const body =
      typeof item === 'object' && item !== null && !Array.isArray(item) ? (item as JsonObject) : {};
    const at = body['at'];
    if (typeof at !== 'number' || !Number.isInteger(at) || at < 0 || at > now + 60_000)
      throw new HttpError(400, 'at must be milliseconds since 1970, not in the future');
    return {
      ...actionOf(body, feature, parts.environment),
      at,
      reason: 'executed while the server could not be reached, as the ticket allows',
    };
  });
  const more = typeof lost === 'number' && Number.isInteger(lost) && lost > 0 ? lost : 0;
  const [first] = rows;
  // An agent that was alone for long cannot keep all of them; that there were more is on record.
  if (more > 0 && first !== undefined)
    rows.push({
      ...first,
      ...{ action: 'unlisted', key: 'unlisted', impact: null, at: now },
      reason: `${more} more actions were executed while the server could not be reached`,
    });
  await parts.guard.addLate(rows);
  return c.json({ taken: rows.length });
}

/** GET /v1/guard/FEATURE: what an agent needs to know. */
export async function stateRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const place = placeOf(c, parts);
  return c.json(guardState(await parts.changes.state(), place, await parts.rules(place.feature)));
}

/** GET /v1/guard/FEATURE/events: the same, whenever it may have changed. */
export async function guardEvents(c: AppContext, parts: AppParts): Promise<Response> {
  const place = placeOf(c, parts);
  const found = await parts.rules(place.feature);
  return parts.changes.open(lastSeen(c), (state: ShippingState) => ({
    id: state.generation,
    event: 'guard',
    data: guardState(state, place, found),
  }));
}

/** POST /v1/guard/FEATURE/stop and /start; FEATURE `*` is every feature. */
export async function stopRoute(c: AppContext, parts: AppParts, stopped: boolean): Promise<Response> {
  const { agent, by, why } = await jsonBody(c);
  const report = await changeStop(parts.mask, parts.changes.log, {
    feature: c.req.param('feature') === '*' ? '*' : featureOf(c),
    environment: parts.environment,
    agent: agent === undefined ? undefined : textOf(agent, 'agent'),
    stopped,
    ...saidBy(c, by, why),
    now: new Date(),
  });
  await parts.changes.changed();
  return c.json({ schemaVersion: 1, kind: 'stop', ...report });
}

/** GET /v1/guard/FEATURE/log: the newest decisions. */
export async function logRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const decisions = await parts.guard.decisions({ feature: featureOf(c), most: MOST_LISTED });
  return c.json({ schemaVersion: 1, kind: 'guard-log', decisions });
}

export async function approvalsRoute(c: AppContext, parts: AppParts): Promise<Response> {
  const asked = c.req.query('state');
  const all = await parts.guard.approvals({ feature: c.req.query('feature'), now: Date.now() });
  const approvals = all.filter((a) => asked === undefined || a.state === asked);
  return c.json({ schemaVersion: 1, kind: 'approvals', approvals });
}

/** POST /v1/approvals/ID/grant and /deny. */
export async function answerRoute(c: AppContext, parts: AppParts, granted: boolean): Promise<Response> {
  const { by, why } = await jsonBody(c);
  const id = (c.req.param('id') ?? '').slice(0, LONGEST);
  try {
    const said = saidBy(c, by, why);
    const approval = await answerApproval(parts.mask, parts.guard, { id, granted, ...said, now: new Date() });
    return c.json({ schemaVersion: 1, kind: 'approval', ...approval });
  } catch (error) {
    if (error instanceof LastgoodError && error.code === 'APPROVAL_UNKNOWN')
      throw new HttpError(404, error.message);
    throw error;
  }
}

/** The token stands beside the name that a request gives: the name alone proves nothing. */
function saidBy(
  c: AppContext,
  by: JsonValue | undefined,
  why: JsonValue | undefined,
): { readonly by: string | undefined; readonly why: string | undefined } {
  const token = c.get('token')?.name;
  const name = by === undefined ? undefined : textOf(by, 'by');
  return {
    by: token === undefined ? name : `${name ?? 'unnamed'} (token ${token})`,
    why: why === undefined ? undefined : textOf(why, 'why'),
  };
}

function featureOf(c: AppContext): string {
  const feature = c.req.param('feature') ?? '';
  if (FEATURE.test(feature)) return feature;
  throw new HttpError(
    400,
    'the name of a feature has lower-case letters, digits, dots, dashes and underscores',
  );
}

function placeOf(
  c: AppContext,
  { environment }: AppParts,
): { readonly feature: string; readonly environment: string; readonly agent: string | null } {
  const agent = c.req.query('agent');
  return { feature: featureOf(c), environment, agent: agent === undefined ? null : textOf(agent, 'agent') };
}

function actionOf(body: JsonObject, feature: string, environment: string): GuardedAction {
  const { action, key, agent, impact } = body;
  if (impact !== undefined && impact !== null && !(typeof impact === 'number' && impact >= 0))
    throw new HttpError(400, 'impact must be a number of at least 0, such as the amount of money');
  return {
    feature,
    environment,
    agent: agent === undefined || agent === null ? null : textOf(agent, 'agent'),
    action: textOf(action, 'action'),
    key: textOf(key, 'key'),
    impact: typeof impact === 'number' ? impact : null,
  };
}

function textOf(value: JsonValue | undefined, what: string): string {
  if (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= LONGEST &&
    !/[\u0000-\u001f\u007f]/.test(value)
  )
    return value.toWellFormed();
  throw new HttpError(400, `${what} must be a text of 1 to ${LONGEST} characters`);
}
