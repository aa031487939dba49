/**
 * Holds source to a size that can be read at once: no file above 350 lines, no function above 70, no class with more than three
 * mutable booleans (which are a hidden state machine). Exceptions are named in sizes.json, and have to be.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { root } from './pnpm.mjs';

const fileLinesMax = 350;
const functionLinesMax = 70;
const booleansMax = 3;

const exceptions = JSON.parse(readFileSync(new URL('./sizes.json', import.meta.url), 'utf8'));
const found = sources().flatMap((file) => findings(file).map((finding) => ({ file, ...finding })));
const isExcepted = ({ file, name }) => exceptions[file]?.includes(name) ?? false;
const needless = Object.entries(exceptions).flatMap(([file, names]) =>
  names.filter((name) => !found.some((one) => one.file === file && one.name === name)).map((name) => ({ file, name })),
);

const problems = [
  ...found.filter((one) => !isExcepted(one)).map(({ file, name, text }) => `${file}: ${name} ${text}`),
  ...needless.map(({ file, name }) => `tooling/scripts/sizes.json: ${file}: ${name} needs no exception any more`),
];
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function sources() {
  const folders = ['packages', 'apps', 'tooling', 'examples']
    .filter((group) => existsSync(`${root}${group}`))
    .flatMap((group) => readdirSync(`${root}${group}`).map((name) => `${group}/${name}/src`))
    .filter((folder) => existsSync(`${root}${folder}`));
  const all = [...folders, 'tooling/scripts'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true }).map((name) => `${folder}/${name}`),
  );
  return all.filter((file) => /\.(ts|mjs)$/.test(file) && !/\.test\.ts$/.test(file)).sort();
}

function findings(file) {
  const text = readFileSync(`${root}${file}`, 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position) => tree.getLineAndCharacterOfPosition(position).line;
  const all = [];
  const fileLines = text.split('\n').length - 1;
  if (fileLines > fileLinesMax) all.push({ name: 'file', text: `has ${fileLines} lines, more than ${fileLinesMax}` });
  visit(tree);
  return all;

  function visit(node) {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const lines = lineOf(node.end) - lineOf(node.getStart()) + 1;
      if (lines > functionLinesMax) {
        all.push({ name: nameOf(node), text: `has ${lines} lines, more than ${functionLinesMax}` });
      }
    }
    if (ts.isClassLike(node)) {
      const count = node.members.filter(isMutableBoolean).length;
      if (count > booleansMax) {
        all.push({ name: node.name?.text ?? 'class', text: `has ${count} mutable booleans, more than ${booleansMax}` });
      }
    }
    ts.forEachChild(node, visit);
  }
}

/** A method has its class in its name; what has no name has that of what it is given to. */
function nameOf(node) {
  const own = ts.isConstructorDeclaration(node) ? 'constructor' : node.name?.getText();
  const { parent } = node;
  if (ts.isClassLike(parent)) return `${parent.name?.text ?? 'class'}.${own}`;
  if (own !== undefined) return own;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
  return ts.isCallExpression(parent) ? `${parent.expression.getText().split('\n')[0]}()` : 'function';
}

function isMutableBoolean(member) {
  if (!ts.isPropertyDeclaration(member)) return false;
  if (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Readonly | ts.ModifierFlags.Static)) return false;
  const { type, initializer } = member;
  const value = initializer?.kind;
  if (type === undefined) return value === ts.SyntaxKind.TrueKeyword || value === ts.SyntaxKind.FalseKeyword;
  return /\bboolean\b/.test(type.getText()) && !ts.isFunctionTypeNode(type);
}
