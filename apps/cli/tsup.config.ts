import { library } from '../../tooling/tsup/library.ts';

export default {
  ...library({ main: 'src/main.ts', 'serve-thread': 'src/commands/serve/serve-thread.ts' }, 'application'),
  // Only types come from the former; to load it at run time would make every start a little slower.
  esbuildOptions: (esbuild: { alias?: Record<string, string>; external?: string[] }) => {
    esbuild.alias = { '@commander-js/extra-typings': 'commander' };
    esbuild.external = [...(esbuild.external ?? []), 'commander'];
  },
};
