import type { NetlinkSocket } from '@nbdjs/syscalls';
import { describe, expect, it } from 'vitest';
import { encodeAttribute } from './attribute.ts';
import { GenericFamily, KernelRefusal } from './generic-family.ts';
import { answer, done, requestOf } from './kernel.testing.ts';

/** A socket whose answers to each message are given by a function. */
function socketOf(reply: (request: ReturnType<typeof requestOf>) => readonly Uint8Array[]): NetlinkSocket {
  const answers: Uint8Array[] = [];
  return {
    send: async (message) => void answers.push(...reply(requestOf(message))),
    receive: () => answers.shift(),
    close: () => {},
  };
}

const familyNumber = encodeAttribute(1, Buffer.from([28, 0]));

describe('a family of generic netlink', () => {
  it('is found by its name, and asked by its number', async () => {
    const asked: unknown[] = [];
    const socket = socketOf((request) => {
      asked.push([request.family, request.command, request.version]);
      return request.family === 0x10 ? [answer(request, [familyNumber]), done(request)] : [done(request)];
    });
    const family = await GenericFamily.find(socket, 'nbd', 1);
    expect(await family.ask(5, [])).toEqual([]);
    expect(asked).toEqual([
      [0x10, 3, 1],
      [28, 5, 1],
    ]);
  });

  it('refuses with a number and a text', async () => {
    const socket = socketOf((request) =>
      request.family === 0x10 ? [answer(request, [familyNumber]), done(request)] : [done(request, 22, 'bad size')],
    );
    const family = await GenericFamily.find(socket, 'nbd', 1);
    await expect(family.ask(1, [])).rejects.toMatchObject({ name: 'KernelRefusal', errorNumber: 22, text: 'bad size' });
    await expect(
      GenericFamily.find(
        socketOf((request) => [done(request, 2)]),
        'nbd',
        1,
      ),
    ).rejects.toThrow(KernelRefusal);
  });

  it('takes no answer to an earlier request for its own', async () => {
    const socket = socketOf((request) => [
      answer({ ...request, sequence: request.sequence - 1 }, [familyNumber]),
      done({ ...request, sequence: request.sequence - 1 }, 5),
      answer(request, [familyNumber]),
      done(request),
    ]);
    const family = await GenericFamily.find(socket, 'nbd', 1);
    expect(await family.ask(5, [])).toHaveLength(1);
  });

  it('has to acknowledge', async () => {
    await expect(
      GenericFamily.find(
        socketOf((request) => [answer(request, [familyNumber])]),
        'nbd',
        1,
      ),
    ).rejects.toThrow('not acknowledged');
  });
});
