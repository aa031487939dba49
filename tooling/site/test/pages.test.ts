/** Places of pages, and the links between them. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { linkOf } from '../src/links.ts';
import { addressOf, placeOf } from '../src/pages.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

it.each([
  ['docs/guides/tls.md', 'guides/tls.md', 'guides/tls'],
  ['docs/guides/README.md', 'guides/index.md', 'guides/'],
  ['docs/decisions/README.md', 'decisions/index.md', 'decisions/'],
  ['packages/client/README.md', 'packages/client.md', 'packages/client'],
  ['apps/cli/README.md', 'packages/cli.md', 'packages/cli'],
  ['tooling/site/pages/index.md', 'index.md', ''],
  [
    'tooling/site/reference/@nbdjs/client/functions/connect.md',
    'reference/client/functions/connect.md',
    'reference/client/functions/connect',
  ],
])('%s is at %s', (file, place, address) => {
  expect(placeOf(file)).toBe(place);
  expect(addressOf(place)).toBe(address);
});

it.each(['README.md', 'tooling/bench/README.md', 'packages/client/src/client.ts'])('%s is no page', (file) => {
  expect(placeOf(file)).toBeUndefined();
});

it.each([
  ['docs/architecture.md', '../packages/client/README.md#tls', '/packages/client#tls'],
  ['docs/architecture.md', 'decisions/README.md', '/decisions/'],
  ['packages/client/README.md', '../../docs/limits.md', '/limits'],
  ['docs/start.md', '../README.md#packages', '/#packages'],
  [
    'docs/architecture.md',
    '../packages/client/src/client.ts',
    'https://github.com/nbdjs/nbdjs/blob/main/packages/client/src/client.ts',
  ],
  ['docs/architecture.md', '../packages/client/src', 'https://github.com/nbdjs/nbdjs/tree/main/packages/client/src'],
  ['docs/architecture.md', '../packages/client', '/packages/client'],
  ['docs/architecture.md', '#limits', '#limits'],
  ['docs/architecture.md', 'https://example.com/x.md', 'https://example.com/x.md'],
])('in %s, %s becomes %s', (file, target, link) => {
  expect(linkOf({ root }, file, target)).toBe(link);
});

it('refuses a link to a file that is not there', () => {
  expect(() => linkOf({ root }, 'docs/start.md', 'gone.md')).toThrow(/gone\.md: is not there/);
});
