/** `nbd replay`: sends the requests of a recording to a server, and compares its answers. */
import { createHash } from 'node:crypto';
import { resolveTarget, resolveTls } from '@nbdjs/client';
import { createInlineConnector, createOpenerConnector } from '@nbdjs/connection';
import type { Connector, Established } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import {
  type ReplayDifference,
  type ReplayReport,
  type ReplayWish,
  readRecordingFile,
  replayRecording,
} from '@nbdjs/recorder';
import { withTls } from '../../connecting/client-tls.ts';
import { targetOf } from '../../connecting/open-server.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { isWebUrl, type ServerOperand } from '../../options/operand.ts';
import { compactJson } from '../../render/exact-json.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';
import type { ReplayCommandOptions } from './command.ts';

/** Exit code when answers differ. */
const exitDifferent = 2;

export async function run(
  { terminal }: CommandContext,
  options: ReplayCommandOptions,
  file: string,
  server: ServerOperand,
): Promise<number> {
  const { json: isJson = false, quiet: isQuiet = false, destructive = false, speed, connection: connections } = options;
  const connect = await connectorOf(withTls(server, options), options, terminal);
  let text = '';
  const onDifference = (difference: ReplayDifference): void => {
    if (!isQuiet) text += `${isJson ? compactJson(differenceJson(difference)) : differenceText(difference)}\n`;
  };
  const settings = {
    connect,
    destructive,
    speed,
    connections,
    onDifference,
    clock: systemClock,
    signal: terminal.signal,
  };
  const print = async (): Promise<void> => {
    const printed = text;
    text = '';
    if (printed !== '') await terminal.print(printed);
  };
  let cut: string | undefined;
  async function* entries(): ReturnType<typeof readRecordingFile> {
    for await (const entry of readRecordingFile(file)) {
      if (entry.type === 'cut') cut = entry.reason;
      await print();
      yield entry;
    }
  }
  let report: ReplayReport;
  try {
    report = await replayRecording(entries(), { ...settings, createHash: () => createHash('sha256') });
  } catch (error) {
    throw systemErrorOf(file, error);
  }
  if (!isQuiet)
    text += isJson
      ? `${compactJson({ type: 'report', ...report, skipped: { ...report.skipped } })}\n`
      : reportText(report);
  await print();
  if (cut !== undefined) terminal.note(`nbd: ${file}: ${cut}; what stands behind is missing`);
  return report.differences > 0 ? exitDifferent : 0;
}

/** Returns what connects to the server as a recorded connection was negotiated. */
async function connectorOf(server: ServerOperand, options: ReplayCommandOptions, terminal: Terminal) {
  const target = resolveTarget(await targetOf(server, options));
  const ownTls = server.type === 'uri' && isWebUrl(server.uri) ? undefined : server.tls;
  const { settings: tls, mode } = resolveTls(target, { tls: ownTls, allowLocalFiles: true });
  const { endpoint, exportName } = target;
  const make = (wish: ReplayWish): Connector => {
    const handshake = { exportName, mode: wish.mode, contexts: wish.contexts, tls: mode };
    if ('open' in endpoint) return createOpenerConnector({ opener: endpoint, handshake, tls });
    return createInlineConnector({ endpoint, handshake, tls });
  };
  return async (wish: ReplayWish): Promise<Established> => {
    const connector = make(wish);
    try {
      return await connector.establish({ wait: true, signal: terminal.signal });
    } finally {
      connector.release();
    }
  };
}

function differenceText({ time, connection, command, request, what, offset, expected, got }: ReplayDifference): string {
  const place = offset === undefined ? '' : ` at ${offset}`;
  const range = request.length > 0n ? ` offset=${request.offset} length=${request.length}` : '';
  const bytes = [expected && `\n    recorded ${expected}`, got && `\n    now      ${got}`].filter(
    (line) => line !== undefined,
  );
  const line = `${(time / 1e6).toFixed(6).padStart(11)} #${connection} ${command}${range}: ${what}${place}`;
  return `${printable(line)}${bytes.join('')}`;
}

function differenceJson({ request, ...difference }: ReplayDifference) {
  const { offset, length } = request;
  return { type: 'difference', ...difference, request: { offset, length } };
}

function reportText({ requests, compared, differences, unanswered, skipped }: ReplayReport): string {
  const reasons: Readonly<Record<keyof ReplayReport['skipped'], string>> = {
    writes: 'would change the export (--destructive sends them)',
    payload: 'have no data in the recording (--payload full records it)',
    length: 'are too long, or too many at a time',
    others: 'cannot be replayed',
    lost: 'came after their connection was lost',
  };
  const lines = [
    `${requests} requests sent, ${compared} answers compared, ${differences} different`,
    ...(unanswered > 0 ? [`${unanswered} requests have no complete answer in the recording`] : []),
    ...Object.entries(reasons).flatMap(([reason, words]) => {
      const count = skipped[reason as keyof ReplayReport['skipped']];
      return count > 0 ? [`${count} requests were not sent: they ${words}`] : [];
    }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
