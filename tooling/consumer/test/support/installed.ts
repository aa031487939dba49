/** The projects that were installed. */
import { join } from 'node:path';
import { inject } from 'vitest';

const { folder, problem, isOffline = false } = inject('consumer');

/** Without a registry nothing can be installed: the tests are skipped then, but for where nothing may be (as in `.ci/run`). */
export const cannotInstall = isOffline && process.env.NBDJS_REQUIRE_PEERS !== '1';

if (problem !== undefined && !cannotInstall) throw new Error(problem);

export const projects = join(folder, 'projects');
