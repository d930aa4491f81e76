// Signing in with a token, and out again.

import { type Html, html, NOTHING } from '../html/html.ts';
import { sitePage, type Viewer } from './site.ts';

/** `to`: where to go afterwards; a path of this server. */
export function signInPage(to: string, refused: string | null): string {
  const body = html`<h1>Sign in</h1>
${refused === null ? NOTHING : html`<p class="banner bad" role="alert">${refused}</p>`}
<form class="act" method="post" action="/sign-in"><input type="hidden" name="to" value="${to}"><input name="username" value="lastgood" autocomplete="username" hidden>
<label class="why" for="token">Access token<input id="token" name="token" type="password" required maxlength="200" autocomplete="current-password" autofocus></label>
<button>Sign in</button></form>
<p class="dim small">Make one with <code>lastgood token add NAME --role operate</code>. The role <code>read</code> shows the pages; <code>operate</code> can also set flags, decide about rollouts, stop agents and answer approvals.</p>`;
  return sitePage({ viewer: null, here: '', title: 'Sign in', body });
}

export function sessionPage(viewer: Viewer): string {
  const role: Html = viewer.operates
    ? html`can set flags, decide about rollouts, stop agents and answer approvals`
    : html`can read, and change nothing`;
  const body = html`<h1>Signed in</h1><p>The token <strong class="wrap">${viewer.token ?? ''}</strong> ${role}.</p>
<form method="post" action="/sign-out"><input type="hidden" name="csrf" value="${viewer.csrf ?? ''}"><button>Sign out</button></form>`;
  return sitePage({ viewer, here: '', title: 'Signed in', body });
}
