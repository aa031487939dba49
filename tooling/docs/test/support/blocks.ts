/** The code blocks of a page, with what their first lines say. */

export interface Block {
  /** Of the fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** The words behind the language: `run`, `background`, `output`, `file=NAME`, `edit=NAME`. */
  readonly words: readonly string[];
  readonly text: string;
}

export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  page.split('\n').forEach((line, index) => {
    const info = /^```(.*)$/.exec(line)?.[1];
    if (open === undefined) {
      if (info !== undefined) open = { line: index + 1, info, lines: [] };
    } else if (info === undefined) {
      open.lines.push(line);
    } else {
      const [language = '', ...words] = open.info.split(' ');
      blocks.push({ line: open.line, language, words, text: open.lines.map((one) => `${one}\n`).join('') });
      open = undefined;
    }
  });
  if (open !== undefined) throw new Error(`the block of line ${open.line} has no end`);
  return blocks;
}

/** The value of `name=value` among a block's words. */
export function wordValue(block: Block, name: string): string | undefined {
  return block.words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Makes the `-` lines of a diff its `+` lines, in a text that has them once. */
export function edited(text: string, diff: string): string {
  const lines = diff.split('\n');
  const part = (sign: string): string =>
    lines
      .filter((line) => line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  const pieces = text.split(part('-'));
  if (pieces.length !== 2) throw new Error(`found ${pieces.length - 1} times, expected once:\n${part('-')}`);
  return pieces.join(part('+'));
}
