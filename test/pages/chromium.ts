// A real browser for the page tests: Debian's Chromium where it is installed, without any traffic of its own.

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser's executable; null = page tests are skipped, with this said. */
export const CHROMIUM: string | null = PATHS.find((path) => existsSync(path)) ?? null;
if (CHROMIUM === null) console.log(`skipped: no Chromium at ${PATHS.join(', ')}`);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface OpenPage {
  readonly page: Page;
  /** Requests beside the file itself, dialogs, console lines and errors, as they came. */
  readonly noises: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a page from a file and listens to everything it must not do. */
export async function openPage(
  browser: Browser,
  html: string,
  options: BrowserContextOptions & { readonly hash?: string } = {},
): Promise<OpenPage> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-page-'));
  const file = join(folder, 'report.html');
  await writeFile(file, html);
  const url = `${pathToFileURL(file).href}${options.hash ?? ''}`;
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const noises: string[] = [];
  page.on('request', (r) => {
    if (r.url().replace(/#.*$/, '') !== url.replace(/#.*$/, ''))
      noises.push(`request ${r.url().slice(0, 200)}`);
  });
  page.on('requestfailed', (r) => noises.push(`blocked ${r.url().slice(0, 200)} ${r.failure()?.errorText}`));
  page.on('dialog', (d) => {
    noises.push(`dialog ${d.message()}`);
    void d.dismiss();
  });
  page.on('console', (m) => noises.push(`console ${m.text()}`));
  page.on('pageerror', (e) => noises.push(`error ${e.message}`));
  page.on('popup', () => noises.push('popup'));
  await page.goto(url);
  return {
    page,
    noises,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
