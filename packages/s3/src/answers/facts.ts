/** What the headers of an answer say about the object. */
import type { S3Answer } from '../requests/request.ts';

/** An object, and where the body of the answer lies in it. */
export interface AnswerFacts {
  readonly etag: string;
  /** Of the whole object, in bytes. */
  readonly size: number;
  /** The first byte of the body. */
  readonly start: number;
}

/** Reads the facts. A text says what is wrong with them. */
export function factsOf({ status, headers, body }: S3Answer): AnswerFacts | string {
  const { 'content-range': range, 'content-length': length } = headers;
  if (headers.etag === undefined) return 'the answer has no ETag';
  const etag = normalEtag(headers.etag);
  if (status !== 206) return { etag, size: length === undefined ? body.length : Number(length), start: 0 };
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(range ?? '');
  if (match === null) return `the Content-Range of the answer is '${range ?? ''}', expected first, last and size`;
  return { etag, size: Number(match[2]), start: Number(match[1]) };
}

/** With quotes: some stores leave them out in some answers, and callers compare texts. */
export function normalEtag(etag: string): string {
  return etag.startsWith('"') || etag.startsWith('W/') ? etag : `"${etag}"`;
}
