import { mergeConfig } from 'vitest/config';
import { project } from '../vitest/project.ts';

export default mergeConfig(project('consumer'), {
  test: {
    globalSetup: ['test/support/install.ts'],
    // Those of all environments take minutes: vitest.environments.config.ts.
    exclude: ['test/environments/**'],
  },
});
