/** Draws the diagrams of the pages when the site is built: a page then needs no script for them, and nothing from other servers. */
import { renderMermaidSVG } from 'beautiful-mermaid';

/** The drawing's own colours and font, for which it asks a foreign server. Ours are in `.vitepress/theme/style.css`. */
const ownStyle = /\s*<style>[\s\S]*?<\/style>/;
const ownColours = / style="[^"]*"/;
/** An arrow that only puts one box below another. The library draws none of these, and takes no notice of them. */
const unseenArrow = /^\s*(\w+) ~~~ (\w+)$/gm;

/** The class that the style sheet of the site gives a form to: `class kit,node common`. */
const classOfBoxes = /^\s*class ([\w,]+) (\w+)$/gm;

/** A diagram in Mermaid's language as a figure, which can be scrolled where it is wider than the page. */
export function figureOf(source: string): string {
  const unseen = [...source.matchAll(unseenArrow)].filter(
    ([, from, to]) => !new RegExp(`^\\s*${from} -->.* ${to}$`, 'm').test(source),
  );
  const drawn = source.replaceAll(unseenArrow, '');
  const arrows = unseen.map(([, from, to]) => `  ${from} --> ${to}\n`).join('');
  let svg = renderMermaidSVG(drawn + arrows, { transparent: true })
    .replace(ownColours, '')
    .replace(ownStyle, '');
  for (const [, from, to] of unseen) {
    svg = svg.replace(new RegExp(`<polyline class="edge" data-from="${from}" data-to="${to}"[^>]*/>\\s*`), '');
  }
  for (const [, boxes = '', name] of source.matchAll(classOfBoxes)) {
    for (const box of boxes.split(','))
      svg = svg.replace(`<g class="node" data-id="${box}"`, `<g class="node ${name}" data-id="${box}"`);
  }
  return `<figure class="diagram" v-pre tabindex="0">${svg}</figure>\n`;
}
