/**
 * The scripted kernel of the tests of `@nbdjs/attach`, for tests of what is made of that package: they let `systemSurroundings` of
 * `packages/attach/src/open-kernel.ts` return what `surroundingsOf` gives.
 */
import { DeviceFiles } from '../../../packages/attach/src/kernel/sysfs.ts';
import type { KernelSurroundings } from '../../../packages/attach/src/open-kernel.ts';
import type { ScriptedKernel } from '../../../packages/attach/test/scripted-kernel.ts';

export { Command, ScriptedKernel } from '../../../packages/attach/test/scripted-kernel.ts';
export type { KernelSurroundings };

/** A system with this kernel, whose devices are shown in a folder in place of `/sys/block`. */
export function surroundingsOf({ openNetlink }: ScriptedKernel, folder: string): KernelSurroundings {
  return { files: new DeviceFiles(folder), openNetlink };
}
