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

it('puts one box below another without an arrow where the diagram says so', () => {
  const figure = figureOf('flowchart TB\n  a[one] --> b[two]\n  a ~~~ b\n  c[three]\n  b ~~~ c\n');
  expect(figure.match(/<polyline class="edge"/g)).toHaveLength(1);
  const heightOf = (label: string): number => Number(new RegExp(`y="([\\d.]+)"[^>]*>${label}<`).exec(figure)?.[1]);
  expect(heightOf('three')).toBeGreaterThan(heightOf('two'));
});

it('gives boxes their class', () => {
  const figure = figureOf(
    'flowchart TB\n  a[one] --> b[two]\n  classDef common stroke-dasharray: 4 4\n  class b common\n',
  );
  expect(figure.match(/class="node common" data-id="\w+"/g)).toEqual(['class="node common" data-id="b"']);
});
