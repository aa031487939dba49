/** Patterns for the names of TLS peers. */
import type { TlsPeer } from '@nbdjs/interfaces';

/**
 * Makes a decision for `allow` of a server's TLS settings out of patterns: a peer is allowed when its certificate's subject, or the
 * user of its shared key, matches one of them. `*` stands for any text, all other characters for themselves.
 *
 * The parts of a subject may stand in either order: RFC 4514 begins with the last one (`CN=alice,O=Example`), QEMU with the
 * first (`O=Example,CN=alice`).
 */
export function allowSubjects(patterns: readonly string[]): (peer: TlsPeer) => boolean {
  const expressions = patterns.map(expressionOf);
  return (peer) => namesOf(peer).some((name) => expressions.some((expression) => expression.test(name)));
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

function namesOf({ subject, user }: TlsPeer): readonly string[] {
  if (subject === undefined) return user === undefined ? [] : [user];
  // A comma within a part is escaped by a backslash.
  const reversed = subject.split(/(?<!\\),/).reverse();
  return [subject, reversed.join(',')];
}
