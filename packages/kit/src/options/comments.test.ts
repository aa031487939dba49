/** What an editor shows a user of options that are defined as data: the comment above each definition. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const source = `
import { defineOptions, type OptionsOf, optionGroup, type SettingsOf } from './define-options.ts';
import { option } from './option.ts';
const limits = defineOptions({
  /** How long a client may ask for nothing. @default 0 */
  idleMs: option.milliseconds({ default: 0, zero: 'no limit', doc: 'How long a client may ask for nothing.' }),
});
const all = defineOptions({
  ...limits.definitions,
  /** The server. */
  target: option.text({ required: true, doc: 'The server.' }),
  /** Bounds. */
  limits: optionGroup(limits, { doc: 'Bounds.' }),
});
export interface Given extends OptionsOf<typeof all> {}
export interface Settings extends SettingsOf<typeof all> {}
`;

const path = here('./virtual.ts');

function compile(): ts.Program {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    customConditions: ['@nbdjs/source'],
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    lib: ['lib.es2023.d.ts'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === path || fileExists(file);
  host.getSourceFile = (file, target) =>
    file === path ? ts.createSourceFile(file, source, target) : getSourceFile(file, target);
  return ts.createProgram([path], options, host);
}

const program = compile();

/** The comments of an interface's properties, as the language service has them. */
function commentsOf(name: string): Record<string, string> {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path);
  const declaration = file?.statements.find(
    (one): one is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(one) && one.name.text === name,
  );
  if (declaration === undefined) throw new Error(`there is no ${name}`);
  const properties = checker.getTypeAtLocation(declaration).getProperties();
  return Object.fromEntries(
    properties.map((one) => [one.name, ts.displayPartsToString(one.getDocumentationComment(checker))]),
  );
}

it.each(['Given', 'Settings'])('of %s are those of the definitions, composed ones too', { tags: ['slow'] }, (name) => {
  expect(commentsOf(name)).toEqual({
    idleMs: 'How long a client may ask for nothing.',
    target: 'The server.',
    limits: 'Bounds.',
  });
});
