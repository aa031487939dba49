/** Bytes written out by hand in tests: hex digits, blanks ignored, text between double quotes. */
export function hex(notation: string): Uint8Array {
  const bytes: number[] = [];
  for (const [, text, digits] of notation.matchAll(/"([^"]*)"|([0-9a-f]{2})/g)) {
    if (text === undefined) bytes.push(Number.parseInt(digits ?? '', 16));
    else bytes.push(...new TextEncoder().encode(text));
  }
  return Uint8Array.from(bytes);
}
