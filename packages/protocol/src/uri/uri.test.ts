import { UsageError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUri } from './format-uri.ts';
import { looksLikeUri, parseUri } from './parse-uri.ts';
import type { NbdUri } from './uri.ts';

describe('U1: schemes', () => {
  it.each([
    ['nbd://host', 'tcp', false],
    ['nbds://host', 'tcp', true],
    ['NBD+TCP://host', 'tcp', false],
    ['nbd+unix:///?socket=/s', 'unix', false],
    ['nbds+unix:///?socket=/s', 'unix', true],
    ['nbd+vsock://3', 'vsock', false],
    ['NBDS+VSOCK://3', 'vsock', true],
  ])('%s', (text, transport, tls) => {
    const uri = parseUri(text);
    expect(uri.address.transport).toBe(transport);
    expect(uri.tlsRequired).toBe(tls);
    expect(looksLikeUri(text)).toBe(true);
  });

  it.each(['http://host/', 'constructor://x', 'nbd+ssh://host/', 'image.raw', '', 'nbd', ':', '//host'])(
    'refuses %s',
    (text) => {
      expect(() => parseUri(text)).toThrow(UsageError);
    },
  );
});

describe('U2: authority', () => {
  it.each([
    ['nbd://example.com', 'example.com', 10809],
    ['nbd://example.com:', 'example.com', 10809],
    ['nbd://example.com:10810/x', 'example.com', 10810],
    ['nbd://127.0.0.1:1', '127.0.0.1', 1],
    ['nbd://[::1]', '::1', 10809],
    ['nbd://[2001:db8::7]:65535/x', '2001:db8::7', 65535],
    ['nbd://[fe80::1%25eth0]', 'fe80::1%eth0', 10809],
    ['nbd:///x', 'localhost', 10809],
    ['nbd://:10810/x', 'localhost', 10810],
    ['nbd://h%C3%B6st', 'höst', 10809],
  ])('%s', (text, host, port) => {
    expect(parseUri(text).address).toEqual({ transport: 'tcp', host, port });
  });

  it('takes the user for the TLS user name', () => {
    expect(parseUri('nbds://al%40ice@host/x').tls.userName).toBe('al@ice');
    expect(parseUri('nbds+unix://bob@/?socket=/s').tls.userName).toBe('bob');
    expect(parseUri('nbds://host/x?tls-username=carol').tls.userName).toBe('carol');
  });

  it.each([
    ['nbd://host:0/', /0 is not a port/],
    ['nbd://host:65536/', /65536 is not a port/],
    ['nbd://host:port/', /not a host with an optional port/],
    ['nbd://::1/', /IPv6 address goes into brackets/],
    ['nbd://[::1/', /not a host/],
    ['nbd://[host]/', /not an IPv6 address/],
    ['nbd://user:secret@host/', /password/],
    ['nbd://@host/', /no user name/],
    ['nbds://a@host/?tls-username=b', /tls-username/],
    ['nbd:host:10809', /'\/\/'/],
    ['nbd:unix:/socket', /'\/\/'/],
  ])('refuses %s', (text, message) => {
    expect(() => parseUri(text)).toThrow(message);
  });
});

describe('U3: Unix sockets', () => {
  it.each([
    ['nbd+unix:///?socket=/run/nbd.sock', '/run/nbd.sock', ''],
    ['nbd+unix:///name?socket=relative%20path', 'relative path', 'name'],
    ['nbd+unix://?socket=/s', '/s', ''],
    ['nbd+unix:/name?socket=/s', '/s', 'name'],
    ['nbd+unix:///?socket=%00abstract', '\0abstract', ''],
    ['nbd+unix:///?socket=/a+b', '/a+b', ''],
  ])('%s', (text, path, exportName) => {
    expect(parseUri(text)).toMatchObject({ address: { transport: 'unix', path }, exportName });
  });

  it.each([
    ['nbd+unix:///name', /'socket=PATH'/],
    ['nbd+unix:///name?socket=', /'socket=PATH'/],
    ['nbd+unix:///name?socket', /has no value/],
    ['nbd+unix://host/name?socket=/s', /has no host/],
    ['nbd://host/?socket=/s', /belongs to the schemes/],
    ['nbd+unix:///?socket=/a&socket=/b', /given twice/],
  ])('refuses %s', (text, message) => {
    expect(() => parseUri(text)).toThrow(message);
  });
});

describe('U4: export names', () => {
  it.each([
    ['nbd://host', ''],
    ['nbd://host/', ''],
    ['nbd://host/disk', 'disk'],
    ['nbd://host//disk', '/disk'],
    ['nbd://host/a/b', 'a/b'],
    ['nbd://host/%2Fdisk', '/disk'],
    ['nbd://host/%E2%98%83%20snow', '☃ snow'],
    ['nbd://host/a%3Fb%23c', 'a?b#c'],
    ['nbd://host/a+b', 'a+b'],
  ])('%s', (text, exportName) => {
    expect(parseUri(text).exportName).toBe(exportName);
  });

  it.each([
    ['nbd://host/%', /export name has a '%'/],
    ['nbd://host/%ff%f', /'%' that is not followed by the code of a byte/],
    ['nbd://host/%ff\udcff', /export name has a '%'/],
    ['nbd://host/a#b', /%23/],
    [`nbd://host/${'x'.repeat(4097)}`, /4097 bytes/],
    [`nbd://host/${'%C3%B6'.repeat(2049)}`, /4098 bytes/],
  ])('refuses %s', (text, message) => {
    expect(() => parseUri(text)).toThrow(message);
  });

  it('takes 4096 bytes', () => {
    expect(parseUri(`nbd://host/${'x'.repeat(4096)}`).exportName).toHaveLength(4096);
  });
});

describe('U5, U6: parameters', () => {
  it('reads all that are known', () => {
    const uri = parseUri(
      'nbds://h/?tls-type=psk&tls-hostname=other&tls-verify-peer=0&tls-psk-file=/k&tls-certificates=/d;tls-priority=NORMAL',
    );
    expect(uri.tls).toEqual({
      type: 'psk',
      hostname: 'other',
      verifyPeer: false,
      pskFile: '/k',
      certificates: '/d',
      priority: 'NORMAL',
    });
  });

  it.each([
    ['nbd://h/?tls-verify-peer=1', true],
    ['nbd://h/?tls-verify-peer=true', true],
    ['nbd://h/?tls-verify-peer=false', false],
  ])('%s', (text, verifyPeer) => {
    expect(parseUri(text).tls.verifyPeer).toBe(verifyPeer);
  });

  it('keeps experimental parameters', () => {
    expect(parseUri('nbd://h/?x-answer=42').extensions).toEqual({ 'x-answer': '42' });
  });

  it.each([
    ['nbd://h/?tls-type=tls', /anon, x509 or psk/],
    ['nbd://h/?tls-verify-peer=maybe', /expected 0 or 1/],
    ['nbd://h/?sockt=/s', /no parameter 'sockt'/],
    ['nbd://h/?%zz=1', /parameter name/],
  ])('diagnoses %s', (text, message) => {
    expect(() => parseUri(text)).toThrow(message);
  });
});

it('quotes a long URI only in part', () => {
  const error = expect(() => parseUri(`http://${'x'.repeat(10_000)}`));
  error.toThrow(/\.\.\.'/);
});

describe('formatting', () => {
  it.each([
    'nbd://localhost',
    'nbd://localhost:10810/disk',
    'nbds://[::1]:1/a/b',
    'nbd+unix:///?socket=/run/nbd.sock',
    'nbd+unix:///%E2%98%83?socket=/run/nbd.sock',
    'nbds+unix://bob@?socket=/s&tls-type=psk',
    'nbd+vsock://2:77/x',
  ])('%s stays unchanged', (text) => {
    expect(formatUri(parseUri(text))).toBe(text);
  });

  it.each([
    ['nbd://localhost', 'nbd://localhost:10809/'],
    ['nbds://[::1]/x', 'nbds://[::1]:10809/x'],
    ['nbd+vsock://3', 'nbd+vsock://3:10809/'],
    ['nbds+unix://user@?socket=/s', 'nbds+unix://user@/?socket=/s'],
  ])('completely: %s', (text, complete) => {
    expect(formatUri(parseUri(text), { complete: true })).toBe(complete);
    expect(parseUri(complete)).toEqual(parseUri(text));
  });

  const name = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'));
  const port = fc.integer({ min: 1, max: 65535 });
  const uris: fc.Arbitrary<NbdUri> = fc.record({
    address: fc.oneof(
      fc.record({ transport: fc.constant('tcp' as const), host: fc.domain(), port }),
      fc.record({ transport: fc.constant('tcp' as const), host: fc.ipV6(), port }),
      fc.record({ transport: fc.constant('unix' as const), path: fc.string({ minLength: 1, unit: 'grapheme' }) }),
      fc.record({ transport: fc.constant('vsock' as const), cid: fc.nat(0xffff_ffff), port }),
    ),
    tlsRequired: fc.boolean(),
    tls: fc.record(
      {
        type: fc.constantFrom('anon' as const, 'x509' as const, 'psk' as const),
        hostname: name,
        verifyPeer: fc.boolean(),
        userName: name.filter((text) => text !== ''),
        pskFile: name,
      },
      { requiredKeys: [] },
    ),
    exportName: name,
    extensions: fc.dictionary(
      name.map((text) => `x-${text}`),
      name,
      { noNullPrototype: true },
    ),
  });

  it('comes back equal from parsing', () => {
    fc.assert(
      fc.property(uris, (uri) => {
        expect(parseUri(formatUri(uri))).toEqual(uri);
      }),
    );
  });

  it.each(['fe80::1%25a%25b:c', 'fe80::1%25%2F%3F%5D%40', 'fe80::1%25%0A'])(
    'an address with the zone %s is the same after formatting and parsing (found by fuzzing)',
    (literal) => {
      const parsed = parseUri(`nbd://[${literal}]:10810/x`);
      expect(parseUri(formatUri(parsed))).toEqual(parsed);
    },
  );

  it('a host with a colon is not an address in brackets (found by fuzzing)', () => {
    const parsed = parseUri('nbd://a%3Ab');
    expect(parsed.address).toMatchObject({ host: 'a:b' });
    expect(parseUri(formatUri(parsed))).toEqual(parsed);
  });

  it('messages of all errors stay short and in one line (found by fuzzing)', () => {
    for (const text of [`nbd://host/?${'p'.repeat(5000)}=1`, 'nbd://host/?a\nb=1', `nbd://${'%41'.repeat(2000)}:x`]) {
      expect(() => parseUri(text)).toThrow(/^[^\n]{1,600}$/);
    }
  });
});
