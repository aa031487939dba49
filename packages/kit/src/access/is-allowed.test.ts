import type { TlsAllowance, TlsPeer } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { isAllowed } from './is-allowed.ts';

const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };
const one: TlsPeer = { ...tls, subject: 'CN=one,O=Example' };
const alice: TlsPeer = { ...tls, user: 'alice' };

it.each<[string, TlsAllowance | undefined, TlsPeer | undefined, boolean]>([
  ['no allowance, any peer', undefined, one, true],
  ['no allowance, no TLS', undefined, undefined, true],
  ['a list, no TLS', ['CN=one,O=Example'], undefined, false],
  ['a list with the subject', ['CN=one,O=Example'], one, true],
  ['a list with the user', ['bob', 'alice'], alice, true],
  ['a list with part of the subject', ['CN=one'], one, false],
  ['an empty list', [], one, false],
  ['a list, a peer that has not identified itself', ['undefined', ''], tls, false],
  ['a function that decides', ({ user }) => user === 'alice', alice, true],
  ['a function that decides against it', ({ user }) => user === 'alice', one, false],
  ['a function, no TLS', () => true, undefined, false],
])('%s', (_, allowance, peer, expected) => expect(isAllowed(allowance, peer)).toBe(expected));
