/** The XML of answers, by a library that neither loads nor expands anything. */
import { parseXml, XmlElement } from '@rgrove/parse-xml';

/** Returns the outermost element, or `undefined` when the text is none. */
export function parseElement(bytes: Uint8Array): XmlElement | undefined {
  try {
    return parseXml(new TextDecoder().decode(bytes)).root ?? undefined;
  } catch {
    return undefined;
  }
}

/** The children with a name. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child): child is XmlElement => child instanceof XmlElement && child.name === name);
}

/** The text of the first child with a name; `undefined` where there is none. */
export function textOf(element: XmlElement | undefined, name: string): string | undefined {
  if (element === undefined) return undefined;
  return childrenOf(element, name)[0]?.text;
}
