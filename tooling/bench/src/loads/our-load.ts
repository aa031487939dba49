/** Our client, as a program that does requests. */
import { fileURLToPath } from 'node:url';
import type { ConnectOptions } from '@nbdjs/client';
import { jsonReport, type LoadClient } from './request-load.ts';

const script = fileURLToPath(new URL('../load.ts', import.meta.url));

/** Node for our programs. They run what is published: the condition for sources is not set. */
export const node = [
  process.execPath,
  '--import',
  new URL('../../../vitest/typescript-hook.mjs', import.meta.url).href,
] as const;

export interface OurLoadOptions {
  readonly connect?: ConnectOptions | undefined;
  /** @default 1 */
  readonly clients?: number | undefined;
  /** Whether writes lend their memory until a flush has covered it. @default false */
  readonly retain?: boolean | undefined;
  /** Options for Node, such as the condition for sources. */
  readonly nodeOptions?: readonly string[] | undefined;
}

export function ourLoad(uri: string, options: OurLoadOptions = {}): LoadClient {
  const { connect = {}, clients = 1, retain = false, nodeOptions = [] } = options;
  return {
    counting: 'between-lines',
    command: ({ command, depth, blockBytes }, duration) => [
      ...node,
      ...nodeOptions,
      script,
      uri,
      command,
      String(depth),
      String(blockBytes),
      'seconds' in duration ? String(duration.seconds) : `${duration.requests}x`,
      JSON.stringify(connect),
      String(clients),
      ...(retain ? ['retain'] : []),
    ],
    report: jsonReport,
  };
}
