import { library, program } from '../../tooling/tsup/library.ts';

// The worker includes whatever it needs, so that a copy of its file works wherever a bundler or a user puts it.
export default [library(), program({ 'nbdjs-worker': 'src/worker.ts' })];
