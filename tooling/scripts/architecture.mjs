/**
 * Checks the imports: reads what every package really imports, compares that with tooling/architecture/house.json, and
 * writes the generated parts of docs/architecture.md. With `--check` it writes nothing and fails where page and code differ.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';
import { root } from './pnpm.mjs';

const page = `${root}docs/architecture.md`;
const house = JSON.parse(readFileSync(`${root}tooling/architecture/house.json`, 'utf8'));
const packages = new Map(house.packages.map((one) => [one.name, one]));
const groupOf = ({ floor }) => (floor === 'app' ? 'apps' : 'packages');
const imports = new Map(house.packages.map((one) => [one.name, importsOf(one)]));

const problems = [
  ...folderProblems(),
  ...house.packages.flatMap((one) => importProblems(one)),
  ...house.packages.flatMap((one) => wordProblems(one)),
  ...exceptionProblems(),
];
const parts = { picture: picture(), floors: floors(), planned: planned(), imports: importTable() };
const before = readFileSync(page, 'utf8');
const after = filledIn(before);

if (!process.argv.includes('--check')) writeFileSync(page, after);
else if (before !== after) {
  problems.push('docs/architecture.md is not what the imports and house.json say; pnpm architecture writes it');
}
for (const problem of problems) process.stdout.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
else process.stdout.write('the imports follow house.json, and docs/architecture.md shows them\n');

function sourcesOf(one) {
  const folder = `${root}${groupOf(one)}/${one.name}/src`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.ts') && !/\.(test|testing)\.ts$/.test(file))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** What a package's sources import, types among it: our packages by their short names, modules of Node as `node:x`, libraries. */
function importsOf(one) {
  const found = new Set();
  for (const file of sourcesOf(one)) {
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (fileName.startsWith('.')) continue;
      const name = /^@nbdjs\/([^/]+)/.exec(fileName)?.[1] ?? fileName;
      if (name !== one.name) found.add(name);
    }
  }
  return found;
}

function folderProblems() {
  const found = [];
  const there = ['packages', 'apps'].flatMap((group) =>
    readdirSync(`${root}${group}`).filter((name) => existsSync(`${root}${group}/${name}/package.json`)),
  );
  for (const name of there) if (!packages.has(name)) found.push(`${name} has no floor in house.json`);
  for (const { name } of house.planned) if (packages.has(name)) found.push(`${name} is there, and is planned no more`);
  for (const one of house.packages) {
    if (!there.includes(one.name)) found.push(`${one.name} is in house.json, but there is no such package`);
    found.push(...purityProblems(one));
  }
  return found;
}

/** A package is pure as a whole, or by some of its doors: then its tsconfig.pure.json names them. */
function purityProblems(one) {
  const { name, pure, pureDoors } = one;
  const file = `${root}${groupOf(one)}/${name}/tsconfig.pure.json`;
  if (!existsSync(file)) return pure === true || pureDoors !== undefined ? [`${name} is pure in house.json only`] : [];
  if (pure === true) return [];
  if (pureDoors === undefined) return [`${name} is pure by its tsconfig.pure.json only`];
  const { files = [] } = JSON.parse(readFileSync(file, 'utf8'));
  const checked = files.flatMap((path) => /^src\/(.+)\/index\.ts$/.exec(path)?.[1] ?? []);
  const isSame = checked.toSorted().join() === pureDoors.toSorted().join();
  return isSame
    ? []
    : [`${name}: tsconfig.pure.json checks ${checked.join(', ')}, house.json has ${pureDoors.join(', ')}`];
}

function importProblems(one) {
  const found = [];
  for (const name of imports.get(one.name)) {
    const isAllowed = house.exceptions.some(({ from, to }) => from === one.name && to === name);
    const other = packages.get(name);
    if (one.pure === true && name.startsWith('node:')) found.push(`${one.name} is pure and imports ${name}`);
    if (one.never?.includes(name) && !isAllowed) {
      found.push(`${one.name} imports ${name} and must not know: ${one.mustNotKnow}`);
    }
    if (other !== undefined && one.floor !== 'app' && (other.floor === 'app' || other.floor >= one.floor)) {
      found.push(`${one.name} (floor ${one.floor}) imports ${name} (floor ${other.floor})`);
    }
  }
  return found;
}

/** Some dependencies need no import: a package that must not use promises must not name them. Comments may. */
function wordProblems(one) {
  if (one.neverWords === undefined) return [];
  const words = new Set(one.neverWords);
  return sourcesOf(one).flatMap((file) => {
    const found = [];
    const visit = (node) => {
      const word = ts.isIdentifier(node) ? node.text : ts.tokenToString(node.kind);
      if (word !== undefined && words.has(word)) found.push(`${file.slice(root.length)} names ${word}`);
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
    return found;
  });
}

/** An exception that is not needed any more goes, so that there are ever fewer. */
function exceptionProblems() {
  return house.exceptions
    .filter(({ from, to }) => !imports.get(from)?.has(to))
    .map(({ from, to }) => `${from} imports ${to} no more: take the exception out of house.json`);
}

function filledIn(text) {
  let filled = text;
  for (const [name, content] of Object.entries(parts)) {
    const block = new RegExp(`(<!-- generated: ${name} -->\\n)[\\s\\S]*?(<!-- end: ${name} -->)`);
    if (!block.test(filled)) problems.push(`docs/architecture.md has no place for the part '${name}'`);
    filled = filled.replace(block, (_whole, start, end) => `${start}${content}\n${end}`);
  }
  return filled;
}

/** Floors from the roof down, as they are drawn. */
function storeys() {
  const storey = (floor) => house.packages.filter((one) => one.floor === floor);
  const numbers = [...new Set(house.packages.map(({ floor }) => floor))].filter((floor) => floor !== 'app');
  return ['app', ...numbers.sort((one, other) => other - one)].map((floor) => [floor, storey(floor)]);
}

function picture() {
  const lines = ['```mermaid', 'flowchart TB'];
  for (const [floor, ones] of storeys()) {
    lines.push(`  subgraph floor-${floor}["${floor === 'app' ? 'apps' : `floor ${floor}`}"]`);
    for (const { name, pure } of ones) lines.push(`    ${name}${pure === true ? `([${name}])` : `[${name}]`}`);
    lines.push('  end');
  }
  const common = house.packages.filter((one) => one.common === true).map(({ name }) => name);
  lines.push('  classDef common stroke-dasharray: 4 4', `  class ${common.join(',')} common`, ...spacers());
  for (const [from, names] of imports) {
    for (const name of [...names].filter((other) => packages.has(other)).sort()) {
      if (packages.get(name).common === true) continue;
      const isException = house.exceptions.some((one) => one.from === from && one.to === name);
      lines.push(`  ${from} ${isException ? '-.->' : '-->'} ${name}`);
    }
  }
  return [...lines, '```'].join('\n');
}

/** Links that are not drawn: they keep each floor below the one above it. */
function spacers() {
  const all = storeys().map(([, ones]) => ones.map(({ name }) => name));
  return all
    .slice(1)
    .flatMap((lower, index) => lower.map((name, place) => `  ${all[index][place % all[index].length]} ~~~ ${name}`));
}

function floors() {
  const rows = storeys()
    .toReversed()
    .flatMap(([floor, ones]) =>
      ones.map((one) => {
        const doors = one.pureDoors?.map((door) => `\`${door}\``).join(', ');
        const where = doors === undefined ? '' : ` in ${doors}`;
        const node = one.pure === true || doors !== undefined ? `; any \`node:\` module${where}` : '';
        const link = `[\`${one.name}\`](../${groupOf(one)}/${one.name}/README.md)`;
        return `| ${floor} | ${link} | ${one.knows} | ${one.mustNotKnow}${node} |`;
      }),
    );
  return ['| floor | package | knows | must not know |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function planned() {
  const rows = [...house.planned]
    .sort((one, other) => one.floor - other.floor)
    .map((one) => `| ${one.floor} | ${one.name} | ${one.knows} | ${one.mustNotKnow} |`);
  return ['| floor | package | knows | must not know |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function importTable() {
  const quoted = (names) => (names.length === 0 ? '' : names.sort().join(', '));
  const rows = storeys().flatMap(([, ones]) =>
    ones.map(({ name }) => {
      const all = [...imports.get(name)];
      const ours = all.filter((other) => packages.has(other));
      const nodes = all.filter((other) => other.startsWith('node:')).map((other) => other.slice('node:'.length));
      return `| ${name} | ${quoted(ours)} | ${quoted(nodes)} |`;
    }),
  );
  const exceptions = house.exceptions.map(({ from, to, why }) => `- ${from} → ${to}: ${why}.`);
  const known =
    exceptions.length === 0 ? [] : ['', 'Arrows that are wrong, known and on their way out:', '', ...exceptions];
  return ['| package | imports | of Node |', '| --- | --- | --- |', ...rows, ...known].join('\n');
}
