/** Requests to a device's driver. */
import { native } from './native.ts';
import { systemError } from './system-error.ts';

/**
 * Makes a request of a device's driver that has a number as its argument (`ioctl`), and returns the driver's answer. The thread waits as
 * long as the driver takes, which for some requests is as long as the device exists.
 *
 * @returns `undefined` without native calls.
 * @throws a system error.
 */
export function controlDevice(fd: number, request: number, argument: number | bigint = 0): number | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const answer = Number(functions.ioctl(fd, request, 'unsigned long', argument));
  if (answer < 0) throw systemError('ioctl', functions.errno());
  return answer;
}
