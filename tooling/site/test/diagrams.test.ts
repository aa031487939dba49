/** Diagrams are drawn without anything from other servers. */
import { expect, it } from 'vitest';
import { figureOf } from '../src/diagrams.ts';

it.each([
  ['flowchart TB\n  one[first] --> two([second])', ['first', 'second']],
  ['stateDiagram-v2\n  [*] --> open\n  open --> closed : close', ['open', 'closed', 'close']],
  ['sequenceDiagram\n  client->>server: read\n  server->>client: bytes', ['client', 'server', 'bytes']],
])('%s', (source, words) => {
  const figure = figureOf(source);
  for (const word of words) expect(figure).toContain(`>${word}<`);
  expect(figure).not.toMatch(/<style|@import|https?:\/\/(?!www\.w3\.org)/);
});
