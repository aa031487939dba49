/** The resize extension at the client, in virtual time. */
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { Command, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, standing, turn } from './session.ts';

const kibi = 1024;
const size = 256 * kibi;
const transmissionFlags = allTransmissionFlags | TransmissionFlag.SendResize;

const openResizable = (options: SessionOptions = {}) =>
  openSession({ ...options, facts: { transmissionFlags, ...options.facts } });

const inShort = ({ command, offset, length }: FakeRequest) => `${command} at ${offset} length ${length}`;

describe('RESIZE', () => {
  it('R1: is sent only where it is offered, with the new size as its offset', async () => {
    const without = await openSession();
    expect(without.device.resizing).toBeUndefined();
    const readOnly = await openResizable({
      facts: { transmissionFlags: transmissionFlags | TransmissionFlag.ReadOnly },
    });
    expect(readOnly.device.resizing).toBeUndefined();
    const { device, server } = await openResizable();
    await device.resizing?.resize(2 ** 33);
    expect(server.requests.map(inShort)).toEqual([`${Command.Resize} at ${2 ** 33} length 0`]);
    expect(device.geometry.size).toBe(2n ** 33n);
    expect(device.facts.size).toBe(2n ** 33n);
  });

  it.each([
    [-1, /the size -1 is negative/],
    [1.5, /not a safe integer/],
    [2n ** 63n, /more than 9223372036854775807/],
  ])('to %s bytes is refused', async (wanted, expected) => {
    const { device, server } = await openResizable();
    const error = await failure(device.resizing?.resize(wanted));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(expected);
    expect(server.requests).toHaveLength(0);
  });

  it('R4: what is added can be used, and what is gone cannot', async () => {
    const { device, server } = await openResizable();
    await device.resizing?.resize(2 * size);
    await device.read(size, new Uint8Array(512));
    await device.resizing?.resize(kibi);
    expect(String(await failure(device.read(kibi - 1, new Uint8Array(2))))).toMatch(
      /past the end of the export at 1024/,
    );
    await device.read(kibi - 1, new Uint8Array(1));
    expect(server.requestsOf(Command.Read)).toHaveLength(2);
  });

  it('R3: waits for requests in the area that goes, and sends none there until it is answered', async () => {
    const { device, server } = await openResizable({ onRequest: () => {} });
    const settled = [device.read(100 * kibi, new Uint8Array(kibi)), device.write(10, new Uint8Array(5))].map(standing);
    await turn();
    const resizing = device.resizing?.resize(100 * kibi + 1) as Promise<void>;
    const state = standing(resizing);
    await turn();
    // Not even the flush of what the area holds is sent while something is under way there.
    expect(server.requests.map(({ command }) => command)).toEqual([Command.Read, Command.Write]);
    expect(await failure(device.write(200 * kibi, new Uint8Array(1)))).toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    server.requestsOf(Command.Read)[0]?.answer();
    await turn();
    expect(server.requests.map(({ command }) => command).slice(2)).toEqual([Command.Flush]);
    server.requestsOf(Command.Flush)[0]?.answer();
    await turn();
    // A write elsewhere does not matter.
    expect(settled.map((one) => one())).toEqual(['resolved', 'pending']);
    expect(server.requests.map(inShort).at(-1)).toBe(`${Command.Resize} at ${100 * kibi + 1} length 0`);
    expect(state()).toBe('pending');
    expect(await failure(device.read(100 * kibi, new Uint8Array(2)))).toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    server.requestsOf(Command.Resize)[0]?.answer();
    await resizing;
    server.requestsOf(Command.Write)[0]?.answer();
  });

  it('R2: leaves the size as it was when the server refuses', async () => {
    for (const [wire, code] of [
      [WireError.Eperm, 'EPERM'],
      [WireError.Enospc, 'ENOSPC'],
      [WireError.Eio, 'EIO'],
    ] as const) {
      const { device } = await openResizable({
        onRequest: (request) => (request.command === Command.Resize ? request.fail(wire) : request.answer()),
      });
      for (const wanted of [kibi, 2 * size]) {
        const error = await failure(device.resizing?.resize(wanted));
        expect(error).toBeInstanceOf(CommandError);
        expect(error).toMatchObject({ code, message: expect.stringContaining(`RESIZE to ${wanted} bytes`) });
        expect(device.geometry.size).toBe(BigInt(size));
      }
      await device.read(size - 1, new Uint8Array(1));
    }
  });

  it('happens one after the other', async () => {
    const { device, server } = await openResizable({ onRequest: () => {} });
    const both = [2 * size, 3 * size].map((wanted) => device.resizing?.resize(wanted));
    await turn();
    expect(server.requests).toHaveLength(1);
    server.requests[0]?.answer();
    await turn();
    server.requests[1]?.answer();
    await Promise.all(both);
    expect(device.geometry.size).toBe(BigInt(3 * size));
  });
});

describe('a connection that is lost', () => {
  const reconnecting = { multiplexer: { reconnectDelayMs: 10_000 } };

  it.each(['carried out', 'not carried out'])(
    'while a RESIZE is under way that was %s, is followed by another',
    async (what) => {
      const { device, server } = await openResizable({ ...reconnecting, onRequest: () => {} });
      const resizing = device.resizing?.resize(2 * size);
      await turn();
      if (what === 'carried out') server.facts = { ...server.facts, size: BigInt(2 * size) };
      server.onRequest = undefined;
      server.connection.hangUp();
      await resizing;
      expect(server.requestsOf(Command.Resize)).toHaveLength(2);
      expect(device.geometry.size).toBe(BigInt(2 * size));
      server.facts = { ...server.facts, size: BigInt(2 * size) };
      server.connection.hangUp();
      await device.read(2 * size - 1, new Uint8Array(1));
      expect(device.state).toBe('connected');
    },
  );

  it('after a RESIZE is followed only by one that leads to an export of the new size', async () => {
    const { device, server } = await openResizable(reconnecting);
    await device.resizing?.resize(2 * size);
    // The old size: another export, or one that has lost what was done.
    server.connection.hangUp();
    expect(String(await failure(device.read(0, new Uint8Array(1))))).toMatch(/has 262144 bytes instead of 524288/);
  });
});
