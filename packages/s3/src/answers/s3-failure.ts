/** What an answer says that is no success. */
import type { S3Answer } from '../requests/request.ts';
import { type ErrorKind, errorKind } from './error-kinds.ts';
import { parseElement, textOf } from './xml.ts';

/** An error of the store, read. */
export interface S3Failure {
  readonly status: number;
  /** Such as `NoSuchKey`; `undefined` where the body has none, as with HEAD. */
  readonly s3Code: string | undefined;
  readonly kind: ErrorKind;
  /** Status, code, message and request id, in one line. */
  readonly words: string;
  /** The region that the store names. */
  readonly region: string | undefined;
  /** The host that the store names. */
  readonly endpoint: string | undefined;
  /** The time of day at the store, in milliseconds since 1970. */
  readonly storeMs: number | undefined;
  /** The store's own wish. */
  readonly retryAfterMs: number | undefined;
}

const wordsMax = 300;
/** A longer wish would stop all work for a mistake of the store. */
const retryAfterMsMax = 60_000;

/** Reads an error. Only its code, message and ids are kept: others of its fields repeat what was signed. */
export function readFailure({ status, headers, body }: S3Answer): S3Failure {
  const root = parseElement(body);
  const error = root?.name === 'Error' ? root : undefined;
  const s3Code = textOf(error, 'Code');
  const id = textOf(error, 'RequestId') ?? headers['x-amz-request-id'];
  const message = textOf(error, 'Message');
  const words = [
    String(status),
    s3Code,
    message === undefined || message === '' ? undefined : `'${message}'`,
    id === undefined || id === '' ? undefined : `(request ${id})`,
  ];
  return {
    status,
    s3Code,
    kind: errorKind(status, s3Code),
    words: inOneLine(words.filter((word) => word !== undefined).join(' ')),
    region: textOf(error, 'Region') ?? headers['x-amz-bucket-region'],
    endpoint: textOf(error, 'Endpoint') ?? hostOf(headers.location),
    storeMs: timeOf(headers.date),
    retryAfterMs: waitOf(headers['retry-after']),
  };
}

/** Takes control characters out of a text from elsewhere, and cuts it. */
function inOneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, wordsMax);
}

function hostOf(location: string | undefined): string | undefined {
  return location !== undefined && URL.canParse(location) ? new URL(location).host : undefined;
}

function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function waitOf(seconds: string | undefined): number | undefined {
  if (seconds === undefined || !/^\d{1,9}$/.test(seconds)) return undefined;
  return Math.min(Number(seconds) * 1000, retryAfterMsMax);
}
