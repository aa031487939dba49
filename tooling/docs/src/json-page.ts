/** `docs/json.md`: what commands print with `--json`, from the schemas that the tests hold them to. */
import { readdirSync } from 'node:fs';
import { markdownTable } from './markdown-table.ts';
import { read, root, type TextFile } from './repository.ts';

const folder = 'apps/cli/schemas/';

/** As far as the schemas use it. */
interface Schema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>> & { readonly type?: Schema };
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface SchemaFile extends Schema {
  readonly title: string;
  readonly 'x-commands': readonly string[];
  readonly 'x-form': string;
}

const head = `# JSON of the commands

What commands of \`nbd\` print with \`--json\`. \`pnpm generate\` writes this page from the [schemas](../apps/cli/schemas) (JSON Schema 2020-12), which are a part of the package
\`@nbdjs/cli\`; tests hold what the commands print to them. Members may be added in later versions, so readers should ignore those that they do not know.
Whole numbers are exact up to 2^63 - 1, which is more than a number in JavaScript is exact for. \`a.b\` is a member \`b\` of \`a\`, \`a[]\` each element of a list, and \`a{}\` each
value of an object whose names are data.
`;

export function jsonPage(): TextFile {
  const files = readdirSync(`${root}${folder}`).sort();
  return { path: 'docs/json.md', text: [head, ...files.map(section)].join('\n') };
}

function section(name: string): string {
  const schema = JSON.parse(read(`${folder}${name}`)) as SchemaFile;
  const commands = schema['x-commands'].map((line) => `\`${line}\``).join(', ');
  const parts = (schema.anyOf ?? [schema]).map((part) => {
    const intro = schema.anyOf === undefined ? [] : [sentence(titleOf(part))];
    return [...intro, table(rowsOf(part, ''))].join('\n\n');
  });
  const form = `${commands}: ${schema['x-form']}${schema.type === 'array' ? ', a list' : ''}.`;
  const text = schema.description === undefined ? form : `${form} ${sentence(schema.description)}`;
  return [`## ${schema.title}`, `[${name}](../${folder}${name})`, text, ...parts, '']
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

function titleOf({ description, properties, type, items }: Schema): string {
  const kind = properties?.type;
  const named = kind?.const === undefined ? undefined : `\`"type": "${kind.const}"\``;
  const said = description ?? items?.description ?? `a value of type ${type}`;
  return named === undefined ? said : `${named}, ${said}`;
}

type Row = readonly [member: string, kind: string, isAlways: boolean, meaning: string];

/** The members of a value, and of those within it. */
function rowsOf(schema: Schema, path: string): readonly Row[] {
  if (schema.items !== undefined) return rowsOf(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) return rowsOf(schema.additionalProperties, `${path}{}`);
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((one) => rowsOf(one, path));
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const place = path === '' ? name : `${path}.${name}`;
    const row: Row = [place, kindOf(member), schema.required?.includes(name) === true, member.description ?? ''];
    return [row, ...rowsOf(member, place)];
  });
}

function kindOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`"${schema.const}"\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`"${word}"\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(' or ');
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'value'}s`;
  return schema.type ?? 'any value';
}

function table(rows: readonly Row[]): string {
  return markdownTable(
    ['member', 'kind', 'is there', 'meaning'],
    rows.map(([member, kind, isAlways, meaning]) => [
      `\`${member}\``,
      kind,
      isAlways ? 'always' : 'where it applies',
      meaning,
    ]),
  );
}

function sentence(text: string): string {
  const begun = text.startsWith('`') ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.:]$/.test(begun) ? begun : `${begun}:`;
}
