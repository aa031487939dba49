/** The names that `@vates/nbd-client` exports. Its `multi.mjs` is `multi.ts` here. */
export { AbstractNbdClient } from './abstract-client.ts';
export { NbdStdioClient } from './stdio-client.ts';
export { NbdTcpClient, NbdTcpClient as default } from './tcp-client.ts';
