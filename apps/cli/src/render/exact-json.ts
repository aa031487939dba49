/** JSON in which bigints stay exact numbers. */

export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Formats with two blanks of indentation; members that are `undefined` are left out. */
export function exactJson(value: JsonValue, indent = ''): string {
  const deeper = `${indent}  `;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => deeper + exactJson(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`${deeper}${JSON.stringify(key)}: ${exactJson(member, deeper)}`],
  );
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}

/** The same on one line, for lists of many small objects. */
export function compactJson(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(compactJson).join(', ')}]`;
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`${JSON.stringify(key)}: ${compactJson(member)}`],
  );
  return `{ ${members.join(', ')} }`;
}

function isArray(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
