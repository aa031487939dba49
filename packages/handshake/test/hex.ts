/** Bytes written out by hand: hex digits, blanks ignored, text between double quotes. */
export function hex(...notations: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const [, text, digits] of notations.join(' ').matchAll(/"([^"]*)"|([0-9a-f]{2})/g)) {
    if (text === undefined) bytes.push(Number.parseInt(digits ?? '', 16));
    else bytes.push(...new TextEncoder().encode(text));
  }
  return Uint8Array.from(bytes);
}

/** Joins pieces into one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
