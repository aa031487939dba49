/** A read-only device over a file on a web server, read by HTTP ranges (RFC 9110, section 14). */
import { type BlockDevice, CommandError, defineDevice } from '@nbdjs/storage';

export interface HttpDeviceOptions {
  /** Sent with each request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long a request may take, in milliseconds. @default 30000 */
  readonly timeoutMs?: number | undefined;
  /** Ends the attempt to open the device. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the server for the first byte, and so learns the size and whether it knows ranges.
 *
 * When the file is replaced, reads fail with EIO from then on: parts of two files are never mixed. That is noticed by the file's `ETag` or
 * its date; a server that gives neither is refused.
 *
 * @throws Error when the server cannot be reached, refuses, does not know ranges, or does not identify the file.
 */
export async function openHttpDevice(url: string | URL, options: HttpDeviceOptions = {}): Promise<BlockDevice> {
  const file = new HttpFile(new URL(url), options);
  const size = await file.open(options.signal);
  return defineDevice({
    size,
    read: (offset, target, { signal }) => file.read(offset, target, signal),
    close: () => file.close(),
    // Each request is a round trip.
    preferredBlockSize: 64 * 1024,
    maximumBlockSize: 32 * 2 ** 20,
  });
}

class HttpFile {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();
  #size = 0;
  /** What tells one content of the file from another: a strong tag, or its date. */
  #validator = '';

  constructor(url: URL, { headers = {}, timeoutMs = 30_000 }: HttpDeviceOptions) {
    this.#url = url;
    // Ranges are of the bytes that are sent, so nothing may compress them on the way.
    this.#headers = { ...headers, 'accept-encoding': 'identity' };
    this.#timeoutMs = timeoutMs;
  }

  async open(signal: AbortSignal | undefined): Promise<number> {
    const response = await this.#request({ range: 'bytes=0-0' }, signal);
    await response.body?.cancel();
    if (response.status === 200) throw this.#error('the server does not know ranges (it answers 200 instead of 206)');
    // A file of no bytes has no first one.
    const { total } = response.status === 416 ? { total: totalOf(response, /^bytes \*\/(\d+)$/) } : partOf(response);
    if (total === undefined || (response.status !== 206 && total !== 0)) throw this.#error(`status ${response.status}`);
    const validator = validatorOf(response);
    if (validator === undefined) throw this.#error('the server sends neither a strong ETag nor Last-Modified');
    this.#validator = validator;
    this.#size = total;
    return total;
  }

  async read(offset: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const last = offset + target.length - 1;
    const headers = { range: `bytes=${offset}-${last}`, 'if-range': this.#validator };
    const response = await this.#request(headers, signal);
    try {
      this.#check(response, offset, last);
      await fill(target, response);
    } catch (error) {
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }

  close(): void {
    this.#closing.abort(new Error('the device was closed'));
  }

  #check(response: Response, offset: number, last: number): void {
    const { start, end, total } = partOf(response);
    const isSame = validatorOf(response) === this.#validator && total === this.#size;
    if (response.status === 200 || response.status === 412 || (response.status === 206 && !isSame)) {
      throw this.#error('the file has changed since it was opened');
    }
    if (response.status !== 206) throw this.#error(`status ${response.status}`);
    if (start !== offset || end !== last) {
      throw this.#error(`asked for bytes ${offset}-${last}, got ${response.headers.get('content-range')}`);
    }
  }

  #request(headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Response> {
    const signals = [
      this.#closing.signal,
      AbortSignal.timeout(this.#timeoutMs),
      ...(signal === undefined ? [] : [signal]),
    ];
    return fetch(this.#url, { headers: { ...this.#headers, ...headers }, signal: AbortSignal.any(signals) });
  }

  #error(message: string): CommandError {
    // Without the query, which may be a secret.
    return new CommandError('EIO', `${this.#url.origin}${this.#url.pathname}: ${message}`);
  }
}

/** A weak tag says only that two contents mean the same. */
function validatorOf({ headers }: Response): string | undefined {
  const etag = headers.get('etag');
  return etag?.startsWith('"') === true ? etag : (headers.get('last-modified') ?? undefined);
}

function partOf({ headers }: Response): { readonly start?: number; readonly end?: number; readonly total?: number } {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '');
  return match === null ? {} : { start: Number(match[1]), end: Number(match[2]), total: Number(match[3]) };
}

function totalOf({ headers }: Response, pattern: RegExp): number | undefined {
  const total = pattern.exec(headers.get('content-range') ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

async function fill(target: Uint8Array, response: Response): Promise<void> {
  let position = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    if (position + chunk.length > target.length) throw new CommandError('EIO', 'the server sent more than it said');
    target.set(chunk, position);
    position += chunk.length;
  }
  if (position < target.length) throw new CommandError('EIO', `the server sent ${position} of ${target.length} bytes`);
}
