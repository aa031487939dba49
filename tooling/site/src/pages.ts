/** Which Markdown files of the repository are pages of the site, and at which places. */

/** Where the site lies on its host, with a slash at both ends: GitHub serves that of a repository below its name. */
export const siteBase = process.env.NBDJS_SITE_BASE ?? '/nbdjs/';

/** A page's file, from the root of the repository, and its place in the site (both end with `.md`). */
interface Rule {
  readonly file: RegExp;
  readonly place: string;
}

/** The first rule that fits counts. `$1` in a place is the first group of the pattern. */
const rules: readonly Rule[] = [
  { file: /^tooling\/site\/pages\/(.+)\.md$/, place: '$1.md' },
  { file: /^tooling\/site\/reference\/(?:@nbdjs\/)?(.+)\.md$/, place: 'reference/$1.md' },
  { file: /^docs\/decisions\/README\.md$/, place: 'decisions/index.md' },
  { file: /^docs\/guides\/README\.md$/, place: 'guides/index.md' },
  { file: /^docs\/README\.md$/, place: 'documentation.md' },
  { file: /^docs\/(.+)\.md$/, place: '$1.md' },
  { file: /^packages\/([^/]+)\/README\.md$/, place: 'packages/$1.md' },
  { file: /^apps\/cli\/README\.md$/, place: 'packages/cli.md' },
  { file: /^examples\/([^/]+)\/README\.md$/, place: 'examples/$1.md' },
  { file: /^CONTRIBUTING\.md$/, place: 'contributing.md' },
  { file: /^SECURITY\.md$/, place: 'security.md' },
  { file: /^CODE_OF_CONDUCT\.md$/, place: 'code-of-conduct.md' },
];

/** A page's place in the site; `undefined` where the file is no page of it. */
export function placeOf(file: string): string | undefined {
  const rule = rules.find((one) => one.file.test(file));
  return rule === undefined ? undefined : file.replace(rule.file, rule.place);
}

/** The address of a place from the root of the site: `packages/client`, and `decisions/` for `decisions/index.md`. */
export function addressOf(place: string): string {
  return place.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '');
}
