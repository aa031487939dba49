import { describe, expect, it } from 'vitest';
import { idsIn, idsOfErrors, idsOfTitles } from '../src/citations.ts';

describe('ids in a text', () => {
  it.each([
    ['Nothing is sent behind DISC (C47).', ['C47']],
    ['// C24, C25: TLS first', ['C24', 'C25']],
    ['what a request may look like (S53-S58, S61)', ['S53', 'S58', 'S61']],
    ["rule: 'C51'", ['C51']],
    ['F32c, D8.2 and C32 again: C32', ['F32', 'D8', 'C32']],
    ['`Q7` in a page', ['Q7']],
  ])('%s', (text, ids) => {
    expect(idsIn(text)).toEqual(ids);
  });

  it.each(['%C3%B6', 'copy -C1', 'EC2', 'C0', 'C100', 'a/B2', '\\xB2', 'SHA256 S256', 'C1x'])('none in %s', (text) => {
    expect(idsIn(text)).toEqual([]);
  });
});

const source = {
  path: 'example.test.ts',
  text: `
    // C1: a comment is no title
    it('C2: begins with it', () => expect(error).toMatchObject({ rule: 'C3' }));
    it.each([['C4', 1], ['names C5', 2]])('%s', (name) => { fail(name); });
    describe(\`C6: \${name}, \${other} (C7)\`, () => {});
    throw violation('name', message, 'C8');
  `,
};

describe('ids of a source', () => {
  it('in titles, and in the lists that these are made of', () => {
    expect(idsOfTitles(source)).toEqual(['C2', 'C4', 'C5', 'C6', 'C7']);
  });

  it('that errors are given', () => {
    expect(idsOfErrors(source)).toEqual(['C3', 'C4', 'C8']);
  });
});
