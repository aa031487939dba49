/** The page of the example, in Chromium: a disk over WebSocket, and connections that are cut in the middle. */
import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { type Site, startSite } from '@nbdjs/example-disk-in-a-page';
import { describeTools } from '@nbdjs/peers';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OpenBrowser, openBrowser } from '../src/browser.ts';

const mebi = 2 ** 20;
const token = randomBytes(16).toString('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A disk in memory with bytes that nobody can guess. */
async function randomDisk(bytes: number) {
  const content = randomFillSync(new Uint8Array(bytes));
  const device = createMemoryDevice({ size: bytes });
  await device.write(0, content);
  return { device, content };
}

describeTools('a disk in a page', ['chromium'], () => {
  let browser: OpenBrowser;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser[Symbol.asyncDispose]());

  /** Opens the page and connects it. */
  async function connected(site: Site) {
    const opened = await browser.open(`${site.url}#token=${token}`);
    await opened.page.click('#connect button');
    await opened.page.waitForSelector('#disk:not([hidden])');
    return opened;
  }

  it('is read and has its checksum, with progress, over a connection that is cut twice', {
    timeout: 120_000,
  }, async () => {
    const { device, content } = await randomDisk(256 * mebi);
    await using site = await startSite({ exports: { disk: device }, token });
    await using opened = await connected(site);
    const { page, errors } = opened;
    await page.click('#checksum');
    const seen: number[] = [];
    for (const part of [0.2, 0.6]) {
      await page.waitForFunction((least) => (document.querySelector('progress')?.value ?? 0) > least, part);
      seen.push(await page.$eval('#progress', (bar) => (bar as HTMLProgressElement).value));
      site.cut();
    }
    await page.waitForFunction(() => /^[0-9a-f]{64}/.test(document.querySelector('#result')?.textContent ?? ''));
    expect(await page.textContent('#result')).toContain(sha256(content));
    expect(seen.every((value) => value < 1)).toBe(true);
    expect(errors).toEqual([]);
  });

  it('takes a file of the page, over a connection that is cut', { timeout: 120_000 }, async () => {
    const { device, content } = await randomDisk(64 * mebi);
    const file = randomFillSync(Buffer.alloc(40 * mebi + 77));
    const offset = 3 * mebi + 5;
    await using site = await startSite({ exports: { disk: device }, token });
    await using opened = await connected(site);
    const { page, errors } = opened;
    await page.fill('#jump input', String(offset));
    await page.setInputFiles('#upload', { name: 'some.bin', mimeType: 'application/octet-stream', buffer: file });
    await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0.3);
    site.cut();
    await page.waitForFunction(() => /on the disk/.test(document.querySelector('#result')?.textContent ?? ''));
    const now = new Uint8Array(64 * mebi);
    await device.read(0, now);
    content.set(file, offset);
    expect(sha256(now)).toBe(sha256(content));
    expect(errors).toEqual([]);
  });

  it('shows what is on it, and says what is wrong', { timeout: 60_000 }, async () => {
    const { device } = await randomDisk(mebi);
    await using site = await startSite({ exports: { disk: device }, token });
    await using opened = await connected(site);
    const { page } = opened;
    expect(await page.textContent('#facts')).toContain('1 MiB (1048576 bytes)');
    const start = new Uint8Array(4);
    await device.read(0, start);
    expect(await page.textContent('#hex')).toMatch(
      new RegExp(
        `^0000000000  ${Buffer.from(start)
          .toString('hex')
          .replace(/..(?=.)/g, '$& ')} `,
      ),
    );
    await page.fill('#jump input', '1048576');
    await page.click('#jump button');
    await page.waitForSelector('#result.error');
    expect(await page.textContent('#result')).toBe("an offset from 0 to 1048575 was expected, got '1048576'");
  });

  it('stays closed to those without the token', { timeout: 60_000 }, async () => {
    const { device } = await randomDisk(mebi);
    await using site = await startSite({ exports: { disk: device }, token });
    await using opened = await browser.open(`${site.url}#token=wrong`);
    await opened.page.click('#connect button');
    await opened.page.waitForSelector('#state.error');
    expect(await opened.page.isVisible('#disk')).toBe(false);
  });
});
