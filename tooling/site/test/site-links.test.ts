/** Links of the built site. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deadLinks } from '../src/site-links.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-site-'));
  mkdirSync(join(folder, 'guides'));
  writeFileSync(join(folder, 'style.css'), '');
  writeFileSync(join(folder, 'guides/index.html'), '<h2 id="one">One</h2>');
  writeFileSync(join(folder, 'guides/tls.html'), '<h2 id="x&amp;y">X</h2>');
});
afterEach(() => rmSync(folder, { recursive: true }));

function deadLinksOf(...links: string[]): readonly string[] {
  writeFileSync(join(folder, 'index.html'), links.map((link) => `<a class="a" href="${link}">text</a>`).join('\n'));
  return deadLinks(folder, '/nbdjs/');
}

it('follows pages, headings and files', () => {
  expect(
    deadLinksOf(
      '/nbdjs/guides/',
      '/nbdjs/guides/#one',
      '/nbdjs/guides/tls',
      './guides/tls.html#x%26y',
      '/nbdjs/style.css',
    ),
  ).toEqual([]);
});

it('leaves other sites alone', () => {
  expect(deadLinksOf('https://example.com/gone', 'mailto:someone@example.com', '//example.com/')).toEqual([]);
});

it.each([
  ['/nbdjs/guides/gone', 'is not there'],
  ['/nbdjs/guides/tls#one', 'has no such heading'],
  ['#here', 'has no such heading'],
  ['/guides/tls', 'is outside of /nbdjs/'],
])('reports %s', (link, problem) => {
  expect(deadLinksOf(link)).toEqual([`index.html: ${link}: ${problem}`]);
});

it('reports a site without pages', () => {
  expect(deadLinks(join(folder, 'guides', '..', 'guides'), '/')).toEqual([]);
  rmSync(join(folder, 'guides/index.html'));
  rmSync(join(folder, 'guides/tls.html'));
  expect(deadLinks(folder, '/')).toEqual([`${folder}: has no pages`]);
});
