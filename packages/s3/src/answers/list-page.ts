/** A page of a list. */
import { isKey, type ListedObject, type ListPage } from '@nbdjs/objects';
import { childrenOf, parseElement, textOf } from './xml.ts';

/**
 * Reads a page. Keys that the seam does not allow are left out: they are not ours.
 *
 * @param prefix what stands in front of all keys; it is taken away
 * @returns `undefined` when the body is no page.
 */
export function readListPage(body: Uint8Array, prefix: string): ListPage | undefined {
  const root = parseElement(body);
  if (root?.name !== 'ListBucketResult') return undefined;
  const decode = textOf(root, 'EncodingType') === 'url' ? decodeKey : (text: string) => text;
  const objects: ListedObject[] = [];
  for (const entry of childrenOf(root, 'Contents')) {
    const whole = decode(textOf(entry, 'Key') ?? '');
    const size = Number(textOf(entry, 'Size'));
    if (whole === undefined || !Number.isSafeInteger(size)) return undefined;
    if (!whole.startsWith(prefix)) return undefined;
    const key = whole.slice(prefix.length);
    const modifiedMs = Date.parse(textOf(entry, 'LastModified') ?? '');
    if (isKey(key)) objects.push({ key, size, ...(Number.isNaN(modifiedMs) ? {} : { modifiedMs }) });
  }
  if (textOf(root, 'IsTruncated') !== 'true') return { objects };
  const continuation = textOf(root, 'NextContinuationToken');
  return continuation === undefined || continuation === '' ? undefined : { objects, continuation };
}

function decodeKey(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return undefined;
  }
}
