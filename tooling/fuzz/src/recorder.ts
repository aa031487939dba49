/** A proxy between a client and a server that records what they send. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { SessionPiece } from './sessions.ts';

export class Recorder implements AsyncDisposable {
  /** One for each connection, in the order in which they came. */
  readonly sessions: SessionPiece[][] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(serverPath: string) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client, serverPath));
  }

  /** Listens at one path, and passes everything on to another. */
  static async start(path: string, serverPath: string): Promise<Recorder> {
    const recorder = new Recorder(serverPath);
    await new Promise<void>((resolve) => recorder.#server.listen(path, resolve));
    return recorder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, serverPath: string): void {
    const pieces: SessionPiece[] = [];
    this.sessions.push(pieces);
    const server = connect({ path: serverPath, allowHalfOpen: true });
    const pass = (from: 'client' | 'server', source: Socket, target: Socket): void => {
      this.#sockets.add(source);
      source.on('data', (bytes: Buffer) => {
        pieces.push({ from, bytes: new Uint8Array(bytes) });
        target.write(bytes);
      });
      source.on('end', () => target.end());
      source.on('error', () => target.destroy());
      source.on('close', () => this.#sockets.delete(source));
    };
    pass('client', client, server);
    pass('server', server, client);
  }
}
