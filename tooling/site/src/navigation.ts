/** The menus of the site. */
import { readdirSync, readFileSync } from 'node:fs';
import { addressOf, placeOf } from './pages.ts';

/** An entry of a menu, as VitePress takes it. */
interface Entry {
  text: string;
  link?: string;
  collapsed?: boolean;
  items?: Entry[];
}

/** The packages that most programs begin with, in this order; the others follow by name. */
const first = ['client', 'server', 'storage', 'copy', 'conformance', 'cli'];

/** The menu at the top. */
export const topMenu: Entry[] = [
  { text: 'Start', link: '/start' },
  { text: 'Guides', link: '/guides/' },
  { text: 'Packages', link: '/packages/client' },
  { text: 'Reference', link: '/reference/' },
  { text: 'Compare', link: '/compare' },
];

/** The menus beside the pages, by the beginning of their addresses; that of the reference is short, for it has hundreds of pages. */
export function sideMenus(root: string): Record<string, Entry[]> {
  const names = packagesOf(root);
  return {
    '/': menuOfPages(root, names),
    '/reference/': [{ text: 'Reference', link: '/reference/', items: referenceMenu(names) }],
  };
}

function packagesOf(root: string): readonly string[] {
  return [...first, ...readdirSync(`${root}packages`).filter((name) => !first.includes(name))];
}

function menuOfPages(root: string, names: readonly string[]): Entry[] {
  const titled = (file: string, text = titleOf(root, file)): Entry => ({
    text,
    link: `/${addressOf(placeOf(file) ?? '')}`,
  });
  return [
    {
      text: 'Begin',
      items: [
        titled('docs/start.md'),
        titled('docs/tour.md'),
        titled('docs/compare.md'),
        titled('docs/environments.md'),
        titled('docs/performance.md'),
      ],
    },
    { text: 'Guides', items: [titled('docs/guides/README.md'), ...guidesOf(root).map((file) => titled(file))] },
    {
      text: 'Packages',
      items: names.map((name) => titled(name === 'cli' ? 'apps/cli/README.md' : `packages/${name}/README.md`, name)),
    },
    {
      text: 'Tables',
      items: [
        'commands/README',
        'options-of-others',
        'json',
        'options',
        'limits',
        'errors',
        'events',
        'conformance',
        'glossary',
      ].map((name) => titled(`docs/${name}.md`)),
    },
    { text: 'Reference', items: [{ text: 'All that is exported', link: '/reference/' }] },
    {
      text: 'Examples',
      collapsed: true,
      items: readdirSync(`${root}examples`).map((name) => titled(`examples/${name}/README.md`)),
    },
    {
      text: 'How it is built',
      items: [
        titled('docs/architecture.md'),
        titled('docs/walks.md'),
        titled('docs/fleet.md'),
        {
          ...titled('docs/decisions/README.md'),
          collapsed: true,
          items: readdirSync(`${root}docs/decisions`)
            .filter((name) => /^\d+-.*\.md$/.test(name))
            .map((name) => titled(`docs/decisions/${name}`)),
        },
        titled('SECURITY.md'),
        titled('CONTRIBUTING.md'),
      ],
    },
  ];
}

/** The guides, in the order in which their own page lists them. */
function guidesOf(root: string): readonly string[] {
  const page = readFileSync(`${root}docs/guides/README.md`, 'utf8');
  return [...page.matchAll(/^\| \[[^\]]+\]\(([\w-]+\.md)\)/gm)].map(([, name]) => `docs/guides/${name}`);
}

function referenceMenu(names: readonly string[]): Entry[] {
  return names.filter((name) => name !== 'cli').map((name) => ({ text: name, link: `/reference/${name}/` }));
}

/** A page's heading, without its marks. */
function titleOf(root: string, file: string): string {
  const heading = /^# (.*)$/m.exec(readFileSync(`${root}${file}`, 'utf8'))?.[1];
  if (heading === undefined) throw new Error(`${file}: has no heading`);
  return heading.replaceAll('`', '').replace(/^@nbdjs\//, '');
}
