import { describe, expect, it } from 'vitest';
import { allowSubjects } from './subject-patterns.ts';

const session = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };

function isAllowed(pattern: string | readonly string[], names: { subject?: string; user?: string }): boolean {
  return allowSubjects([pattern].flat())({ ...session, ...names });
}

describe('allowSubjects', () => {
  it('matches a whole subject, in the order of RFC 4514 or in that of QEMU', () => {
    const subject = 'CN=alice,OU=Disks,O=Example';
    expect(isAllowed('CN=alice,OU=Disks,O=Example', { subject })).toBe(true);
    expect(isAllowed('O=Example,OU=Disks,CN=alice', { subject })).toBe(true);
    expect(isAllowed('CN=alice', { subject })).toBe(false);
    expect(isAllowed('CN=alice,OU=Disks', { subject })).toBe(false);
  });

  it('keeps a part with an escaped comma together', () => {
    expect(isAllowed('O=Example\\, Inc.,CN=alice', { subject: 'CN=alice,O=Example\\, Inc.' })).toBe(true);
  });

  it('takes * for any text, line ends included', () => {
    expect(isAllowed('CN=*,O=Ex*', { subject: 'CN=bo\nb,O=Example' })).toBe(true);
    expect(isAllowed('*', { subject: '' })).toBe(true);
    expect(isAllowed('CN=*,O=Ex*', { subject: 'CN=bob,O=Other' })).toBe(false);
  });

  it('takes every other character for itself', () => {
    expect(isAllowed('CN=a.b+c?', { subject: 'CN=a.b+c?' })).toBe(true);
    expect(isAllowed('CN=a.b', { subject: 'CN=axb' })).toBe(false);
    expect(isAllowed('(a|b)', { user: 'a' })).toBe(false);
  });

  it('matches the user of a shared key where there is no certificate', () => {
    expect(isAllowed(['carol', 'al*'], { user: 'alice' })).toBe(true);
    expect(isAllowed('al*', { user: 'bob' })).toBe(false);
    expect(isAllowed('alice', { subject: 'CN=mallory', user: 'alice' })).toBe(false);
  });

  it('allows no peer without a name, and no peer at all without a pattern', () => {
    expect(isAllowed('*', {})).toBe(false);
    expect(isAllowed([], { subject: 'CN=alice' })).toBe(false);
  });
});
