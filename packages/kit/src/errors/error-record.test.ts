import { ProtocolError } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { fromErrorRecord, toErrorRecord } from './error-record.ts';

it('keeps class, rule and section of a violation that crosses a thread', () => {
  const error = new ProtocolError('late-option', 'late', { phase: 'option', rule: 'C4', excerpt: Uint8Array.of(1) });
  const copy = fromErrorRecord(structuredClone(toErrorRecord(error)));
  expect(copy).toBeInstanceOf(ProtocolError);
  expect(copy).toMatchObject({ rule: 'C4', section: 'Fixed newstyle negotiation', phase: 'option', excerptHex: '01' });
});
