// How pages leave the server: policy and headers, and errors as a page.

import { LastgoodError } from '../base/errors.ts';
import { messagePage, REPORT_POLICY, SITE_POLICY, type Viewer } from '../report/pages/site.ts';
import type { AppContext } from './app.ts';
import { HttpError } from './http-error.ts';

type Status = 200 | HttpError['status'];

/** A page of the site. */
export function pageAnswer(c: AppContext, page: string, status: Status = 200): Response {
  pageHeaders(c, SITE_POLICY);
  return c.body(page, status, { 'Content-Type': 'text/html; charset=utf-8' });
}

/** A report inside the site, in pieces: with its data a large one is not held as a whole. */
export function reportAnswer(c: AppContext, pieces: Iterable<string>): Response {
  pageHeaders(c, REPORT_POLICY);
  return c.body(streamOf(pieces), 200, { 'Content-Type': 'text/html; charset=utf-8' });
}

export function streamOf(pieces: Iterable<string>): ReadableStream<Uint8Array> {
  const rest = pieces[Symbol.iterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const next = rest.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    cancel() {
      rest.return?.();
    },
  });
}

/** Is it what a person can put right: wrong input, a state that does not allow it, or a change in between? */
export function isRefusal({ code, exitCode }: LastgoodError): boolean {
  return exitCode === 2 || exitCode === 3 || code === 'SHIPPING_CHANGED' || code === 'ROLLOUT_CHANGED';
}

/** The status of a refusal. */
function refusalStatus(error: LastgoodError): 400 | 404 | 409 {
  if (/NOT_FOUND|NO_FEATURE|UNKNOWN|ROLLOUT_NONE/.test(error.code)) return 404;
  return error.exitCode === 2 ? 400 : 409;
}

/** What a person sees of an error; one that is the server's own says nothing of its cause. */
export function errorPage(c: AppContext, error: unknown, viewer: Viewer | null): Response {
  if (error instanceof HttpError)
    return pageAnswer(
      c,
      messagePage(viewer, titleOf(error.status), error.message, error.details.hint),
      error.status,
    );
  if (error instanceof LastgoodError && isRefusal(error)) {
    c.set('failure', error.code);
    const status = refusalStatus(error);
    const title = status === 404 ? 'Not found' : 'Not possible';
    return pageAnswer(c, messagePage(viewer, title, error.message, error.hint), status);
  }
  throw error;
}

function titleOf(status: HttpError['status']): string {
  return status === 404 ? 'Not found' : status === 401 || status === 403 ? 'Not allowed' : 'Not possible';
}

function pageHeaders(c: AppContext, policy: string): void {
  c.header('Content-Security-Policy', `${policy}; frame-ancestors 'none'`);
  c.header('X-Frame-Options', 'DENY');
  c.header('Referrer-Policy', 'same-origin');
  c.header('Cross-Origin-Opener-Policy', 'same-origin');
  c.header('Cross-Origin-Resource-Policy', 'same-origin');
}
