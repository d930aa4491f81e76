// Sessions of people at the pages: who signed in with which token, and the tokens against forged forms.

import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a session lasts, and a form of it. */
const SESSION_MS = 12 * 3_600_000;
/** Sessions at once, of each kind; the oldest make room. */
const MOST_SESSIONS = 1000;
const NAME = 'lastgood_session';

/** What an action did, or why it was refused. */
export interface Said {
  readonly id: string;
  readonly ok: boolean;
  readonly text: string;
  /** What was typed into a form that was refused. */
  readonly typed: Readonly<Record<string, string>>;
}

/** One browser that may use the pages. */
export interface Session {
  readonly id: string;
  /** Hash of the token that was given; null where the server needs none. The token itself is not kept. */
  readonly tokenHash: Uint8Array | null;
  readonly expires: number;
  /** Key of the tokens of its forms. */
  readonly key: Uint8Array;
  /** Tokens that were used, so that none counts twice. */
  readonly used: Set<string>;
  /** The name that was last given for a decision. */
  by: string;
  /** What the last action did, for the page after it. */
  said: Said | null;
}

/** In memory: whoever is signed in signs in again after a restart. */
export class Sessions {
  /** By hash of the id, which a browser alone knows. */
  readonly #signedIn = new Map<string, Session>();
  readonly #open = new Map<string, Session>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  begin(tokenHash: Uint8Array | null): Session {
    const all = tokenHash === null ? this.#open : this.#signedIn;
    for (const [key, { expires }] of all) if (expires <= this.#now()) all.delete(key);
    if (all.size >= MOST_SESSIONS) for (const key of [...all.keys()].slice(0, 1)) all.delete(key);
    const session: Session = {
      id: randomBytes(32).toString('base64url'),
      tokenHash,
      expires: this.#now() + SESSION_MS,
      key: randomBytes(32),
      used: new Set(),
      by: '',
      said: null,
    };
    all.set(keyOf(session.id), session);
    return session;
  }

  /** The session that a request's cookie names. */
  find(cookies: string | undefined): Session | undefined {
    for (const part of (cookies ?? '').split(';')) {
      const [, id] = /^\s*lastgood_session=([\w-]{43})\s*$/.exec(part) ?? [];
      if (id === undefined) continue;
      const session = this.#signedIn.get(keyOf(id)) ?? this.#open.get(keyOf(id));
      if (session !== undefined && session.expires > this.#now()) return session;
    }
    return undefined;
  }

  end({ id }: Session): void {
    this.#signedIn.delete(keyOf(id));
    this.#open.delete(keyOf(id));
  }

  /** A token for one form of this session. */
  formToken(session: Session): string {
    const plain = `${session.expires.toString(36)}.${randomBytes(16).toString('base64url')}`;
    return `${plain}.${signature(session, plain)}`;
  }

  /** Uses up a form's token. False for one of another session, a forged one, and one that was used before. */
  spend(session: Session, token: string): boolean {
    const [, plain, given] = /^([a-z0-9]{1,12}\.[\w-]{22})\.([\w-]{43})$/.exec(token) ?? [];
    if (plain === undefined || given === undefined || session.used.has(plain)) return false;
    if (!timingSafeEqual(Buffer.from(given), Buffer.from(signature(session, plain)))) return false;
    session.used.add(plain);
    return true;
  }
}

/** No script reads it, and no page of another site sends it. `secure` where the browser reached a proxy with TLS. */
export function sessionCookie({ id }: Session, secure: boolean): string {
  return `${NAME}=${id}; Path=/; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

export function endedCookie(secure: boolean): string {
  return `${NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

function keyOf(id: string): string {
  return hash('sha256', id, 'base64url');
}

function signature({ key }: Session, plain: string): string {
  return createHmac('sha256', key).update(plain).digest('base64url');
}
