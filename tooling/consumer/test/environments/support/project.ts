/** A user's empty folder, and npm in it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { run } from './run.ts';
import { type NodeVersion, nodePath, npmPath } from './runtimes.ts';

/** What every call of npm is told: the machine's cache is good enough, and no news are wanted. */
const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

export class Project {
  readonly folder: string;
  readonly #node: NodeVersion;
  readonly #registry: string;

  /** Its name is that of its folder, which npm gives to the package. */
  constructor(name: string, node: NodeVersion) {
    const { folder, registry } = inject('environments');
    mkdirSync(join(folder, 'projects'), { recursive: true });
    this.folder = join(mkdtempSync(join(folder, 'projects', `${node.version}-`)), name);
    this.#node = node;
    mkdirSync(this.folder);
    this.#registry = registry;
  }

  /** Writes a file of the project. */
  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs npm of this Node's age by this Node. Rejects when it fails. */
  async npm(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
    const npm = [npmPath(this.#node.npm), ...args, ...quiet];
    const { stdout } = await this.#run(npm, { ...env, 'npm_config_@nbdjs:registry': this.#registry });
    return stdout;
  }

  /** Runs this Node. Rejects when it fails, or has anything to warn of that is not about Node itself. */
  async node(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
    const { stdout, stderr } = await this.#run(args, env);
    // Node 22.12 has a word on each use of `require` for a module.
    const warnings = stderr.replaceAll(
      /^\(node:\d+\) ExperimentalWarning: (?:CommonJS|Support)[\s\S]*?created\)\n/gm,
      '',
    );
    if (warnings !== '') throw new Error(`node ${args.join(' ')} warned: ${warnings}`);
    return stdout;
  }

  #run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return run(['node', ...args], { cwd: this.folder, env, node: nodePath(this.#node.version) });
  }
}
