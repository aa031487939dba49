import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { editLink } from '../src/links.ts';
import { anchorOf, extendMarkdown } from '../src/markdown.ts';
import { sideMenus, topMenu } from '../src/navigation.ts';
import { placeOf, siteBase } from '../src/pages.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A disk, drawn here so that no file has to be served for it. */
const icon =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22 fill=%22none%22 stroke=%22%233451b2%22 stroke-width=%221.5%22%3E%3Cellipse cx=%228%22 cy=%224%22 rx=%226%22 ry=%222.5%22/%3E%3Cpath d=%22M2 4v8c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5V4M2 8c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5%22/%3E%3C/svg%3E';

/** Pages with wide tables and drawings. */
const widePages = new Set([
  'architecture.md',
  'compare.md',
  'conformance.md',

  'options-of-others.md',
  'performance.md',
  'walks.md',
]);

/** The pages lie outside of this workspace, where there is no Vue; what is drawn on the server takes it from here at run time. */
const vueOfThisWorkspace = {
  name: 'vue-of-this-workspace',
  enforce: 'pre' as const,
  resolveId(id: string, _importer: string | undefined, { ssr = false }: { ssr?: boolean }) {
    return ssr && /^vue(\/|$)/.test(id) ? { id, external: true } : undefined;
  },
};

export default defineConfig({
  title: 'nbdjs',
  description:
    'NBD (Network Block Device) for TypeScript: client, server, command line, and the packages they are made of',
  lang: 'en',
  // Where the site lies on its host: GitHub serves that of a repository below its name.
  base: siteBase,
  srcDir: root,
  outDir: 'dist',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: icon }]],
  cleanUrls: true,
  rewrites: (file: string) => placeOf(file) ?? file,
  srcExclude: [
    '**/{dist,coverage,node_modules,.turbo,.reports,.tools}/**',
    '{.changeset,.github,packages/*/{src,test}}/**',
    'tooling/!(site)/**',
    'tooling/site/*.md',
    '{.,packages/*,apps/*}/{CHANGELOG,CHECKLIST}.md',
    'README.md',
  ],
  markdown: {
    config: (md) => extendMarkdown(md, root),
    anchor: { slugify: anchorOf },
    headers: { slugify: anchorOf },
    toc: { slugify: anchorOf },
    languageAlias: { console: 'shellsession' },
  },
  vite: {
    publicDir: false,
    plugins: [vueOfThisWorkspace],
    build: { chunkSizeWarningLimit: 4096 },
  },
  transformPageData: ({ filePath, relativePath, frontmatter }) => {
    // What is made from sources is edited there.
    if (filePath.startsWith('tooling/site/reference/')) {
      Object.assign(frontmatter, { editLink: false, prev: false, next: false });
    }
    // The width is worth more to these than the outline.
    if (widePages.has(relativePath)) frontmatter.aside = false;
  },
  themeConfig: {
    nav: topMenu,
    sidebar: sideMenus(root),
    outline: [2, 3],
    search: {
      provider: 'local',
      // What is written for readers comes before the reference.
      options: {
        miniSearch: { searchOptions: { boostDocument: (id: string) => (id.includes('/reference/') ? 0.4 : 1) } },
      },
    },
    socialLinks: [{ icon: 'github', link: 'https://github.com/nbdjs/nbdjs' }],
    editLink: { text: 'Edit this page', pattern: editLink },
  },
});
