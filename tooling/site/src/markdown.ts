/** What the pages need of Markdown besides what VitePress does: links of the repository, diagrams, tables that can be scrolled. */
import type { MarkdownRenderer } from 'vitepress';
import { figureOf } from './diagrams.ts';
import { linkOf } from './links.ts';

/** The anchor of a heading, as GitHub makes it, because the pages are read there as well. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** Adds it to the renderer of the site. */
export function extendMarkdown(md: MarkdownRenderer, root: string): void {
  md.core.ruler.push('links_of_repository', (state) => {
    const file = String(state.env.realPath ?? state.env.path).slice(root.length);
    for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue;
      const target = token.attrGet('href');
      if (target !== null) token.attrSet('href', linkOf({ root }, file, target));
    }
  });

  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index];
    if (token?.info === 'mermaid') return figureOf(token.content);
    // What stands behind the language is for the tests of the pages (`sh run`).
    if (token !== undefined) token.info = token.info.replace(/ .*$/, '');
    return fence?.(tokens, index, options, env, self) ?? '';
  };

  md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
}
