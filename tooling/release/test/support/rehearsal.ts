/** A release in a copy of the repository's manifests: no source, no network, nothing published. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const changesets = createRequire(join(root, 'package.json')).resolve('@changesets/cli/bin.js');

/** How much a change asks for. */
export type Bump = 'patch' | 'minor' | 'major';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A copy of all manifests, with no changeset in it. */
export class Rehearsal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nbdjs-release-'));

  constructor() {
    for (const file of ['package.json', 'pnpm-workspace.yaml', '.changeset/config.json']) this.#copy(file);
    for (const group of ['packages', 'apps', 'tooling', 'examples']) {
      for (const name of readdirSync(join(root, group))) {
        if (existsSync(join(root, group, name, 'package.json'))) this.#copy(join(group, name, 'package.json'));
      }
    }
    this.#git('init', '--quiet');
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

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
