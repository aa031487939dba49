/** What a certificate may be used for, and how it is tied to the authority's. */
import { createHash, KeyObject } from 'node:crypto';
import { BitString, OctetString } from 'asn1js';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Extension,
  ExtKeyUsage,
  type GeneralName,
  GeneralNames,
  PublicKeyInfo,
} from 'pkijs';
import type { KeyPair } from './key-pair.ts';

/** What a certificate is for. */
export type Purpose = 'authority' | 'server' | 'client';

const oids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
};
const extendedUsages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

/** Bits of the key usage, as they stand in the first byte. */
const usage = { digitalSignature: 0x80, certificateSigning: 0x04, listSigning: 0x02 };

export interface ExtensionFacts {
  readonly purpose: Purpose;
  readonly keys: KeyPair;
  readonly issuerKeys: KeyPair;
  /** What a server's certificate is good for. */
  readonly hosts: readonly GeneralName[];
}

export function extensionsFor({ purpose, keys, issuerKeys, hosts }: ExtensionFacts): Extension[] {
  const isAuthority = purpose === 'authority';
  const constraints = new BasicConstraints({ cA: isAuthority, ...(isAuthority ? { pathLenConstraint: 0 } : {}) });
  const extensions = [
    make(oids.basicConstraints, constraints.toSchema(), true),
    make(oids.keyUsage, usageBits(isAuthority), true),
    make(oids.subjectKeyIdentifier, new OctetString({ valueHex: keyIdentifier(keys) })),
    authorityIdentifier(issuerKeys),
  ];
  if (purpose !== 'authority') {
    const extended = new ExtKeyUsage({ keyPurposes: [extendedUsages[purpose]] });
    extensions.push(make(oids.extendedKeyUsage, extended.toSchema()));
  }
  if (hosts.length > 0) {
    extensions.push(make(oids.subjectAlternativeName, new GeneralNames({ names: [...hosts] }).toSchema()));
  }
  return extensions;
}

/** Ties what is signed, a certificate or a list, to the key that signed it. */
export function authorityIdentifier(issuerKeys: KeyPair): Extension {
  const identifier = new AuthorityKeyIdentifier({
    keyIdentifier: new OctetString({ valueHex: keyIdentifier(issuerKeys) }),
  });
  return make(oids.authorityKeyIdentifier, identifier.toSchema());
}

function make(extnID: string, value: { toBER(): ArrayBuffer }, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

function usageBits(isAuthority: boolean): BitString {
  const bits = isAuthority ? usage.certificateSigning | usage.listSigning : usage.digitalSignature;
  const unusedBits = 31 - Math.clz32(bits & -bits);
  return new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits });
}

/** The SHA-1 of the key's bits (RFC 5280, 4.2.1.2), which has to be unlike others, not secure. */
function keyIdentifier({ publicKey }: KeyPair): ArrayBuffer {
  const der = KeyObject.from(publicKey).export({ type: 'spki', format: 'der' });
  const { subjectPublicKey } = PublicKeyInfo.fromBER(Uint8Array.from(der));
  const digest = createHash('sha1').update(subjectPublicKey.valueBlock.valueHexView).digest();
  return Uint8Array.from(digest).buffer;
}
