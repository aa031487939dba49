/** `docs/options.md`: the options of the public functions, from the data that checks them. */

export const optionsPath = 'docs/options.md';

/** What the page shows of an option: `OptionEntry` of `@nbdjs/kit`. */
export interface OptionRow {
  readonly name: string;
  readonly unit: string | undefined;
  readonly zero: string | undefined;
  readonly isRequired: boolean;
  readonly default: unknown;
  readonly defaultText?: string | undefined;
  readonly expected: string;
  readonly doc: string;
  readonly members: readonly OptionRow[] | undefined;
}

interface OptionSet {
  readonly definitions: Readonly<Record<string, object>>;
  readonly entries: readonly OptionRow[];
}

/** A public function and its options, or the options that are within one of them. */
export interface OptionDoor {
  readonly package: string;
  readonly name: string;
  /** The option that holds these. */
  readonly part?: string | undefined;
  readonly set: OptionSet;
  /** Pages that show the options within an option, by its name. */
  readonly pages?: Readonly<Record<string, string>> | undefined;
}

const head = `# Options

The options of the public functions, as the packages define and check them. \`pnpm generate\` writes this page from the definitions
(\`defineOptions\` of \`@nbdjs/kit\`); \`pnpm check\` fails when the two differ. An option without a default may be left out. An option
that is \`undefined\` counts as left out; one that is unknown, wrong or missing is a \`UsageError\` (\`ERR_NBD_ARGUMENT\`), which names the
option, what was expected and what was given. \`limits.NAME\` is an option within the option \`limits\`.

An option that several functions have is described at the first of them.
`;

/** Writes the page. Options that are one definition are described once. */
export function optionsPage(doors: readonly OptionDoor[]): string {
  const packages = [...new Set(doors.map((door) => door.package))];
  const described = new Map<object, string>();
  const parts = packages.map((name) => {
    const own = doors.filter((door) => door.package === name).map((door) => doorPart(door, described));
    return `## [@nbdjs/${name}](../packages/${name}/README.md)\n\n${own.join('\n')}`;
  });
  return [head, ...parts].join('\n');
}

function doorPart(door: OptionDoor, described: Map<object, string>): string {
  const { set, part, pages = {} } = door;
  const title = part === undefined ? `\`${door.name}\`` : `\`${door.name}\`: \`${part}\``;
  const rows: string[] = [];
  const elsewhere = new Map<string, string[]>();
  for (const entry of set.entries) {
    const definition = set.definitions[entry.name] as object;
    const first = described.get(definition);
    if (first !== undefined) elsewhere.set(first, [...(elsewhere.get(first) ?? []), `\`${entry.name}\``]);
    else rows.push(...rowsOf(entry, '', pages[entry.name]));
    described.set(definition, first ?? door.name);
  }
  const lines = [`### ${title}`, ''];
  if (rows.length > 0) {
    lines.push('| option | value | default | unit | 0 stands for | meaning |');
    lines.push('| --- | --- | --- | --- | --- | --- |', ...rows, '');
  }
  for (const [name, names] of elsewhere) {
    lines.push(
      `${rows.length > 0 ? 'Besides, as' : 'As'} of [\`${name}\`](#${name.toLowerCase()}): ${names.join(', ')}.`,
      '',
    );
  }
  return lines.join('\n');
}

function rowsOf(entry: OptionRow, path: string, page: string | undefined): readonly string[] {
  const { name, unit = '', zero = '', expected, doc, members = [] } = entry;
  const meaning = page === undefined ? doc : `${doc} See [${page}](${page}).`;
  const cells = [`\`${path}${name}\``, expected, defaultOf(entry), unit, zero, meaning].map(escaped);
  const inner = page === undefined ? members.flatMap((member) => rowsOf(member, `${path}${name}.`, undefined)) : [];
  return [`| ${cells.join(' | ')} |`, ...inner];
}

function defaultOf({ name, default: value, defaultText, isRequired, unit, members }: OptionRow): string {
  if (isRequired) return 'required';
  if (defaultText !== undefined) return defaultText;
  if (typeof value === 'number') return withSize(value, unit);
  if (value === undefined || members !== undefined) return '';
  if (typeof value === 'string') return `\`'${value}'\``;
  if (typeof value === 'boolean' || Array.isArray(value)) return `\`${JSON.stringify(value)}\``;
  throw new Error(`option '${name}': expected a defaultText for its default`);
}

/** A number, with its size in words where there are many digits. */
function withSize(value: number, unit: string | undefined): string {
  const [mebi, kibi] = [2 ** 20, 2 ** 10];
  if (unit === 'ms' && value >= 1000) return `${value} (${value / 1000} s)`;
  if (unit !== 'bytes' || value < kibi || value % kibi !== 0) return String(value);
  return `${value} (${value % mebi === 0 ? `${value / mebi} MiB` : `${value / kibi} KiB`})`;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|');
}
