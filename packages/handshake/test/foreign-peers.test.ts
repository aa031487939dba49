/** Peers that are not NBD servers, recognized by their first bytes. */
import { describe, expect, it } from 'vitest';
import { ServerHandshake } from '../src/index.ts';
import { hex } from './hex.ts';
import { errorOf, play } from './play.ts';

describe('a peer that is not an NBD server', () => {
  it.each([
    ['an HTTP server', '"HTTP/1.1 400 Bad Request"', 'it looks like an HTTP server'],
    ['an SSH server', '"SSH-2.0-OpenSSH_9.2"', 'it looks like an SSH server'],
    ['a TLS peer', '16 03 03 00 7a 02 00 00', 'it begins with TLS, where NBD negotiates TLS later'],
    ['a TLS alert', '15 03 03 00 02 02 46 00', 'it sent a TLS alert, where NBD negotiates TLS later'],
    ['a VNC server', '"RFB 003.008" 0a', 'it looks like a VNC server'],
    ['QMP', '7b 22 51 4d 50 22 "greeting"', "it looks like QEMU's control socket (QMP)"],
    ['mail', '"220 mail.example"', "expected NBDMAGIC as first bytes, got 32 32 30 20 6d 61 69 6c ('220 mail')"],
    ['anything', '00 01 02 03 04 05 06 07', 'expected NBDMAGIC as first bytes, got 00 01 02 03 04 05 06 07'],
  ])('%s', (_, notation, hint) => {
    const outcome = play({}, hex(notation));
    expect(errorOf(outcome)).toMatchObject({
      name: 'ConnectError',
      code: 'ERR_NBD_NOT_NBD',
      message: `peer is not an NBD server: ${hint}`,
      permanent: true,
    });
    expect(outcome.sent).toHaveLength(0);
  });

  it('is recognized even if it sends less than eight bytes', () => {
    const outcome = play({}, hex('15 03 01 00 02 02 46'), (handshake) => handshake.ended());
    expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_NOT_NBD' });
  });

  it('is not reported before it has sent a byte that differs', () => {
    const outcome = play({}, hex('"NBDMAG"'), (handshake) => handshake.ended());
    expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_PEER_CLOSED' });
  });
});

describe('a client that is not an NBD client', () => {
  it.each([
    ['TLS', '16 03 01 01', 'it begins with TLS, where NBD negotiates TLS later'],
    ['HTTP', '"GET "', 'it looks like an HTTP client'],
    ['SSH', '"SSH-"', 'it looks like an SSH client'],
  ])('sends %s', (_, notation, hint) => {
    const server = new ServerHandshake();
    server.writable().set(hex(notation));
    server.advance(4);
    const event = server.nextEvent();
    expect(event?.type === 'failed' && event.error.message).toMatch(
      new RegExp(`unknown handshake flags 0x[0-9a-f]+: ${hint}`),
    );
  });
});
