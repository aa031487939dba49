import { describe, expect, it } from 'vitest';
import { withDiagram } from '../src/diagrams.ts';
import { type NextStates, stateDiagram } from '../src/state-diagram.ts';

type Door = 'not-open' | 'open' | 'closed' | 'gone';

const states: Record<Door, { next: NextStates<Door> }> = {
  'not-open': { next: { open: 'open()' } },
  open: { next: ['closed', 'not-open'] },
  closed: { next: [{ to: 'gone', on: 'rust' }] },
  gone: { next: [] },
};

describe('a drawing of states', () => {
  it('has an arrow for each way, and ends where no way leads on', () => {
    expect(stateDiagram({ initial: 'not-open', states }).split('\n')).toEqual([
      '```mermaid',
      'stateDiagram-v2',
      '  state "not-open" as not_open',
      '  [*] --> not_open',
      '  not_open --> open : open()',
      '  open --> closed',
      '  open --> not_open',
      '  closed --> gone : rust',
      '  gone --> [*]',
      '```',
    ]);
  });

  const drawing = { name: 'door', file: 'README.md', diagram: () => 'new' };

  it('replaces what stands in its place, and nothing else', () => {
    const page = 'before\n<!-- states: door -->\nold\n<!-- /states: door -->\nbehind\n';
    expect(withDiagram(page, drawing)).toBe(page.replace('old', 'new'));
    expect(withDiagram(withDiagram(page, drawing), drawing)).toBe(page.replace('old', 'new'));
  });

  it('wants a place', () => {
    expect(() => withDiagram('no place\n', drawing)).toThrow("README.md: expected the lines '<!-- states: door -->'");
  });
});
