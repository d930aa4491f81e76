// What a person does at the pages: sign in and out, stop and start agents, answer approvals.

import { randomBytes } from 'node:crypto';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { EVERY_FEATURE } from '../core/shipping.ts';
import { answerApproval } from '../jobs/guard/open-guard.ts';
import { changeStop } from '../jobs/guard/stop.ts';
import { sessionPage, signInPage } from '../report/pages/sign-in-page.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { actionOf, pathOf, signIn, signOut, type Visit, visitOf } from './page-access.ts';
import { isRefusal, pageAnswer } from './page-answer.ts';
import type { Said, Session } from './sessions.ts';

const LONGEST = 200;

export async function signInForm(c: AppContext, parts: AppParts): Promise<Response> {
  const visit = await visitOf(c, parts);
  if (visit === null) return pageAnswer(c, signInPage(pathOf(c.req.query('to')), null));
  if (visit.viewer.token === null) return c.redirect('/', 303);
  return pageAnswer(c, sessionPage(visit.viewer));
}

export async function signInAction(c: AppContext, parts: AppParts): Promise<Response> {
  try {
    return c.redirect(await signIn(c, parts), 303);
  } catch (error) {
    if (!(error instanceof HttpError) || (error.status !== 401 && error.status !== 403)) throw error;
    const role = error.status === 403 && error.message.includes('has the role');
    const text = role
      ? error.message
      : error.status === 401
        ? 'This token is not known, or it was removed.'
        : error.message;
    return pageAnswer(c, signInPage('/', text), error.status);
  }
}

export async function signOutAction(c: AppContext, parts: AppParts): Promise<Response> {
  const { session, json } = await actionOf(c, parts, 'read');
  signOut(c, parts, session);
  return json ? c.json({ schemaVersion: 1, kind: 'signed-out' }) : c.redirect('/sign-in', 303);
}

/** POST /guard/stop and /guard/start. */
export function stopAction(c: AppContext, parts: AppParts, stopped: boolean): Promise<Response> {
  return acting(c, parts, '/guard', async (body, said) => {
    const feature = textOf(body, 'feature', true) ?? '';
    const report = await changeStop(parts.mask, parts.changes.log, {
      feature,
      environment: parts.environment,
      agent: textOf(body, 'agent', false),
      stopped,
      ...said,
      now: new Date(),
    });
    const whom = `${report.agent === null ? '' : `The agent ${report.agent} of `}${feature === EVERY_FEATURE ? 'every feature' : feature}`;
    const left = report.stillStopped === null ? '' : ` Still stopped: ${report.stillStopped}.`;
    return {
      text: `${whom} is ${stopped ? 'stopped' : 'started'}.${left}`,
      answer: { schemaVersion: 1, kind: 'stop', ...report },
    };
  });
}

/** POST /guard/answer: grants or denies an approval. */
export function approvalAction(c: AppContext, parts: AppParts): Promise<Response> {
  return acting(c, parts, '/guard', async (body, said) => {
    const answer = textOf(body, 'answer', true);
    if (answer !== 'grant' && answer !== 'deny') throw new HttpError(400, 'answer must be grant or deny');
    const approval = await answerApproval(parts.mask, parts.guard, {
      id: textOf(body, 'id', true) ?? '',
      granted: answer === 'grant',
      ...said,
      now: new Date(),
    });
    return {
      text: `${approval.state === 'granted' ? 'Granted' : 'Denied'}: ${approval.action} ${approval.key} of ${approval.feature}.`,
      answer: { schemaVersion: 1, kind: 'approval', ...approval },
    };
  });
}

interface Done {
  /** For the page after it. */
  readonly text: string;
  readonly answer: object;
}

/**
 * One action with its signature. A form comes back to the page at `path` with what was done, or why it was refused; JSON gets JSON.
 */
export async function acting(
  c: AppContext,
  parts: AppParts,
  path: string,
  act: (
    body: JsonObject,
    said: { readonly by: string | undefined; readonly why: string | undefined },
  ) => Promise<Done>,
): Promise<Response> {
  const visit = await actionOf(c, parts, 'operate');
  const { body, json, session } = visit;
  try {
    const by = textOf(body, 'by', false);
    const done = await act(body, { by: signedBy(visit, by), why: textOf(body, 'why', false) });
    session.by = by ?? session.by;
    await parts.changes.changed();
    if (json) return c.json({ ...done.answer, csrf: parts.sessions.formToken(session) });
    return backTo(c, path, session, { ok: true, text: done.text, typed: {} });
  } catch (error) {
    const refused = error instanceof HttpError || (error instanceof LastgoodError && isRefusal(error));
    if (json || !refused) throw error;
    return backTo(c, path, session, { ok: false, text: sentence(error), typed: typedOf(body) });
  }
}

/** What was done stands in the session: nothing that a person wrote is in an address. */
function backTo(c: AppContext, path: string, session: Session, said: Omit<Said, 'id'>): Response {
  session.said = { id: randomBytes(6).toString('base64url'), ...said };
  return c.redirect(`${path}?said=${session.said.id}`, 303);
}

/** What a form was refused with stays in it and need not be typed twice. */
function typedOf(body: JsonObject): Said['typed'] {
  const texts = Object.entries(body).filter(([name, value]) => name !== 'csrf' && typeof value === 'string');
  return Object.fromEntries(texts.slice(0, 20).map(([name, value]) => [name, String(value).slice(0, 2000)]));
}

/** The token stands beside the name that a person gives: the name alone proves nothing. */
function signedBy({ viewer: { token } }: Visit, by: string | undefined): string | undefined {
  return token === null || by === undefined ? by : `${by} (token ${token})`;
}

function sentence({ message }: Error): string {
  return `Nothing was done: ${message}.`;
}

/** One line of text, or a number or truth value as text; undefined where it is empty. */
export function textOf(body: JsonObject, name: string, needed: boolean): string | undefined {
  const given: JsonValue | undefined = Object.hasOwn(body, name) ? body[name] : undefined;
  const value = typeof given === 'number' || typeof given === 'boolean' ? String(given) : given;
  if (typeof value === 'string' && value.trim() !== '') {
    const line = value.trim();
    if (line.length <= LONGEST && !/[\u0000-\u001f\u007f]/.test(line)) return line.toWellFormed();
  } else if (!needed && (value === undefined || value === null || value === '' || typeof value === 'string'))
    return undefined;
  throw new HttpError(400, `${name} must be one line of 1 to ${LONGEST} characters`);
}
