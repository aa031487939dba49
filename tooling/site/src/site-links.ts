/** Follows the links of the site as it was built: to its own pages, to their headings, and to its files. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

/** What a page of the site has: where it links to, and what can be linked to in it. */
interface BuiltPage {
  readonly links: readonly string[];
  readonly ids: ReadonlySet<string>;
}

/**
 * The links that lead nowhere, a line for each. Links to other sites are not followed.
 *
 * @param folder the site's folder
 * @param base where the site lies on its host, with a slash at both ends
 */
export function deadLinks(folder: string, base: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  const pages = new Map(files.map((name) => [name, builtPage(readFileSync(join(folder, name), 'utf8'))]));
  if (pages.size === 0) return [`${folder}: has no pages`];
  return [...pages].flatMap(([name, { links }]) =>
    links.flatMap((link) => {
      const problem = problemOf(link, name, { folder, base, pages });
      return problem === undefined ? [] : [`${name}: ${link}: ${problem}`];
    }),
  );
}

interface Site {
  readonly folder: string;
  readonly base: string;
  readonly pages: ReadonlyMap<string, BuiltPage>;
}

function problemOf(link: string, from: string, { folder, base, pages }: Site): string | undefined {
  const [address = '', anchor] = link.split('#');
  if (address.startsWith('/') && !address.startsWith(base)) return `is outside of ${base}`;
  const path = address.startsWith('/') ? address.slice(base.length) : posix.join(posix.dirname(from), address);
  const wanted = address === '' ? from : decodeURIComponent(path);
  const name = [wanted, `${wanted}.html`, posix.join(wanted, 'index.html')].find((one) => pages.has(one));
  if (name === undefined) {
    const file = join(folder, wanted);
    return existsSync(file) && statSync(file).isFile() ? undefined : 'is not there';
  }
  if (anchor === undefined || anchor === '') return undefined;
  return pages.get(name)?.ids.has(decodeURIComponent(anchor)) === true ? undefined : 'has no such heading';
}

function builtPage(html: string): BuiltPage {
  const links = [...html.matchAll(/\s(?:href|src)="([^"]+)"/g)].map(([, link = '']) => link.replaceAll('&amp;', '&'));
  return {
    links: [...new Set(links)].filter((link) => !/^([a-z][a-z+.-]*:|\/\/)/i.test(link)),
    ids: new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id = '']) => id.replaceAll('&amp;', '&'))),
  };
}
