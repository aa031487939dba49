/** `docs/errors.md`: the codes of all errors, from the declarations of their classes and from the sources that make them. */
import ts from 'typescript';
import { advice } from './error-advice.ts';
import { published, read, workspaceOf } from './repository.ts';

export const errorsPath = 'docs/errors.md';

const declarations = ['packages/interfaces/src/errors.ts', 'packages/interfaces/src/protocol-error.ts'];

const head = `# Errors

Every error that nbdjs throws is one of the classes below: one class for each answer to "what can the caller do about it?"
([decision 10](decisions/0010-errors-by-what-to-do.md)). Each has a literal \`code\`, a message of one line, and a \`cause\` if there is one.
\`pnpm generate\` writes this page from the declarations of the classes and from the sources; \`pnpm check\` fails when they differ.

\`\`\`ts
import { connect, ConnectError, NegotiationError } from '@nbdjs/client';

try {
  const disk = await connect('nbd://storage.example/disk');
  await disk.close();
} catch (error) {
  if (error instanceof NegotiationError && error.code === 'ERR_NBD_UNKNOWN_EXPORT') console.error('no such export');
  else if (error instanceof ConnectError) console.error(\`no server after \${error.attempts} attempts\`);
  else throw error;
}
\`\`\`

\`instanceof\` holds across several copies of a package. An abort is none of these: the call rejects with the reason of its signal. The
command line prints the message, and \`--verbose\` the code and the causes. "Made in" names the packages whose sources have the code; those of
\`CommandError\` come from the peer, or from a device.
`;

interface ErrorClass {
  readonly name: string;
  readonly doc: string;
  readonly codes: readonly { readonly code: string; readonly doc: string }[];
}

/** Writes the page. */
export function errorsPage(): string {
  const files = declarations.map((path) => ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true));
  const classes = files.flatMap((file) => classesOf(file));
  const makers = makersOfCodes();
  return [head, ...classes.map((one) => section(one, makers))].join('\n');
}

function section({ name, doc, codes }: ErrorClass, makers: ReadonlyMap<string, readonly string[]>): string {
  const rows = codes.map(({ code, doc: meaning }) => {
    const places = makers.get(code)?.join(', ') ?? '';
    return `| <a id="${code.toLowerCase()}"></a>\`${code}\` | ${meaning} | ${adviceOf(code)} | ${places} |`;
  });
  return [
    `## ${name}`,
    '',
    doc,
    '',
    '| code | meaning | what to do | made in |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function adviceOf(code: string): string {
  const text = (advice as Readonly<Record<string, string>>)[code];
  if (text === undefined) throw new Error(`error-advice.ts: has no sentence for ${code}`);
  return text;
}

/** The classes with a code, in the order of the file. */
function classesOf(file: ts.SourceFile): readonly ErrorClass[] {
  return file.statements.filter(ts.isClassDeclaration).flatMap((one) => {
    const code = one.members.filter(ts.isPropertyDeclaration).find((member) => member.name.getText() === 'code');
    const isAbstract = one.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword) ?? false;
    if (code === undefined || isAbstract || one.name === undefined) return [];
    return [{ name: one.name.text, doc: docOf(one), codes: codesOf(file, code) }];
  });
}

/** The one code of a class, or those of the union that is its type. */
function codesOf(file: ts.SourceFile, property: ts.PropertyDeclaration): ErrorClass['codes'] {
  const { initializer, type } = property;
  if (initializer !== undefined && ts.isStringLiteral(initializer))
    return [{ code: initializer.text, doc: docOf(property) }];
  const name = type?.getText();
  const union = file.statements.filter(ts.isTypeAliasDeclaration).find((alias) => alias.name.text === name)?.type;
  if (union === undefined || !ts.isUnionTypeNode(union))
    throw new Error(`${file.fileName}: ${name} is no union of codes`);
  return union.types.map((member) => {
    const code = member.getText().replaceAll("'", '');
    return { code, doc: commentBefore(file, member) };
  });
}

function docOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return plain(ts.getTextOfJSDocComment(doc?.comment) ?? '');
}

/** Members of a union have their comments before the bar. */
function commentBefore(file: ts.SourceFile, member: ts.Node): string {
  const before =
    file.text
      .slice(0, member.getStart())
      .split(/'[\w-]+'|=/)
      .at(-1) ?? '';
  const text = [...before.matchAll(/\/\*\*([\s\S]*?)\*\//g)].at(-1)?.[1] ?? '';
  return plain(text.replaceAll(/^\s*\*/gm, ''));
}

function plain(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
}

/** The packages that name a code in a string, apart from the declarations. */
function makersOfCodes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const { path, text } of published()) {
    if (declarations.includes(path)) continue;
    for (const [, code = ''] of text.matchAll(/'(ERR_NBD_[A-Z_]+)'/g)) {
      const workspace = workspaceOf(path);
      if (workspace !== undefined) found.set(code, (found.get(code) ?? new Set()).add(workspace));
    }
    for (const [, name = ''] of text.matchAll(/new (Timeout|ConnectionLost|WritesLost|Protocol)Error\(/g)) {
      const code = `ERR_NBD_${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`;
      const workspace = workspaceOf(path);
      if (workspace !== undefined) found.set(code, (found.get(code) ?? new Set()).add(workspace));
    }
  }
  return new Map([...found].map(([code, names]) => [code, [...names].sort()]));
}
