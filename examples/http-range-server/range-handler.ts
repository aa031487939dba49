/** Answers HTTP requests for the bytes of an export (RFC 9110, section 14). */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { NbdClient } from '@nbdjs/client';
import parseRanges, { type Range, type Ranges } from 'range-parser';

export interface RangeHandlerOptions {
  /** The media type of the whole. @default 'application/octet-stream' */
  readonly contentType?: string | undefined;
  /**
   * Names the present content: it has to be another one as soon as a byte has changed, because clients put parts together that have the
   * same tag. With quotes. @default one for this handler: right for an export that nobody writes to
   */
  readonly etag?: (() => string) | undefined;
  /** Ranges in one answer, those that touch each other counted as one; more are refused with 416. @default 16 */
  readonly rangesMax?: number | undefined;
}

export type RangeHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Makes a listener for the event `request` of an HTTP server. It never rejects. */
export function createRangeHandler(disk: NbdClient, options: RangeHandlerOptions = {}): RangeHandler {
  const { contentType = 'application/octet-stream', rangesMax = 16 } = options;
  const ownTag = `"${randomBytes(8).toString('hex')}"`;
  return async (request, response) => {
    const size = Number(disk.geometry.size);
    const etag = options.etag?.() ?? ownTag;
    const answer = answerTo(request, { size, etag, contentType, rangesMax });
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the HTTP client has gone away')));
    try {
      await send(response, bytesOf(disk, request.method === 'HEAD' ? [] : answer.body, gone.signal), answer);
    } catch (error) {
      // The client has gone away, or the device has failed. Cutting the connection says that the body is not complete.
      if (response.headersSent || response.destroyed) response.destroy(error as Error);
      else response.writeHead(502, { 'content-type': 'text/plain' }).end(`${(error as Error).message}\n`);
    }
  };
}

/** A piece of the body: text of ours, or bytes of the export. */
type Piece = string | Range;

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: readonly Piece[];
}

interface Content {
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
  readonly rangesMax: number;
}

function answerTo({ method, headers }: IncomingMessage, content: Content): Answer {
  const { size, etag, contentType, rangesMax } = content;
  const common = { 'accept-ranges': 'bytes', etag };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' }, body: [] };
  if (headers['if-match'] !== undefined && !names(headers['if-match'], etag)) {
    return { status: 412, headers: common, body: [] };
  }
  if (headers['if-none-match'] !== undefined && names(headers['if-none-match'], etag)) {
    return { status: 304, headers: common, body: [] };
  }
  // A client that has parts of another content gets all of it. Ranges of HEAD are not defined.
  const isSame = headers['if-range'] === undefined || headers['if-range'] === etag;
  const ranges = method === 'GET' && isSame && headers.range ? rangesOf(headers.range, size) : -2;
  if (ranges === -2 || (ranges !== -1 && ranges.type !== 'bytes')) {
    const whole = { ...common, 'content-type': contentType, 'content-length': size };
    return { status: 200, headers: whole, body: size === 0 ? [] : [{ start: 0, end: size - 1 }] };
  }
  if (ranges === -1 || ranges.length > rangesMax) {
    return { status: 416, headers: { ...common, 'content-range': `bytes */${size}` }, body: [] };
  }
  const [first] = ranges;
  if (ranges.length === 1 && first !== undefined) {
    const part = {
      'content-type': contentType,
      'content-range': rangeText(first, size),
      'content-length': lengthOf(first),
    };
    return { status: 206, headers: { ...common, ...part }, body: [first] };
  }
  return severalParts(ranges, { ...content, common });
}

function severalParts(ranges: readonly Range[], { size, contentType, common }: Content & { common: object }): Answer {
  const boundary = randomBytes(16).toString('hex');
  const body: Piece[] = ranges.flatMap((range) => [
    `\r\n--${boundary}\r\ncontent-type: ${contentType}\r\ncontent-range: ${rangeText(range, size)}\r\n\r\n`,
    range,
  ]);
  body.push(`\r\n--${boundary}--\r\n`);
  const headers = {
    ...common,
    'content-type': `multipart/byteranges; boundary=${boundary}`,
    'content-length': body.reduce((sum, piece) => sum + lengthOf(piece), 0),
  };
  return { status: 206, headers, body };
}

async function send(response: ServerResponse, bytes: AsyncGenerator<Uint8Array>, answer: Answer): Promise<void> {
  // The first bytes come before the status, so that a device which fails at once is no success.
  const first = await bytes.next();
  response.writeHead(answer.status, answer.headers);
  if (first.done === true) {
    response.end();
    return;
  }
  await pipeline(async function* () {
    yield first.value;
    yield* bytes;
  }, response);
}

/** Reads a few requests ahead of the client, however slow it is. */
async function* bytesOf(disk: NbdClient, body: readonly Piece[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const piece of body) {
    if (typeof piece === 'string') yield Buffer.from(piece, 'latin1');
    else yield* disk.createReadStream({ offset: piece.start, length: lengthOf(piece), requests: 4, signal });
  }
}

/** Returns -1 for ranges that are all outside, and -2 for what is no list of ranges. */
function rangesOf(header: string, size: number): Ranges | -1 | -2 {
  // More than there is from the end is everything; the parser takes it for an error.
  const clipped = header.replace(
    /([=,]\s*)-(\d+)/g,
    (_, before, count) => `${before}-${Math.min(Number(count), size)}`,
  );
  return parseRanges(size, clipped, { combine: true });
}

/** Whether a list of tags names this one. `W/` makes no difference: our tags are strong. */
function names(list: string, etag: string): boolean {
  return list.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

function rangeText({ start, end }: Range, size: number): string {
  return `bytes ${start}-${end}/${size}`;
}

function lengthOf(piece: Piece): number {
  return typeof piece === 'string' ? piece.length : piece.end - piece.start + 1;
}
