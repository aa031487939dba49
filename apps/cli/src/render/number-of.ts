/** Returns a number with its noun: `1 disk`, `2 disks`. */
export function numberOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
