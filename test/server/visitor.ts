// A person at the pages, without a browser.

import type { Running } from './running.ts';

/** A browser as far as the server sees it: a cookie, and the origin of its pages. */
export class Visitor {
  readonly #server: Running;
  cookie = '';

  constructor(server: Running) {
    this.#server = server;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#kept(
      await fetch(this.#server.url + path, {
        headers: { cookie: this.cookie, ...headers },
        redirect: 'manual',
      }),
    );
  }

  async form(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const sent = { cookie: this.cookie, origin: this.#server.url, ...headers };
    const body = new URLSearchParams(fields).toString();
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#kept(
      await fetch(this.#server.url + path, {
        method: 'POST',
        body,
        headers: { ...type, ...sent },
        redirect: 'manual',
      }),
    );
  }

  async json(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    const sent = {
      cookie: this.cookie,
      origin: this.#server.url,
      'content-type': 'application/json',
      ...headers,
    };
    return fetch(this.#server.url + path, { method: 'POST', body: JSON.stringify(body), headers: sent });
  }

  /** A token of the forms of a page. */
  async csrf(path = '/guard'): Promise<string> {
    return /name="csrf" value="([^"]+)"/.exec(await (await this.get(path)).text())?.[1] ?? 'none';
  }

  async signIn(token: string, to = '/guard'): Promise<Response> {
    return this.form('/sign-in', { token, to });
  }

  #kept(answer: Response): Response {
    for (const line of answer.headers.getSetCookie()) this.cookie = line.split(';')[0] ?? '';
    return answer;
  }
}
