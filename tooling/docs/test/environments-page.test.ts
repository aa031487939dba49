import { expect, it } from 'vitest';
import { environmentsPage, triedEnvironments } from '../src/environments-page.ts';
import { read, workspaces } from '../src/repository.ts';

const page = 'before\n<!-- tried: nodes -->\nold\n<!-- end: tried -->\nafter\n';

it('has a row for each environment and a column for all that was tried in any', () => {
  const results = { nodes: { 'Node 1': { import: 'passed', require: 'failed' }, 'Node 2': { import: 'skipped' } } };
  expect(environmentsPage(page, results)).toBe(`before
<!-- tried: nodes -->
| | import | require |
| --- | --- | --- |
| Node 1 | yes | **no** |
| Node 2 | not run | |
<!-- end: tried -->
after
`);
});

it('refuses a page that claims what was never tried', () => {
  expect(() => environmentsPage(page, {})).toThrow("nothing was tried as 'nodes'");
});

it('has what is to be tried, and all packages', () => {
  const { node, deno, bun, typescript } = JSON.parse(read('tooling/consumer/runtimes.json'));
  const tried = triedEnvironments();
  const rows = (name: string) => Object.keys(tried[name] ?? {});
  expect(rows('nodes')).toEqual(node.map(({ version }: { version: string }) => `Node ${version}`));
  expect(rows('compilers')).toEqual(typescript.map((version: string) => `TypeScript ${version}`));
  expect(rows('others')).toEqual([`Deno ${deno}`, `Bun ${bun}`]);
  const packages = workspaces.filter(({ folder }) => /^(packages|apps)\//.test(folder)).map(({ name }) => name);
  expect(rows('strangers').sort()).toEqual(['nbdjs', ...packages].sort());
});
