/** Draws the diagrams of the pages when the site is built: a page then needs no script for them, and nothing from other servers. */
import { renderMermaidSVG } from 'beautiful-mermaid';

/** The drawing's own colours and font, for which it asks a foreign server. Ours are in `.vitepress/theme/style.css`. */
const ownStyle = /\s*<style>[\s\S]*?<\/style>/;
const ownColours = / style="[^"]*"/;

/** A diagram in Mermaid's language as a figure that can be scrolled where it is wider than the page. */
export function figureOf(source: string): string {
  const svg = renderMermaidSVG(source, { transparent: true }).replace(ownColours, '').replace(ownStyle, '');
  return `<figure class="diagram" v-pre tabindex="0">${svg}</figure>\n`;
}
