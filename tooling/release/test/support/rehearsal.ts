/** A release in a copy of the repository's manifests: no source, no network, nothing published. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const changesets = createRequire(join(root, 'package.json')).resolve('@changesets/cli/bin.js');

/** The house's own pnpm, on machines that have none. */
const environment = {
  ...process.env,
  PATH: `${join(root, '.tools/node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}`,
};

/** How much a change asks for. */
export type Bump = 'patch' | 'minor' | 'major';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A tarball as it would be published. */
export interface Tarball {
  /** The name of its file. */
  readonly file: string;
  readonly manifest: Manifest;
  /** The files in it. */
  readonly files: readonly string[];
}

/** A copy of all manifests, with no changeset in it. */
export class Rehearsal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nbdjs-release-'));

  constructor() {
    for (const file of ['package.json', 'pnpm-workspace.yaml', '.changeset/config.json', '.changeset/changelog.cjs'])
      this.#copy(file);
    for (const script of ['changesets.mjs', 'pnpm.mjs']) this.#copy(join('tooling/scripts', script));
    writeFileSync(join(this.#folder, '.gitignore'), 'node_modules\n');
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
    for (const group of ['packages', 'apps', 'tooling', 'examples']) {
      for (const name of readdirSync(join(root, group))) {
        if (existsSync(join(root, group, name, 'package.json'))) this.#copy(join(group, name, 'package.json'));
      }
    }
    this.#git('init', '--quiet', '--initial-branch', 'main');
    this.#git('add', '.');
    this.#commit('begin');
  }

  #copy(file: string): void {
    const target = join(this.#folder, file);
    mkdirSync(join(target, '..'), { recursive: true });
    cpSync(join(root, file), target);
  }

  #git(...args: readonly string[]): void {
    execFileSync('git', args, { cwd: this.#folder, stdio: 'ignore' });
  }

  #commit(message: string): void {
    this.#git('add', '.');
    this.#git(
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@localhost',
      'commit',
      '--quiet',
      '--allow-empty',
      '--message',
      message,
    );
  }

  /** Goes on in a branch, as a change does that is proposed. */
  propose(): void {
    this.#git('checkout', '--quiet', '-b', 'proposed');
  }

  /** Changes a file. */
  edit(file: string, text: string): void {
    mkdirSync(join(this.#folder, file, '..'), { recursive: true });
    writeFileSync(join(this.#folder, file), text);
    this.#commit(`edit ${file}`);
  }

  /** Returns what the check of changesets complains about; an empty text when all is well. */
  check(): string {
    const script = join(this.#folder, 'tooling/scripts/changesets.mjs');
    return spawnSync(process.execPath, [script], { cwd: this.#folder, encoding: 'utf8' }).stdout.trim();
  }

  /** Adds a changeset. */
  change(text: string, bumps: Readonly<Record<string, Bump>>): void {
    const head = Object.entries(bumps).map(([name, bump]) => `"${name}": ${bump}\n`);
    const file = join(this.#folder, '.changeset', `${text.replaceAll(/\W+/g, '-').toLowerCase()}.md`);
    writeFileSync(file, `---\n${head.join('')}---\n\n${text}\n`);
    this.#commit(text);
  }

  /** Consumes the changesets. Returns the packages that have got a new version, and that version. */
  release(): Record<string, string> {
    const before = this.#versions();
    execFileSync(process.execPath, [changesets, 'version'], { cwd: this.#folder, stdio: 'pipe' });
    this.#commit('release');
    return Object.fromEntries([...this.#versions()].filter(([name, version]) => before.get(name) !== version));
  }

  #versions(): ReadonlyMap<string, string> {
    return new Map(this.manifests().map(({ name, version }) => [name, version]));
  }

  /** Of all packages that are published. */
  manifests(): readonly Manifest[] {
    return ['packages', 'apps'].flatMap((group) =>
      readdirSync(join(this.#folder, group)).map(
        (name) => JSON.parse(readFileSync(join(this.#folder, group, name, 'package.json'), 'utf8')) as Manifest,
      ),
    );
  }

  /** The changelog of a package, in its folder. */
  changelog(path: string): string {
    return readFileSync(join(this.#folder, path, 'CHANGELOG.md'), 'utf8');
  }

  /** Packs a package, in its folder, as publishing would; what it is built of is not there. */
  pack(path: string): Tarball {
    const folder = join(this.#folder, path);
    this.#link(folder);
    const to = mkdtempSync(join(this.#folder, 'packed-'));
    execFileSync('pnpm', ['--config.ignore-scripts=true', 'pack', '--pack-destination', to], {
      cwd: folder,
      env: environment,
      stdio: 'pipe',
    });
    const [file = ''] = readdirSync(to);
    const tar = (...args: readonly string[]): string =>
      execFileSync('tar', [...args], { cwd: to, encoding: 'utf8', stdio: 'pipe' });
    return {
      file,
      manifest: JSON.parse(tar('-xzOf', file, 'package/package.json')),
      files: tar('-tzf', file).trim().split('\n').sort(),
    };
  }

  /** pnpm asks the packages that a package depends on for their versions. */
  #link(folder: string): void {
    const scope = join(folder, 'node_modules/@nbdjs');
    mkdirSync(scope, { recursive: true });
    for (const name of readdirSync(join(this.#folder, 'packages'))) {
      symlinkSync(join(this.#folder, 'packages', name), join(scope, name));
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
