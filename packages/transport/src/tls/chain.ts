/** Why a certificate is not accepted: which one of its chain is at fault, and what is wrong with it. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { faultOfPurpose, faultOfTime, nameOfIssuer, nameOfSubject } from './x509.ts';

export type Chain = readonly X509Certificate[];

/** Of a longer chain, only these are looked at. */
const lengthMax = 32;

/** Returns the peer's certificate, followed by those that it has sent with it, up to its authority as far as that is known. */
export function chainOf(socket: TLSSocket): Chain {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < lengthMax) {
    chain.push(next);
    if (isSelfIssued(next)) break;
    next = next.issuerCertificate;
  }
  return chain;
}

/** Returns the chain with the authorities added that are trusted here and that the peer has not sent. */
export function completed(chain: Chain, trusted: Chain): Chain {
  const all = [...chain];
  for (let last = all.at(-1); last !== undefined && !isSelfIssued(last) && all.length < lengthMax; last = all.at(-1)) {
    const issued = last;
    const issuer = trusted.find((one) => issued.checkIssued(one));
    if (issuer === undefined) break;
    all.push(issuer);
  }
  return all;
}

/**
 * Returns what is wrong, in words in which `{peer}` stands for the owner of the certificate; `undefined` where the chain has no more
 * information than the code does.
 */
export function faultOfChain(code: string, chain: Chain, peer: 'client' | 'server'): string | undefined {
  const [leaf, ...authorities] = chain;
  if (leaf === undefined) return undefined;
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return timesOf(leaf, authorities);
    case 'INVALID_PURPOSE': {
      const fault = faultOfPurpose(leaf, peer);
      return fault === undefined ? signedByNonAuthority(authorities) : `the {peer}'s certificate ${fault}`;
    }
    case 'CERT_REVOKED':
      return revoked(authorities);
    case 'UNABLE_TO_GET_CRL':
      return `there is no list of revoked certificates from every authority of the {peer}'s: one is needed from each of ${namesOf(chain)}`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
      return notTrusted(chain);
    case 'INVALID_CA':
    case 'PATH_LENGTH_EXCEEDED':
    case 'UNSPECIFIED':
      // Node has no name for some of OpenSSL's codes, "no certificate signing" among them.
      return signedByNonAuthority(authorities);
    default:
      return undefined;
  }
}

function signedByNonAuthority(authorities: Chain): string | undefined {
  const signer = authorities.find(({ ca }) => !ca);
  return signer && `the {peer}'s certificate is signed by ${quoted(nameOfSubject(signer))}, which may not sign any`;
}

/** Names all that it can be, because Node does not report which certificate of the chain is revoked. */
function revoked(authorities: Chain): string | undefined {
  const others = authorities.filter((one) => !isSelfIssued(one)).map((one) => quoted(nameOfSubject(one)));
  if (others.length === 0) return undefined;
  return `the {peer}'s certificate is revoked, or that of ${others.join(' or ')}, which certifies it`;
}

function timesOf(leaf: X509Certificate, authorities: Chain): string | undefined {
  const own = faultOfTime(leaf);
  if (own !== undefined) return `the {peer}'s certificate ${own}`;
  const faulty = authorities.find((one) => faultOfTime(one) !== undefined);
  return (
    faulty &&
    `the certificate of ${quoted(nameOfSubject(faulty))}, which certifies the {peer}'s, ${faultOfTime(faulty)}`
  );
}

function notTrusted(chain: Chain): string {
  const says = "the {peer}'s certificate is not signed by an authority that is trusted here";
  const top = chain.at(-1) as X509Certificate;
  if (!isSelfIssued(top)) {
    const whose = `${quoted(nameOfIssuer(top))} has signed it, whose own certificate is neither trusted here nor sent by the {peer}`;
    return `${says}: ${chain.length === 1 ? whose : whose.replace('it,', 'one that comes with it,')}`;
  }
  return chain.length === 1
    ? `${says}, but with its own key`
    : `${says}: its authority is ${quoted(nameOfSubject(top))}`;
}

function namesOf(chain: Chain): string {
  return [...new Set(chain.map((one) => quoted(nameOfIssuer(one))))].join(', ');
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.checkIssued(certificate);
}

function quoted(name: string): string {
  return name === '' ? 'an authority without a name' : `'${name.slice(0, 200)}'`;
}
