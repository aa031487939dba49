/** A workspace for one test at a time. */
import { type Generation, Workspace } from '@nbdjs/peers/local';
import { afterEach, beforeEach } from 'vitest';

/** Of the test that is running. */
export let workspace: Workspace;

/** Gives each test of the block a workspace; `end` is called before it goes away. */
export function inWorkspace(generation: Generation, end: () => Promise<void> = async () => {}): void {
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(async () => {
    await end();
    workspace[Symbol.dispose]();
  });
}
