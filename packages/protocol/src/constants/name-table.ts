/** Numbers on the wire and their names in the specification, both ways. */

/** One group of constants, such as the commands. */
export interface NameTable {
  /** The specification's name without its prefix (`READ`), or `unknown 0x4d` style text for a number without one. */
  name(number: number): string;
  /** The number behind a name, or `undefined`; names are not case-sensitive and `-` may stand for `_`. */
  number(name: string): number | undefined;
  /** All names, in the order of the specification. */
  readonly names: readonly string[];
}

/**
 * Builds a table for a group of numbers.
 *
 * @param group the group's name, for numbers that have no name
 * @param numbers the numbers of the group
 * @param names the specification's name of each
 */
export function nameTable<Key extends string>(
  group: string,
  numbers: Readonly<Record<Key, number>>,
  names: Readonly<Record<Key, string>>,
): NameTable {
  const keys = Object.keys(names) as Key[];
  const byNumber = new Map(keys.map((key) => [numbers[key], names[key]]));
  const byName = new Map(keys.map((key) => [names[key], numbers[key]]));
  return {
    name: (number) => byNumber.get(number) ?? `${group} ${number > 0xffff ? `0x${number.toString(16)}` : number}`,
    number: (name) => byName.get(name.toUpperCase().replaceAll('-', '_')),
    names: [...byName.keys()],
  };
}

/** The names of all bits that are set in `flags`, lowest bit first; unknown bits appear as `bit 14`. */
export function flagNames(table: NameTable, flags: number): readonly string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const value = 2 ** bit;
    if (Math.floor(flags / value) % 2 === 1) {
      const name = table.name(value);
      names.push(table.number(name) === value ? name : `bit ${bit}`);
    }
  }
  return names;
}
