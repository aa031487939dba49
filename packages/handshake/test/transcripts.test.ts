/** Both sides of whole handshakes, written out by hand from the specification. */
import { describe, expect, it } from 'vitest';
import { hex } from './hex.ts';
import { factsOf, play } from './play.ts';

const rep = '0003e889 045565a9';
const zeroes124 = '00'.repeat(124);

describe('transcripts', () => {
  it('C3, C4, C10, C63: extended headers, one context, GO with block sizes', () => {
    const outcome = play(
      { exportName: 'disk' },
      hex(
        '"NBDMAGIC" "IHAVEOPT" 0003',
        `${rep} 0000000b 00000001 00000000`,
        `${rep} 0000000a 00000004 00000013 00000005 "base:allocation"`,
        `${rep} 0000000a 00000001 00000000`,
        `${rep} 00000007 00000003 0000000e 0003 00000200 00001000 02000000`,
        `${rep} 00000007 00000003 0000000c 0000 0000000000100000 1ced`,
        `${rep} 00000007 00000001 00000000`,
        '6e8a278c',
      ),
    );
    expect(outcome.sent).toEqual(
      hex(
        '00000003',
        '"IHAVEOPT" 0000000b 00000000',
        '"IHAVEOPT" 0000000a 0000001f 00000004 "disk" 00000001 0000000f "base:allocation"',
        '"IHAVEOPT" 00000007 0000000c 00000004 "disk" 0001 0003',
      ),
    );
    expect(factsOf(outcome)).toEqual({
      style: 'newstyle-fixed',
      mode: 'extended',
      tls: false,
      exportName: 'disk',
      size: 1_048_576n,
      transmissionFlags: 0x1ced,
      blockSizes: { minimum: 512, preferred: 4096, maximum: 33_554_432 },
      contexts: [{ id: 5, name: 'base:allocation' }],
    });
    expect(outcome.left).toEqual(hex('6e8a278c'));
    expect(outcome.state).toBe('transmission');
  });

  it('C67: extended headers unsupported, so structured replies; two contexts by one option; full information', () => {
    const outcome = play(
      { contexts: ['base:allocation', 'qemu:dirty-bitmap:b'], fullInfo: true },
      hex(
        '"NBDMAGIC" "IHAVEOPT" 0003',
        `${rep} 0000000b 80000001 00000004 "what"`,
        `${rep} 00000008 00000001 00000000`,
        `${rep} 0000000a 00000004 00000013 00000000 "base:allocation"`,
        `${rep} 0000000a 00000004 00000017 00000002 "qemu:dirty-bitmap:b"`,
        `${rep} 0000000a 00000001 00000000`,
        `${rep} 00000007 00000003 00000007 0001 "disk0"`,
        `${rep} 00000007 00000003 00000006 0002 "mine"`,
        `${rep} 00000007 00000003 0000000c 0000 0000000000000000 0003`,
        `${rep} 00000007 00000001 00000000`,
      ),
    );
    expect(outcome.sent).toEqual(
      hex(
        '00000003',
        '"IHAVEOPT" 0000000b 00000000',
        '"IHAVEOPT" 00000008 00000000',
        '"IHAVEOPT" 0000000a 00000032 00000000 00000002 0000000f "base:allocation" 00000013 "qemu:dirty-bitmap:b"',
        '"IHAVEOPT" 00000007 0000000c 00000000 0003 0003 0001 0002',
      ),
    );
    expect(factsOf(outcome)).toEqual({
      style: 'newstyle-fixed',
      mode: 'structured',
      tls: false,
      exportName: '',
      canonicalName: 'disk0',
      description: 'mine',
      size: 0n,
      transmissionFlags: 3,
      contexts: [
        { id: 0, name: 'base:allocation' },
        { id: 2, name: 'qemu:dirty-bitmap:b' },
      ],
    });
  });

  it('C9, C15: no GO, so EXPORT_NAME with 124 zeroes after it', () => {
    const outcome = play(
      { exportName: 'disk', mode: 'simple', handshakeFlags: 1 },
      hex(
        '"NBDMAGIC" "IHAVEOPT" 0003',
        `${rep} 00000007 80000001 00000000`,
        `0000000000000400 0001 ${zeroes124}`,
        '67446698',
      ),
    );
    expect(outcome.sent).toEqual(
      hex('00000001', '"IHAVEOPT" 00000007 0000000c 00000004 "disk" 0001 0003', '"IHAVEOPT" 00000001 00000004 "disk"'),
    );
    expect(factsOf(outcome)).toMatchObject({ style: 'newstyle-fixed', mode: 'simple', size: 1024n, contexts: [] });
    expect(outcome.left).toEqual(hex('67446698'));
  });

  it('C5: plain newstyle, where there is nothing but EXPORT_NAME', () => {
    const outcome = play({ exportName: 'disk' }, hex('"NBDMAGIC" "IHAVEOPT" 0002', '0000000000000400 0001'));
    expect(outcome.sent).toEqual(hex('00000002', '"IHAVEOPT" 00000001 00000004 "disk"'));
    expect(factsOf(outcome)).toMatchObject({ style: 'newstyle', mode: 'simple', size: 1024n, contexts: [] });
  });

  it('oldstyle: the server sends everything and the client nothing', () => {
    const outcome = play({}, hex(`"NBDMAGIC" 0000420281861253 0000000000000400 00000003 ${zeroes124} 67446698`));
    expect(outcome.sent).toHaveLength(0);
    expect(factsOf(outcome)).toEqual({
      style: 'oldstyle',
      mode: 'simple',
      tls: false,
      exportName: '',
      size: 1024n,
      transmissionFlags: 3,
      contexts: [],
    });
    expect(outcome.left).toEqual(hex('67446698'));
  });

  it('C22, C24, C25: STARTTLS first, and everything else after it', () => {
    const outcome = play(
      { tls: 'require', contexts: [], requestBlockSizes: false },
      hex('"NBDMAGIC" "IHAVEOPT" 0001', `${rep} 00000005 00000001 00000000`),
      (handshake) => {
        expect(handshake.state).toBe('tls');
        handshake.tlsEstablished();
      },
      hex(
        `${rep} 0000000b 80000001 00000000`,
        `${rep} 00000008 80000001 00000000`,
        `${rep} 00000007 00000003 0000000c 0000 0000000000000400 0001`,
        `${rep} 00000007 00000001 00000000`,
      ),
    );
    expect(outcome.sent).toEqual(
      hex(
        '00000001',
        '"IHAVEOPT" 00000005 00000000',
        '"IHAVEOPT" 0000000b 00000000',
        '"IHAVEOPT" 00000008 00000000',
        '"IHAVEOPT" 00000007 00000006 00000000 0000',
      ),
    );
    expect(outcome.events.map((event) => event.type)).toEqual(['tls-upgrade', 'established']);
    expect(factsOf(outcome)).toMatchObject({ tls: true, mode: 'simple' });
  });

  it('C6, C19: an unknown export is left by ABORT, and the server is quoted', () => {
    const outcome = play(
      { exportName: 'nope', mode: 'simple' },
      hex('"NBDMAGIC" "IHAVEOPT" 0003', `${rep} 00000007 80000006 0000000b "not here" 0a "!!"`),
    );
    expect(outcome.sent).toEqual(
      hex('00000003', '"IHAVEOPT" 00000007 0000000c 00000004 "nope" 0001 0003', '"IHAVEOPT" 00000002 00000000'),
    );
    expect(outcome.events).toMatchObject([
      {
        type: 'failed',
        error: {
          name: 'NegotiationError',
          code: 'ERR_NBD_UNKNOWN_EXPORT',
          message: "option GO for export 'nope' failed: the server has no such export; server reported: not here !!",
          serverText: 'not here !!',
          option: 'GO',
          permanent: true,
        },
      },
    ]);
  });
});
