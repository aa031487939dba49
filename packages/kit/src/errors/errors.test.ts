import { CommandError, ConnectError, NegotiationError, ProtocolError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { copyError, errorAt } from './copy-error.ts';
import { toError } from './to-error.ts';

describe('a copied error', () => {
  it('has class, code, text and fields of the original', () => {
    const error = new CommandError('EIO', 'it failed', { command: 'READ', offset: 5n });
    const copy = copyError(error);
    expect(copy).not.toBe(error);
    expect(copy).toBeInstanceOf(CommandError);
    expect(copy).toMatchObject({ code: 'EIO', message: 'it failed', command: 'READ', offset: 5n });
  });

  it('has stack and cause of the original', () => {
    const cause = new ProtocolError('bad-magic', 'bad magic', { phase: 'handshake', excerpt: Uint8Array.of(1, 2) });
    const error = new NegotiationError('ERR_NBD_POLICY', 'not for you', { option: 'GO', serverText: 'no', cause });
    const copy = copyError(error);
    expect(copy).not.toBe(error);
    expect(copy).toBeInstanceOf(NegotiationError);
    expect(copy).toMatchObject({ code: 'ERR_NBD_POLICY', message: 'not for you', option: 'GO', serverText: 'no' });
    expect(copy.stack).toBe(error.stack);
    expect(copy.cause).toBeInstanceOf(ProtocolError);
    expect(copy.cause).toMatchObject({ violation: 'bad-magic', excerptHex: '0102' });
  });

  it('has other fields where they are given', () => {
    const copy = copyError(new ConnectError('ERR_NBD_REFUSED', 'refused'), { attempts: 3 });
    expect(copy).toMatchObject({ code: 'ERR_NBD_REFUSED', attempts: 3 });
  });

  it('names a place, and has the original as its cause', () => {
    const error = new CommandError('EIO', 'it failed');
    const copy = errorAt(error, 'reading the source at 5');
    expect(copy).toMatchObject({ code: 'EIO', message: 'reading the source at 5: it failed', cause: error });
    expect(error.message).toBe('it failed');
  });
});

it('any value that is thrown becomes an error', () => {
  const error = new RangeError('x');
  expect(toError(error)).toBe(error);
  expect(toError('text')).toEqual(new Error('text'));
  expect(toError(undefined)).toEqual(new Error('undefined'));
});
