/** Where the ids of rules and cases stand. */
import ts from 'typescript';
import type { TextFile } from './repository.ts';

/**
 * An id is a family's letter and a number, and stands by itself: what is part of a word, of a percent-encoded name (`%C3`), of an
 * option (`-C1`) or of a path is none. Of a range (`S29-S34`) both ends count, and a letter or decimal behind the number
 * (`F32c`, `D8.2`) names a part of a case. A rule of the examiner (`S3/unknown-option`) is about other servers, and holds nothing of ours.
 */
const idPattern = /(?<![\w%\\/.]|(?<!\d)-)([ABCDFGPQRSU][1-9]\d?)[a-c]?(?![\w%]|\/[a-z])/g;

/** The ids in a text, each once, in the order in which they come. */
export function idsIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(idPattern)].map(([, id]) => id as string))];
}

/** The ids that stand alone in a string, as those do that errors are given. */
export function idsOfErrors({ path, text }: TextFile): readonly string[] {
  return stringsOf(path, text)
    .map(({ value }) => value)
    .filter(isId);
}

/**
 * The ids in titles of tests. A title is a string with more words than the id, or the id alone in a list, which a title is made of
 * (`it.each`). An id alone as a property's value (`rule: 'S6'`) is something that a test expects.
 */
export function idsOfTitles({ path, text }: TextFile): readonly string[] {
  const titles = stringsOf(path, text).filter(({ value, isInList }) => isInList || !isId(value));
  return [...new Set(titles.flatMap(({ value }) => idsIn(value)))];
}

function isId(value: string): boolean {
  return idsIn(value)[0] === value;
}

interface StringInCode {
  readonly value: string;
  readonly isInList: boolean;
}

/** All strings of a source, those in templates among them, without comments. */
function stringsOf(path: string, text: string): readonly StringInCode[] {
  const found: StringInCode[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      found.push({ value: node.text, isInList: ts.isArrayLiteralExpression(node.parent) });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}
