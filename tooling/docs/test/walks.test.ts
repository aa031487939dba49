/** docs/walks.md: every arrow of a picture is explained, and nothing else is. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../../docs/walks.md', import.meta.url), 'utf8');
const walks = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ text, title: text.slice(0, text.indexOf('\n')) }));

describe('docs/walks.md', () => {
  it('has the four walks', () => expect(walks).toHaveLength(4));

  it.each(walks)('$title: the numbers of picture and list agree', ({ text }) => {
    const [, picture = ''] = /```mermaid\n(.*?)```/s.exec(text) ?? [];
    const arrows = picture.match(/^\s*\w+--?>>\w+:/gm) ?? [];
    const steps = [...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
    expect(picture).toContain('autonumber');
    expect(arrows.length).toBeGreaterThan(5);
    expect(steps).toEqual(arrows.map((_arrow, index) => index + 1));
  });
});
