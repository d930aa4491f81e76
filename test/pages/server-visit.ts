// A visit to the pages of a server in a real browser, with everything written down that a page must not do.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Running } from '../server/running.ts';

export interface Visit {
  readonly page: Page;
  /** Dialogs, console lines, errors, violations of the policy, and requests to anywhere but the server. */
  readonly noises: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export async function visit(
  browser: Browser,
  server: Running,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ baseURL: server.url, ...options });
  const page = await context.newPage();
  const noises: string[] = [];
  page.on('request', (r) => {
    if (!r.url().startsWith(`${server.url}/`)) noises.push(`request ${r.url().slice(0, 200)}`);
  });
  page.on('dialog', (d) => {
    noises.push(`dialog ${d.message()}`);
    void d.dismiss();
  });
  page.on('console', (m) => noises.push(`console ${m.text()}`));
  page.on('pageerror', (e) => noises.push(`error ${e.message}`));
  page.on('popup', () => noises.push('popup'));
  // Violations reach the console too; this says which directive it was.
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.log('violation ' + e.violatedDirective + ' ' + e.blockedURI))",
  );
  return { page, noises, [Symbol.asyncDispose]: () => context.close() };
}
