/** The error for a server that sends nothing, at every step. */
import { TimeoutError } from '@nbdjs/interfaces';
import { Option } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions } from '../src/index.ts';
import { ack, greeting } from './words.ts';

function silence(options: ClientHandshakeOptions, ...words: readonly Uint8Array[]): TimeoutError {
  const client = new ClientHandshake(options);
  for (const word of words) client.receive(word);
  const error = client.silence(5000);
  expect(error).toBeInstanceOf(TimeoutError);
  return error;
}

describe('silence', () => {
  it('F27: instead of a greeting may come from a server that expects TLS', () => {
    expect(silence({}).message).toBe(
      'the server sent no greeting within 5000 ms: it may be busy, expect TLS from the first byte (which NBD begins later), or not be an NBD server',
    );
    for (const length of [1, 8, 12, 17]) {
      expect(silence({}, greeting.subarray(0, length)).message).toBe(
        "the server's greeting was not complete within 5000 ms",
      );
    }
  });

  it('A6: names the option without an answer', () => {
    expect(silence({}, greeting)).toMatchObject({
      message: 'no answer to option EXTENDED_HEADERS within 5000 ms',
      phase: 'handshake',
      option: 'EXTENDED_HEADERS',
    });
    expect(silence({ mode: 'simple' }, greeting).message).toBe('no answer to option GO within 5000 ms');
    expect(silence({ tls: 'require' }, greeting).message).toBe('no answer to option STARTTLS within 5000 ms');
    expect(silence({ mode: 'simple' }, greeting, ack(Option.Go).subarray(0, 5)).message).toBe(
      'the answer to option GO was not complete within 5000 ms',
    );
  });

  it('while TLS is set up, or when nothing was asked, is reported too', () => {
    expect(silence({ tls: 'require' }, greeting, ack(Option.StartTls)).message).toBe(
      'the upgrade to TLS was not complete within 5000 ms',
    );
    expect(silence({ optionMode: true, mode: 'simple' }, greeting).message).toBe(
      'the handshake was not complete within 5000 ms',
    );
  });
});
