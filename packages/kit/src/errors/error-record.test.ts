import { ConnectError, ProtocolError } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { fromErrorRecord, toErrorRecord } from './error-record.ts';

it('keeps class, rule and section of a violation that crosses a thread', () => {
  const error = new ProtocolError('late-option', 'late', { phase: 'option', rule: 'C4', excerpt: Uint8Array.of(1) });
  const copy = fromErrorRecord(structuredClone(toErrorRecord(error)));
  expect(copy).toBeInstanceOf(ProtocolError);
  expect(copy).toMatchObject({ rule: 'C4', section: 'Fixed newstyle negotiation', phase: 'option', excerptHex: '01' });
});

it('keeps the errors of an aggregate, each with its class', () => {
  const error = new AggregateError([new ConnectError('ERR_NBD_REFUSED', 'refused'), new Error('plain')], 'none');
  const copy = fromErrorRecord(structuredClone(toErrorRecord(error))) as AggregateError;
  expect(copy).toBeInstanceOf(AggregateError);
  expect(copy.message).toBe('none');
  expect(copy.errors).toMatchObject([{ code: 'ERR_NBD_REFUSED' }, { message: 'plain' }]);
  expect(copy.errors[0]).toBeInstanceOf(ConnectError);
});
