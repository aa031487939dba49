/**
 * Links between files of the repository, as links of the site: to the page that a file is, or, of files that are no pages (sources,
 * folders), to the file in the repository's browser.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { addressOf, placeOf } from './pages.ts';

/** Where the files of the repository can be seen. */
const browser = 'https://github.com/nbdjs/nbdjs';

/** What the rewriting needs to know of the repository. */
export interface Repository {
  /** Its root, with a slash at the end. */
  readonly root: string;
}

/**
 * The link that a page of the site has instead of one that its file has.
 *
 * @param file the page's file, from the root of the repository
 * @throws Error when the target is not there
 */
export function linkOf({ root }: Repository, file: string, target: string): string {
  if (/^([a-z][a-z+.-]*:|#|\/)/i.test(target)) return target;
  const [path = '', anchor] = target.split('#');
  const wanted = posix.normalize(posix.join(dirname(file), decodeURIComponent(path)));
  const behind = anchor === undefined ? '' : `#${anchor}`;
  const kind = kindOf(`${root}${wanted}`);
  const page = kind === 'blob' ? wanted : posix.join(wanted, 'README.md');
  const place = placeOf(page);
  if (place !== undefined && existsSync(`${root}${page}`)) return `/${addressOf(place)}${behind}`;
  if (page === 'README.md') return `/${behind}`;
  return `${browser}/${kind}/main/${wanted}${behind}`;
}

/** Where readers change a page, with `:path` for its file. */
export const editLink = `${browser}/edit/main/:path`;

/** What GitHub calls a file and a folder. */
function kindOf(path: string): 'blob' | 'tree' {
  if (!existsSync(path)) throw new Error(`${path}: is not there, and a page has a link to it`);
  return statSync(path).isFile() ? 'blob' : 'tree';
}
