/** Which test files hold which rules and cases. */
import { idsOfTitles } from './citations.ts';
import { type TextFile, tests, workspaceOf } from './repository.ts';

/** The paths of test files by id. */
export type HeldBy = ReadonlyMap<string, readonly string[]>;

/** Looks through the titles of all tests. */
export function heldBy(files: readonly TextFile[] = tests()): HeldBy {
  const held = new Map<string, string[]>();
  for (const file of files) {
    for (const id of idsOfTitles(file)) {
      const paths = held.get(id);
      if (paths === undefined) held.set(id, [file.path]);
      else paths.push(file.path);
    }
  }
  return held;
}

/** The workspaces among the paths of an id. */
export function workspacesHolding(held: HeldBy, id: string): readonly string[] {
  return [...new Set((held.get(id) ?? []).map((path) => workspaceOf(path) as string))].sort();
}
