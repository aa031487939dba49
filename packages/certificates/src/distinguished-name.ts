/**
 * Distinguished names as text (RFC 4514): `CN=alice,O=Example,C=GB`, the part that stands for the holder first. A certificate has them in
 * the reverse order.
 */
import { UsageError } from '@nbdjs/interfaces';
import { type JsonAttributeObject, Name } from './x509.ts';

/** The attributes that a name may consist of. */
const attributeTypes = ['CN', 'C', 'L', 'ST', 'O', 'OU', 'UID', 'DC'];
/** The library has no abbreviation for this one. */
const extraNames = { UID: '0.9.2342.19200300.100.1.1' };

/** The first part of a name, up to a comma that is not escaped. */
const part = /^\s*([A-Za-z]+)\s*=\s*((?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f]|[^\\,+"<>;])+)(,|$)/;

/**
 * Reads a name; a text without `=` is a common name.
 *
 * @throws UsageError, naming what is wrong.
 */
export function parseDistinguishedName(text: string): Name {
  const parts = text.includes('=') ? splitName(text) : [{ type: 'CN', value: text }];
  const attributes = parts.map(({ type, value }) => {
    if (!attributeTypes.includes(type)) {
      throw bad(text, `there is no '${type}' (known: ${attributeTypes.join(', ')})`);
    }
    return { [type]: [stringFor(text, type, value)] };
  });
  return new Name(attributes.reverse(), extraNames);
}

function splitName(text: string): readonly { readonly type: string; readonly value: string }[] {
  const parts: { type: string; value: string }[] = [];
  for (let rest = text; ; ) {
    const [whole = '', type = '', value = '', separator] = part.exec(rest) ?? [];
    if (separator === undefined) throw bad(text, `'${rest}' does not have the form TYPE=VALUE,...`);
    parts.push({ type: type.toUpperCase(), value: unescapeValue(value.trim()) });
    if (separator === '') return parts;
    rest = rest.slice(whole.length);
  }
}

function unescapeValue(value: string): string {
  const bytes = value.replace(/(?:\\[0-9A-Fa-f]{2})+/g, (hex) =>
    Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
  return bytes.replace(/\\(.)/gs, '$1');
}

/** The value in the kind of string that its attribute has in X.509. */
function stringFor(text: string, type: string, value: string): JsonAttributeObject {
  if (value === '' || value.includes('\0')) throw bad(text, `the value of ${type} is empty or has a NUL in it`);
  if (type === 'C') {
    if (!/^[A-Za-z]{2}$/.test(value)) throw bad(text, `the country is '${value}', expected two letters`);
    return { printableString: value };
  }
  return type === 'DC' ? { ia5String: value } : { utf8String: value };
}

function bad(text: string, reason: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `'${text}' is not a distinguished name: ${reason}`);
}
