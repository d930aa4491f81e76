// Redirects are followed while they stay on one origin: headers and keys are for that origin alone.

import type { HttpCall, HttpReply } from './transport.ts';

const MOST_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends and follows redirects within the origin. `asGet`: a POST that is answered with 301, 302 or 303 goes on as a GET, as
 * browsers do; without it such a reply is handed back. Also handed back: a redirect to elsewhere, and the sixth in a row.
 */
export async function followRedirects(
  request: (url: string, call: HttpCall) => Promise<HttpReply>,
  start: string,
  first: HttpCall,
  { asGet }: { readonly asGet: boolean },
): Promise<HttpReply> {
  let url = start;
  let call = first;
  for (let hop = 0; ; hop++) {
    const reply = await request(url, call);
    if (!REDIRECTS.has(reply.status) || hop >= MOST_REDIRECTS) return reply;
    const location = reply.headers.get('location');
    if (location === null || !URL.canParse(location, url)) return reply;
    const next = new URL(location, url);
    if (next.origin !== new URL(url).origin) return reply;
    const keeps = reply.status >= 307 || /^(GET|HEAD)$/i.test(call.method);
    if (!keeps && !asGet) return reply;
    if (!keeps && (reply.status === 303 || call.method === 'POST'))
      call = { ...call, method: 'GET', body: undefined };
    url = next.href;
  }
}
