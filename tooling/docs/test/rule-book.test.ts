import { describe, expect, it } from 'vitest';
import { faultsOf, type Rule, type RuleBook, readRuleBook } from '../src/rule-book.ts';

const real = readRuleBook();
const first = real.rules[0] as Rule;

/** The rule-book with one rule alone, changed. */
function bookWith(change: object): RuleBook {
  return { ...real, rules: [{ ...first, ...change }], cases: [] };
}

describe('the form of the rule-book', () => {
  it('has no faults as it is', () => {
    expect(faultsOf(real)).toEqual([]);
  });

  it.each([
    [{ id: 'Z1' }, 'Z1 is of no family'],
    [{ id: 'G01' }, 'G01 is of no family'],
    [{ level: 'OFTEN' }, "has the level 'OFTEN'"],
    [{ text: 'no sentence' }, 'has a text that is no sentence'],
    [{ text: '' }, 'has a text that is no sentence'],
    [{ section: '' }, 'has no section'],
    [{ section: { handshake: 'Conventions', transmission: '' } }, 'has no section'],
    [{ source: 'hearsay' }, "is of the source 'hearsay'"],
    [{ packages: [] }, 'names no package'],
    [{ packages: ['elsewhere'] }, "is implemented in 'elsewhere', which is no workspace"],
    [{ tests: ['elsewhere'], untested: undefined }, "is tested in 'elsewhere', which is no workspace"],
    [{ tests: [], untested: undefined }, 'names no workspace in its tests'],
    [{ tests: undefined, untested: undefined }, "needs either 'tests' or 'untested'"],
    [{ tests: ['handshake'], untested: 'because there is no way to test it' }, "needs either 'tests' or 'untested'"],
    [{ tests: undefined, untested: 'hard' }, 'has no reason'],
    [{ qemu: ' ' }, 'has nothing to say about QEMU'],
    [{ testedIn: 'handshake' }, 'has unknown properties: testedIn'],
  ])('%j is a fault', (change, fault) => {
    expect(faultsOf(bookWith(change)).join('\n')).toContain(fault);
  });

  it('wants ids in order, each once', () => {
    const [one, two] = real.rules as readonly [Rule, Rule];
    expect(faultsOf({ ...real, rules: [two, one] })).toEqual([`${one.id} is out of order`]);
    expect(faultsOf({ ...real, rules: [one, one] })).toEqual([`${one.id} is out of order`]);
  });

  it('wants sources that can be looked up', () => {
    const sources = { ...real.sources, protocol: { title: 'The NBD protocol', url: 'proto.md', revision: '1' } };
    expect(faultsOf({ ...real, sources })).toEqual([
      'source protocol: expected a title, an https URL without an anchor, and a revision',
    ]);
  });
});
