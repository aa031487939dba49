/**
 * A session with a server with threads, whose bytes end at every place, or come in two parts that meet there: in the handshake, where the
 * socket is handed over, and in transmission.
 *
 * @module-tag slow
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { Command } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { header, turns, wayIn } from '../hostile-client.ts';
import { openDescriptors, startThreaded, type Threaded } from './support.ts';

const fileBytes = 65_536;
const written = { offset: 8192, length: 40 };
const payload = new Uint8Array(written.length).fill(7);

const session = Buffer.concat([
  wayIn,
  header(Command.Write, written.offset, written.length),
  payload,
  header(Command.Read, written.offset + 64, 100),
  header(Command.WriteZeroes, 0, 4096),
  header(Command.BlockStatus, fileBytes / 2, fileBytes / 2),
  header(Command.Flush, 0, 0),
  header(Command.Disconnect, 0, 0),
]);
/** From here on the write is complete. */
const writeEnd = wayIn.length + 32 + written.length;
const places = Array.from({ length: session.length + 1 }, (_, place) => place);

interface Talk {
  readonly socket: Socket;
  /** All that the server has said until the connection's end. */
  readonly answer: Promise<Buffer>;
}

function talk({ serving }: Threaded): Talk {
  const socket = createConnection(serving.address.path);
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  // A server that hangs up on bytes it has not read resets the connection.
  socket.on('error', () => {});
  const answer = new Promise<Buffer>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(pieces)));
  });
  return { socket, answer };
}

/** Replies come in any order, so only their bytes are compared. */
const bytesOf = (answer: Buffer): Buffer => Buffer.from(answer).sort();

/** Runs sessions for all places, some at a time. */
async function atEveryPlace(work: (place: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < places.length; first += 16) await Promise.all(places.slice(first, first + 16).map(work));
}

async function expectNothingLeft({ serving, connect }: Threaded): Promise<void> {
  await expect.poll(() => serving.server.sessions.length).toBe(0);
  expect(serving.server.bytesInFlight).toBe(0);
  const client = await connect();
  await client.read(0, new Uint8Array(512));
  await client.close();
}

describe('the bytes of a session with a server with threads', () => {
  it('mean the same in two parts, wherever they meet', async () => {
    const before = openDescriptors();
    const threaded = await startThreaded({ count: 3, bytes: fileBytes });
    const whole = talk(threaded);
    whole.socket.write(session);
    const expected = bytesOf(await whole.answer);
    expect(expected.length).toBeGreaterThan(400);
    const problems: string[] = [];
    await atEveryPlace(async (place) => {
      const { socket, answer } = talk(threaded);
      socket.write(session.subarray(0, place));
      await turns(3);
      socket.write(session.subarray(place));
      if (Buffer.compare(bytesOf(await answer), expected) !== 0) problems.push(`at ${place}: other answers`);
    });
    expect(problems).toEqual([]);
    await expectNothingLeft(threaded);
    await threaded.serving.close();
    expect(openDescriptors()).toBe(before);
  });

  it.each(['end', 'destroy'] as const)('may stop at every place (%s), and leave nothing behind', async (how) => {
    const before = openDescriptors();
    const threaded = await startThreaded({ count: 3, bytes: fileBytes, limits: { connectionsMax: 20 } });
    const problems: string[] = [];
    for (const place of places) {
      const { socket, answer } = talk(threaded);
      socket.write(session.subarray(0, place), () => socket[how]());
      await answer;
      if (place % 16 !== 0) continue;
      await expect.poll(() => threaded.serving.server.sessions.length).toBe(0);
      const content = readFileSync(threaded.path);
      const range = content.subarray(written.offset, written.offset + written.length);
      const count = content.filter((byte) => byte !== 0).length;
      if (place < writeEnd && count > 0) problems.push(`at ${place}: a part of a write was carried out`);
      if (how === 'end' && place >= writeEnd && !range.every((byte) => byte === 7)) {
        problems.push(`at ${place}: the write was not carried out`);
      }
      writeFileSync(threaded.path, new Uint8Array(fileBytes));
    }
    expect(problems).toEqual([]);
    await expectNothingLeft(threaded);
    await threaded.serving.close();
    expect(openDescriptors()).toBe(before);
  });
});
