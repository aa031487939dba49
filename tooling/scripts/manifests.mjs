/**
 * Holds every package.json of the workspace to what they have in common: the same scripts in packages of the same kind, versions from
 * the catalog in pnpm-workspace.yaml, tools declared where they run. `--write` corrects them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { root } from './pnpm.mjs';

const scriptsFolder = '../../tooling/scripts';
const everywhere = { lint: 'biome check --error-on-warnings .' };
const typed = { typecheck: 'tsc --noEmit' };
const tested = {
  test: "vitest run --exclude '**/*.peers.test.ts' --tags-filter '!slow' --passWithNoTests",
  'test:peers': 'vitest run .peers.test.ts --passWithNoTests',
};
const packed = `pnpm pack --out .turbo/package.tgz && publint --strict .turbo/package.tgz && node ${scriptsFolder}/packed.mjs`;
const built = { build: 'tsup', prepack: `node ${scriptsFolder}/assert-built.mjs` };
const library = {
  ...built,
  types: `node ${scriptsFolder}/types.mjs`,
  api: `node ${scriptsFolder}/api.mjs`,
  'pack:check': `${packed} && attw .turbo/package.tgz --profile esm-only`,
};
// An application has no types for others.
const application = { ...built, 'pack:check': packed };
const pure = { purity: 'tsc -p tsconfig.pure.json --noEmit' };

/** What runs each script. Biome is the whole repository's. */
const tools = {
  build: ['tsup', 'typescript'],
  typecheck: ['@types/node', 'typescript'],
  test: ['vitest'],
  'pack:check': ['publint'],
  types: ['@arethetypeswrong/cli'],
};

const toWrite = process.argv.includes('--write');
const problems = [];

for (const group of ['packages', 'apps', 'tooling', 'examples']) {
  if (!existsSync(`${root}${group}`)) continue;
  for (const name of readdirSync(`${root}${group}`)) {
    if (existsSync(`${root}${group}/${name}/package.json`)) check(group, `${group}/${name}`);
  }
}
if (problems.length > 0) {
  process.stdout.write(`${problems.join('\n')}\nnode tooling/scripts/manifests.mjs --write, then pnpm install\n`);
  process.exitCode = 1;
}

function check(group, folder) {
  const file = `${root}${folder}/package.json`;
  const text = readFileSync(file, 'utf8');
  const manifest = JSON.parse(text);
  const scripts = scriptsOf(group, folder);
  const corrected = {
    ...manifest,
    scripts: { ...pick(scripts), ...without(manifest.scripts, scripts) },
  };
  for (const key of ['dependencies', 'optionalDependencies']) {
    if (manifest[key] !== undefined) corrected[key] = ranges(manifest[key]);
  }
  const development = { ...manifest.devDependencies };
  for (const tool of Object.keys(scripts).flatMap((script) => tools[script] ?? [])) development[tool] = 'catalog:';
  if (Object.keys(development).length > 0) corrected.devDependencies = ranges(development);
  const wanted = `${JSON.stringify(corrected, null, 2)}\n`;
  if (JSON.stringify(corrected) !== JSON.stringify(manifest)) {
    if (toWrite) writeFileSync(file, wanted);
    else problems.push(`${folder}/package.json: ${differences(manifest, corrected).join(', ')}`);
  }
  if (existsSync(`${root}${folder}/turbo.json`)) checkTasks(folder, corrected);
}

/**
 * Where the tests of two packages use each other, turbo would go round in circles: one of them says in a turbo.json of its own that
 * what it publishes needs only what it publishes with.
 */
function checkTasks(folder, { dependencies = {}, optionalDependencies = {} }) {
  const file = `${root}${folder}/turbo.json`;
  const names = Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => name.startsWith('@nbdjs/'));
  const dependsOn = (task) => ({ dependsOn: names.map((name) => `${name}#${task}`) });
  const is = JSON.parse(readFileSync(file, 'utf8'));
  if (is.tasks.sources === undefined) return;
  const should = { ...is, tasks: { ...is.tasks, sources: dependsOn('sources'), types: dependsOn('types') } };
  if (JSON.stringify(is) === JSON.stringify(should)) return;
  if (toWrite) writeFileSync(file, `${JSON.stringify(should, null, 2)}\n`);
  else problems.push(`${folder}/turbo.json: other dependencies than package.json`);
}

function scriptsOf(group, folder) {
  const has = (name) => existsSync(`${root}${folder}/${name}`);
  return {
    ...everywhere,
    ...(has('tsconfig.json') ? typed : {}),
    ...(has('tsconfig.pure.json') ? pure : {}),
    ...(has('vitest.config.ts') ? tested : {}),
    ...(group === 'packages' ? library : group === 'apps' ? application : {}),
  };
}

/** In the order in which they are read: from source to package. */
function pick(scripts) {
  const order = ['build', 'types', 'api', 'test', 'test:peers', 'lint', 'typecheck', 'purity', 'pack:check', 'prepack'];
  return Object.fromEntries(order.filter((name) => name in scripts).map((name) => [name, scripts[name]]));
}

/** The scripts that only this package has; those that belong to another kind of package go. */
function without(present = {}, scripts) {
  const known = { ...everywhere, ...typed, ...pure, ...tested, ...library };
  return Object.fromEntries(Object.entries(present).filter(([name]) => !(name in known) && !(name in scripts)));
}

/** Our own packages by the workspace, all others by the catalog; in order. */
function ranges(dependencies) {
  const names = Object.keys(dependencies).sort();
  return Object.fromEntries(names.map((name) => [name, name.startsWith('@nbdjs/') ? 'workspace:^' : 'catalog:']));
}

function differences(is, should) {
  return ['scripts', 'dependencies', 'optionalDependencies', 'devDependencies'].flatMap((key) => {
    const names = new Set([...Object.keys(is[key] ?? {}), ...Object.keys(should[key] ?? {})]);
    const different = [...names].filter((name) => is[key]?.[name] !== should[key]?.[name]);
    if (different.length > 0) return [`${key} ${different.join(' ')}`];
    return JSON.stringify(is[key]) === JSON.stringify(should[key]) ? [] : [`order of ${key}`];
  });
}
