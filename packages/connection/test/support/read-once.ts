/** One READ by hand: this package has no requests, but a connection has to work with one. */
import type { Established, HeaderMode } from '@nbdjs/interfaces';
import { Command, HeaderBytes, TransmissionMagic, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';
import { expect } from 'vitest';
import { Probe } from './probe.ts';

const cookie = 0x0badcafe;

const replyMagics: Readonly<Record<HeaderMode, readonly number[]>> = {
  simple: [TransmissionMagic.SimpleReply],
  structured: [TransmissionMagic.StructuredReply],
  extended: [TransmissionMagic.ExtendedReply],
};

/** Reads 512 bytes at offset 0 and expects a reply with our cookie and any content. */
export async function readOnce({ channel, facts, excess }: Established): Promise<void> {
  expect(excess).toHaveLength(0);
  const probe = new Probe(channel);
  channel.send([facts.mode === 'extended' ? extendedRequest() : compactRequest()]);
  // Each kind of reply has its magic and its cookie at the same place.
  const reply = await probe.take(HeaderBytes.SimpleReply);
  const view = new DataView(reply.buffer);
  expect(replyMagics[facts.mode]).toContain(view.getUint32(0));
  expect(view.getBigUint64(8)).toBe(BigInt(cookie));
}

function compactRequest(): Uint8Array {
  const bytes = new Uint8Array(HeaderBytes.Request);
  writeRequest(new DataView(bytes.buffer), 0, 0, Command.Read, 0, cookie, 0, 0, 512);
  return bytes;
}

function extendedRequest(): Uint8Array {
  const bytes = new Uint8Array(HeaderBytes.ExtendedRequest);
  writeExtendedRequest(new DataView(bytes.buffer), 0, 0, Command.Read, 0, cookie, 0, 0, 0, 512);
  return bytes;
}
