/**
 * Distinguished names as text (RFC 4514): `CN=alice,O=Example,C=GB`, the part that stands for the holder first. In a certificate
 * they stand the other way round.
 */
import { UsageError } from '@nbdjs/interfaces';
import { IA5String, PrintableString, Sequence, Set as SetOf, Utf8String } from 'asn1js';
import { AttributeTypeAndValue, RelativeDistinguishedNames } from 'pkijs';

/** What names are made of, by the abbreviations that everybody uses. */
const attributeTypes: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  UID: '0.9.2342.19200300.100.1.1',
  DC: '0.9.2342.19200300.100.1.25',
};

/** The first part of a name, up to a comma that is not escaped. */
const part = /^\s*([A-Za-z]+)\s*=\s*((?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f]|[^\\,+"<>;])+)(,|$)/;

/**
 * Reads a name; a text without `=` is a common name.
 *
 * @throws UsageError, naming what is wrong.
 */
export function parseDistinguishedName(text: string): RelativeDistinguishedNames {
  const parts = text.includes('=') ? splitName(text) : [{ type: 'CN', value: text }];
  const sets = parts.map(({ type, value }) => {
    const oid = Object.hasOwn(attributeTypes, type) ? attributeTypes[type] : undefined;
    if (oid === undefined) {
      throw bad(text, `there is no '${type}' (known: ${Object.keys(attributeTypes).join(', ')})`);
    }
    const attribute = new AttributeTypeAndValue({ type: oid, value: stringFor(text, type, value) });
    return new SetOf({ value: [attribute.toSchema()] });
  });
  // By way of the encoded form, because the library itself would put all parts into a single set.
  return RelativeDistinguishedNames.fromBER(new Sequence({ value: sets.reverse() }).toBER());
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

function stringFor(text: string, type: string, value: string): Utf8String | PrintableString | IA5String {
  if (value === '' || value.includes('\0')) throw bad(text, `the value of ${type} is empty or has a NUL in it`);
  if (type === 'C') {
    if (!/^[A-Za-z]{2}$/.test(value)) throw bad(text, `the country is '${value}', expected two letters`);
    return new PrintableString({ value });
  }
  return type === 'DC' ? new IA5String({ value }) : new Utf8String({ value });
}

function bad(text: string, reason: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `'${text}' is not a distinguished name: ${reason}`);
}
