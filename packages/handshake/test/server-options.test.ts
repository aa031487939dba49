/** What callers without a compiler are told about the options of a server's handshake. */
import { UsageError } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { ServerHandshake, type ServerHandshakeOptions } from '../src/index.ts';

it.each<[unknown, string]>([
  [{ styl: 'oldstyle' }, "unknown option 'styl' (did you mean 'style'?)"],
  [{ mode: 'both' }, "mode is 'both', expected 'simple' or 'structured' or 'extended'"],
  [{ limits: { optionsMax: 0 } }, 'limits: optionsMax is 0, expected a whole number from 1 on'],
  [{ limits: { optionMax: 1 } }, "limits: unknown option 'optionMax' (did you mean 'optionsMax'?)"],
])('cannot be %o', (options, message) => {
  const make = () => new ServerHandshake(options as ServerHandshakeOptions);
  expect(make).toThrow(UsageError);
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message: `ServerHandshake: ${message}` }));
});
