/**
 * A part of `pack:check`, in the package's folder: the tarball holds what it should and nothing else, its manifest has nothing that only
 * this workspace understands, what its files import is declared and what is declared is imported, and neither the tarball nor a bundle
 * of each of its entries is larger than ceilings.json allows.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';

/** What the library `ws`, which a script of the command line includes, looks for and does without. */
const lookedFor = ['bufferutil', 'utf-8-validate'];

const tarball = '.turbo/package.tgz';
const folder = '.turbo/packed';
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);

const files = readdirSync(folder, { recursive: true }).filter((file) => statSync(`${folder}/${file}`).isFile());
const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
const isLibrary = manifest.exports['.'] !== undefined;
const ceilings = JSON.parse(readFileSync(new URL('./ceilings.json', import.meta.url), 'utf8'))[manifest.name] ?? {};

const problems = [...wrongFiles(), ...wrongManifest(), ...wrongImports(), ...(await tooLarge())];
for (const problem of problems) process.stdout.write(`${manifest.name}: ${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function wrongFiles() {
  const isExpected =
    /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|dist\/(.+\.(js|mjs|cjs|map|d\.ts)|man\/.+\.1)|schemas\/.+\.schema\.json)$/;
  const unexpected = files.filter((file) => !isExpected.test(file) || /\.test(ing)?\./.test(file));
  const changelog = existsSync('CHANGELOG.md') ? ['CHANGELOG.md'] : [];
  const manualPages = (manifest.man ?? []).map((file) => file.replace('./', ''));
  const wanted = ['package.json', 'README.md', 'LICENSE', ...changelog, ...manualPages];
  // Scripts (`.cjs`) can be read as they are.
  const programs = files.filter((file) => /\.m?js$/.test(file));
  const maps = programs.map((file) => `${file}.map`).filter((file) => files.includes(file));
  const withoutSources = maps.filter((file) => {
    const { sources, sourcesContent = [] } = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
    return sources.length !== sourcesContent.length || sourcesContent.some((text) => typeof text !== 'string');
  });
  return [
    ...unexpected.map((file) => `${file} is packed, and should not be`),
    ...wanted.filter((file) => !files.includes(file)).map((file) => `${file} is not packed`),
    ...programs.filter((file) => !files.includes(`${file}.map`)).map((file) => `${file} has no source map`),
    ...withoutSources.map((file) => `${file} does not carry its sources`),
  ];
}

function wrongManifest() {
  const wanted = ['description', 'keywords', 'homepage', 'bugs', 'repository', 'license', 'author', 'engines', 'files'];
  if (isLibrary) wanted.push('sideEffects');
  const { dependencies, optionalDependencies, peerDependencies, exports } = manifest;
  const ranges = Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return [
    ...wanted.filter((key) => manifest[key] === undefined).map((key) => `package.json has no "${key}"`),
    ...(JSON.stringify(exports).includes('@nbdjs/source') ? ['its exports name sources, which are not packed'] : []),
    ...ranges
      .filter(([, range]) => /^(workspace|catalog|file|link):/.test(range))
      .map(([name, range]) => `${name} is "${range}", which only this workspace understands`),
    ...pathsIn(exports)
      .filter((path) => !files.includes(path.slice(2)))
      .map((path) => `its exports name ${path}, which is not packed`),
  ];
}

function pathsIn(tree) {
  return typeof tree === 'string' ? [tree] : Object.values(tree).flatMap(pathsIn);
}

function wrongImports() {
  const { name, dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
  const declared = Object.keys({ ...dependencies, ...peerDependencies });
  const imported = new Map();
  for (const file of files.filter((one) => /\.([mc]?js|d\.ts)$/.test(one))) {
    for (const one of importsOf(file)) imported.set(one, file);
  }
  for (const one of [name, ...lookedFor]) imported.delete(one);
  // Optional ones are loaded by names that are made at run time.
  const undeclared = [...imported].filter(([one]) => !declared.includes(one) && !(one in optionalDependencies));
  return [
    ...undeclared.map(([one, file]) => `${file} imports ${one}, which is not among its dependencies`),
    ...declared.filter((one) => !imported.has(one)).map((one) => `${one} is a dependency, and no file imports it`),
  ];
}

/** The packages that a file imports, by declaration, by `import()`, by `require`, or by what `createRequire` gives. */
function importsOf(file) {
  const text = readFileSync(`${folder}/${file}`, 'utf8');
  const required = [...text.matchAll(/\bcreateRequire\w*\([^()]*\)\(["']([^"']+)["']\)/g)].map(([, name]) => name);
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return [...importedFiles.map(({ fileName }) => fileName), ...required]
    .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

/** What a user has to fetch, and what each entry adds to a bundle with all that it needs: minified and compressed. */
async function tooLarge() {
  const sizes = { tarball: statSync(tarball).size };
  const entries = isLibrary ? Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object') : [];
  for (const [entry] of entries) sizes[entry] = await bundledBytes(`${manifest.name}${entry.slice(1)}`);
  return [
    ...Object.entries(sizes).flatMap(([what, bytes]) => {
      const ceiling = ceilings[what];
      if (ceiling === undefined) return [`ceilings.json has nothing for "${what}", which is ${bytes} bytes`];
      return bytes > ceiling ? [`"${what}" is ${bytes} bytes, more than the ${ceiling} in ceilings.json`] : [];
    }),
    ...Object.keys(ceilings)
      .filter((what) => !(what in sizes))
      .map((what) => `ceilings.json has "${what}", which is gone`),
  ];
}

async function bundledBytes(entry) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${entry}';`, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    loader: { '.node': 'empty' },
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
