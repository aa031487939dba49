/** The kernel's modules: which others each one needs, in the order in which they have to be loaded. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Returns the paths of the modules and of all that they need. Modules that are built into the kernel are no files, and are left out. */
export function modulesInOrder(folder, names) {
  const paths = new Map(
    readdirSync(folder, { recursive: true })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [nameOf(path), join(folder, path)]),
  );
  const ordered = new Set();
  const visit = (name) => {
    const path = paths.get(name);
    if (path === undefined || ordered.has(path)) return;
    for (const needed of neededBy(path)) visit(needed);
    ordered.add(path);
  };
  for (const name of names) visit(name);
  return [...ordered];
}

function nameOf(path) {
  return basename(path, '.ko').replaceAll('-', '_');
}

/** A module says in its own file what it needs. */
function neededBy(path) {
  const [, list = ''] = /\0depends=([^\0]*)\0/.exec(readFileSync(path, 'latin1')) ?? [];
  return list === '' ? [] : list.split(',').map((name) => name.replaceAll('-', '_'));
}
