/** Every type that a package's own exports mention can be imported from that package, so that users install one and not five. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));
const names = readdirSync(packages);

/** Sources, so that nothing has to be built. */
const program = ts.createProgram(
  names.map((name) => `${packages}${name}/src/index.ts`),
  {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    customConditions: ['@nbdjs/source'],
    allowImportingTsExtensions: true,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    noEmit: true,
    skipLibCheck: true,
  },
);
const checker = program.getTypeChecker();

it.each(names)('%s exports what its signatures need', (name) => {
  const file = program.getSourceFile(`${packages}${name}/src/index.ts`);
  const door = file && checker.getSymbolAtLocation(file);
  if (door === undefined) throw new Error(`${name} has no index`);
  const exported = new Set(checker.getExportsOfModule(door).map(resolved));
  const missing = [...exported]
    .flatMap((symbol) => symbol.declarations ?? [])
    .filter((declaration) => declaration.getSourceFile().fileName.startsWith(`${packages}${name}/`))
    .flatMap(typesIn)
    .filter((symbol) => !exported.has(symbol))
    .map((symbol) => symbol.name);
  expect([...new Set(missing)], `to be exported from packages/${name}/src/index.ts`).toEqual([]);
});

function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The types of ours that a declaration shows: not those of bodies, of what is private, or of constructors, which are not for users. */
function typesIn(node: ts.Node): ts.Symbol[] {
  if (ts.isBlock(node) || ts.isConstructorDeclaration(node) || ts.isHeritageClause(node) || ts.isTypeQueryNode(node))
    return [];
  if ('name' in node && ts.isPrivateIdentifier(node.name as ts.Node)) return [];
  if (ts.isPropertyDeclaration(node) || ts.isVariableDeclaration(node)) return node.type ? typesIn(node.type) : [];
  const found: ts.Symbol[] = [];
  if (ts.isTypeReferenceNode(node)) {
    const at = ts.isQualifiedName(node.typeName) ? node.typeName.left : node.typeName;
    const symbol = checker.getSymbolAtLocation(at);
    const type = symbol && resolved(symbol);
    const isOurs = type?.declarations?.[0]?.getSourceFile().fileName.startsWith(packages) ?? false;
    if (type !== undefined && isOurs && !(type.flags & ts.SymbolFlags.TypeParameter)) found.push(type);
  }
  ts.forEachChild(node, (child) => {
    found.push(...typesIn(child));
  });
  return found;
}
