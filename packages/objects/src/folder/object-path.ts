/**
 * Where an object is in the folder, and which key a file stands for. A key may name an object and be the beginning of other keys, and file
 * systems may take large letters for small ones, or allow only short names; so:
 *
 * - the file of an object ends in `@`, which no key has; folders have no mark;
 * - a large letter is `%` and the small one;
 * - what is longer than a name may be goes on below a folder whose name ends in `+`.
 *
 * No name begins with a dot or has another character than these, so that no key leaves the folder.
 */

/** File systems take 255 bytes; the marks need room, too. */
const pieceMax = 200;

const objectMark = '@';
const pieceMark = '+';

/** The parts of the path of an object, below the folder of all objects. */
export function pathOfKey(key: string): readonly string[] {
  const names = key.split('/');
  return names.flatMap((name, index) => {
    const isLast = index === names.length - 1;
    const text = name.replace(/[A-Z]/g, (letter) => `%${letter.toLowerCase()}`);
    return piecesOf(text).map((piece, place, { length }) => {
      if (place < length - 1) return piece + pieceMark;
      return isLast ? piece + objectMark : piece;
    });
  });
}

function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > pieceMax) {
    // Not between `%` and its letter.
    const end = rest[pieceMax - 1] === '%' ? pieceMax - 1 : pieceMax;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

/** One entry of a folder. */
export interface NameFound {
  readonly kind: 'object' | 'folder' | 'piece';
  /** The part of the key that it stands for. */
  readonly text: string;
}

const namePattern = /^((?:[a-z0-9._-]|%[a-z])+)([@+]?)$/;

/** Returns what the name of a file or folder stands for; `undefined` for names that no object has. */
export function readName(name: string): NameFound | undefined {
  const [, escaped, mark] = namePattern.exec(name) ?? [];
  if (escaped === undefined) return undefined;
  const text = escaped.replace(/%([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (mark === objectMark) return { kind: 'object', text };
  return { kind: mark === pieceMark ? 'piece' : 'folder', text };
}
