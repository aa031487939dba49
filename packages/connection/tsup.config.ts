import { library, program } from '../../tooling/tsup/library.ts';

// The worker includes all that it needs, so that a copy of its file works in any folder where a bundler or a user puts it.
export default [library({ 'core/index': 'src/core/index.ts' }), program({ 'nbdjs-worker': 'src/worker.ts' })];
