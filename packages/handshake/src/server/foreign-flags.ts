/** Peers that are not NBD clients, recognized by the first four bytes, where NBD has its handshake flags. */

const letters: readonly (readonly [RegExp, string])[] = [
  [/^(?:GET |POST|HEAD|PUT |OPTI|DELE|CONN|PATC|PRI )/, 'it looks like an HTTP client'],
  [/^SSH-/, 'it looks like an SSH client'],
  [/^IHAV/, 'it sends options before it has sent its flags'],
];

/** What such flags look like, in words; `undefined` when they look like no protocol that is known here. */
export function describeForeignFlags(flags: number): string | undefined {
  const bytes = [24, 16, 8, 0].map((shift) => (flags >>> shift) & 0xff);
  // Content type 22 (handshake) and the major version of all versions of TLS.
  if (bytes[0] === 22 && bytes[1] === 3) return 'it begins with TLS, where NBD negotiates TLS later';
  const text = String.fromCharCode(...bytes);
  return letters.find(([form]) => form.test(text))?.[1];
}
