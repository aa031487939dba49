/** A web server with one file, which behaves as it is told to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class WebServer {
  content: Buffer;
  etag: string | undefined = '"1"';
  lastModified: string | undefined;
  /** Answers in place of the server for as long as it is there. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  readonly ranges: string[] = [];
  readonly #server = createServer((request, response) => (this.instead ?? this.#answer)(request, response));

  constructor(content: Buffer) {
    this.content = content;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/image.iso?token=secret`;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  readonly #answer = ({ headers }: IncomingMessage, response: ServerResponse): void => {
    const { content, etag, lastModified } = this;
    this.ranges.push(headers.range ?? 'none');
    if (etag !== undefined) response.setHeader('etag', etag);
    if (lastModified !== undefined) response.setHeader('last-modified', lastModified);
    const isSame = headers['if-range'] === undefined || [etag, lastModified].includes(String(headers['if-range']));
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (start === undefined || !isSame) {
      response.end(content);
    } else if (Number(start) >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    } else {
      const part = content.subarray(Number(start), Number(end) + 1);
      const last = Number(start) + part.length - 1;
      response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${content.length}` }).end(part);
    }
  };
}
