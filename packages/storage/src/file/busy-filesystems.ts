/** Filesystems that are at work on ranges of some file: meanwhile a write to any of their files may have to wait. */

const works = new Map<number, number>();

export function isBusy(filesystem: number): boolean {
  return works.size > 0 && works.has(filesystem);
}

export async function keepBusy<Result>(filesystem: number, work: () => Promise<Result>): Promise<Result> {
  works.set(filesystem, (works.get(filesystem) ?? 0) + 1);
  try {
    return await work();
  } finally {
    const left = (works.get(filesystem) ?? 1) - 1;
    if (left > 0) works.set(filesystem, left);
    else works.delete(filesystem);
  }
}
