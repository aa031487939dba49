import { describe, expect, it } from 'vitest';
import { AccessList } from './access-list.ts';
import type { AccessRules } from './access-rules.ts';

const comesIn = (rules: AccessRules, address: string): boolean =>
  new AccessList(rules).refusal({ name: 'client', transport: 'tcp', tls: false, address }) === undefined;

const ipv4 = ['127.0.0.1', '127.1.0.1', '192.0.2.2'];

describe('F30: networks of IPv6 do not mean clients of IPv4', () => {
  it.each<[AccessRules, readonly string[], readonly string[]]>([
    [{ allow: ['::/0', '10.0.0.0/8'] }, ['::1', 'fd00::2', 'fe80::1%eth0', '10.1.2.3'], ipv4],
    [{ allow: ['::/1'] }, ['::1'], [...ipv4, 'fd00::2']],
    [{ allow: ['::/8'] }, ['::1'], [...ipv4, 'fd00::2']],
    [{ allow: ['::ffff:0:0/95'] }, ['::fffe:7f00:1'], ipv4],
    [{ deny: ['::/64'] }, [...ipv4, 'fd00::2'], ['::1']],
    [{ deny: ['::/0'] }, ipv4, ['::1', 'fd00::2', 'fe80::1%eth0']],
    [{ deny: ['::'] }, ['0.0.0.0', ...ipv4], ['::']],
    [{ allow: ['2000::/3'] }, ['2001:db8::1'], [...ipv4, '::1']],
    [{ allow: ['fe80::/10'] }, ['fe80::1%eth0'], [...ipv4, 'fd00::2']],
    // Written as networks of IPv4, they do.
    [{ allow: ['::ffff:0:0/96'] }, ipv4, ['::1', 'fd00::2']],
    [{ allow: ['::ffff:127.0.0.0/104'] }, ['127.0.0.1', '127.1.0.1'], ['192.0.2.2', '::1']],
    [{ allow: ['0:0:0:0:0:FFFF:c000:202/128'] }, ['192.0.2.2'], ['127.0.0.1']],
    [{ allow: ['::ffff:192.0.2.2'] }, ['192.0.2.2'], ['127.0.0.1', '::1']],
    // And networks of IPv4 contain no other clients.
    [{ allow: ['0.0.0.0/0'] }, ipv4, ['::1', 'fd00::2', '::127.0.0.1']],
    [{ allow: ['127.0.0.0/8', '::1'] }, ['127.0.0.1', '127.1.0.1', '::1'], ['192.0.2.2', 'fd00::2']],
    [{ allow: ['127.0.0.1/1'] }, ['127.0.0.1', '10.0.0.1'], ['192.0.2.2', '::1']],
  ])('%j lets %j in, and %j not', (rules, inside, outside) => {
    for (const [addresses, isIn] of [
      [inside, true],
      [outside, false],
    ] as const) {
      for (const address of addresses) {
        expect([address, comesIn(rules, address)]).toEqual([address, isIn]);
        // The same client at a socket of both families.
        if (address.includes('.') && !address.includes(':')) {
          expect([address, comesIn(rules, `::ffff:${address}`)]).toEqual([address, isIn]);
        }
      }
    }
  });
});
