import { describe, expect, it } from 'vitest';
import { sendLongRequest } from './long-request.ts';

const mebi = 2 ** 20;

/** A server that notes the reads that it is asked for. */
function server(sizeMebi: number, maximumMebi = 32, error?: Error) {
  const reads: (readonly [offset: bigint | number, length: number])[] = [];
  const geometry = {
    size: BigInt(sizeMebi * mebi),
    minimumBlockSize: 1,
    preferredBlockSize: 4096,
    maximumBlockSize: maximumMebi * mebi,
  };
  const read = async (offset: bigint | number, target: Uint8Array): Promise<void> => {
    reads.push([offset, target.length]);
    if (error !== undefined) throw error;
  };
  return { reads, geometry, read };
}

describe('the long request before a copy', () => {
  it.each([
    [64, 'local'],
    [1024, 'distant'],
  ] as const)('is sent once to a device of %d MiB that is %s', async (size, place) => {
    const one = server(size);
    await sendLongRequest(one, place);
    expect(one.reads).toEqual([[0, 4 * mebi]]);
  });

  it.each([
    [63, 32, 'local'],
    [1023, 32, 'distant'],
    [4096, 2, 'local'],
  ] as const)('is not sent to a device of %d MiB that takes %d MiB at a time and is %s', async (size, most, place) => {
    const one = server(size, most);
    await sendLongRequest(one, place);
    expect(one.reads).toEqual([]);
  });

  it('leaves an error to the copy', async () => {
    const one = server(64, 32, new Error('no such luck'));
    await expect(sendLongRequest(one, 'local')).resolves.toBeUndefined();
    expect(one.reads).toHaveLength(1);
  });
});
