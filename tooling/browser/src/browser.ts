/** Chromium driven from outside, as a user does: pages that are clicked at and looked at. */
import { findProgram } from '@nbdjs/peers';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Starting, and each wait within a page, may take so long, in milliseconds. */
const patienceMs = 60_000;

interface Viewport {
  readonly width: number;
  readonly height: number;
}

export interface OpenBrowser extends AsyncDisposable {
  /** Opens a page of its own, and collects what goes wrong in it. */
  open(url: string, viewport?: Viewport): Promise<OpenPage>;
}

interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors that nothing in the page has caught, and what it has written to the console as an error. */
  readonly errors: readonly string[];
}

/**
 * Starts the machine's Chromium, with a profile that is removed with it.
 *
 * @throws Error where there is none.
 */
export async function openBrowser(): Promise<OpenBrowser> {
  const executablePath = findProgram('chromium', 'bookworm');
  if (executablePath === undefined) throw new Error('chromium is missing; tooling/peers/install.sh installs it');
  const browser = await chromium.launch({
    executablePath,
    timeout: patienceMs,
    // Tests may run as root, where Chromium refuses to start its sandbox; they open only pages of ours.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  return {
    async open(url, viewport = { width: 1280, height: 900 }) {
      const context = await browser.newContext({ viewport });
      const errors: string[] = [];
      const page = await newPage(context, errors);
      await page.goto(url);
      return { page, errors, [Symbol.asyncDispose]: () => context.close() };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

async function newPage(context: BrowserContext, errors: string[]): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  page.on('pageerror', (error) => void errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  return page;
}
