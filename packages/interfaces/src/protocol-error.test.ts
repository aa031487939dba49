import { expect, it } from 'vitest';
import { ProtocolError } from './protocol-error.ts';

it('names the section of the specification beside the rule', () => {
  const error = new ProtocolError('unknown-chunk', 'unknown chunk', { phase: 'transmission', rule: 'C51' });
  expect(error).toMatchObject({ rule: 'C51', section: 'Structured reply types' });
});

it.each([
  ['handshake', 'Termination of the session during option haggling'],
  ['option', 'Termination of the session during option haggling'],
  ['transmission', 'Block size constraints'],
] as const)('names the section of the phase where each has its own: %s', (phase, section) => {
  expect(new ProtocolError('too-much', 'too much', { phase, rule: 'G6' }).section).toBe(section);
});

it('names no section without a rule, or with one that errors do not cite', () => {
  expect(new ProtocolError('odd', 'odd', { phase: 'option' }).section).toBeUndefined();
  expect(new ProtocolError('odd', 'odd', { phase: 'option', rule: 'X1' }).section).toBeUndefined();
});
