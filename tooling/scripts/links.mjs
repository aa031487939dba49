/**
 * Follows every relative link of the Markdown pages: the file has to be there, and so has the heading behind a `#`. A link whose
 * text is code and whose target is a source file (`[`Plan.next`](../packages/copy/src/plan.ts)`) names a symbol, which has to
 * occur in that file.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { root } from './pnpm.mjs';

const skipped = new Set([
  'node_modules',
  'dist',
  '.git',
  '.turbo',
  '.tools',
  '.reports',
  '.reference',
  '.changeset',
  'coverage',
]);
const link = /(?<!!)\[((?:[^\][]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g;
/** Written when the site is built, where its links are checked. */
const written = join(root, 'tooling/site/reference');
const pages = pagesIn(root);
const anchors = new Map();

const problems = pages.flatMap((page) => problemsOf(page));
for (const problem of problems) process.stdout.write(`${problem}\n`);
if (problems.length > 0 || pages.length === 0) process.exitCode = 1;
else process.stdout.write(`all links of ${pages.length} pages lead somewhere\n`);

function pagesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) {
      const path = join(folder, entry.name);
      return skipped.has(entry.name) || path === written ? [] : pagesIn(path);
    }
    return entry.isFile() && entry.name.endsWith('.md') ? [join(folder, entry.name)] : [];
  });
}

function problemsOf(page) {
  const found = [];
  proseOf(page).forEach((line, index) => {
    if (/^(<{7}|>{7}) /.test(line))
      found.push(`${relative(root, page)}:${index + 1}: a conflict of a merge is left here`);
    for (const [, label = '', target = ''] of line.matchAll(link)) {
      const problem = problemOf(page, label, target);
      if (problem !== undefined) found.push(`${relative(root, page)}:${index + 1}: ${target}: ${problem}`);
    }
  });
  return found;
}

function problemOf(page, label, target) {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (!file.startsWith(root.replace(/\/$/, ''))) return 'leads out of the repository';
  if (!existsSync(file)) return 'is not there';
  if (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor)) return 'has no such heading';
  return statSync(file).isFile() && /\.(ts|mts|mjs|cjs)$/.test(file) ? symbolProblem(file, label) : undefined;
}

function symbolProblem(file, label) {
  const symbol = /^`([\w.#$]+)`$/.exec(label)?.[1];
  if (symbol === undefined || /\.(ts|mjs|cjs)$/.test(symbol)) return undefined;
  const text = readFileSync(file, 'utf8');
  const missing = symbol.split('.').filter((name) => !new RegExp(`(?<![\\w$])${escaped(name)}(?![\\w$])`).test(text));
  return missing.length === 0 ? undefined : `does not name ${missing.join(', ')}`;
}

function escaped(text) {
  return text.replaceAll(/[$#]/g, '\\$&');
}

/** A page's lines, those of code blocks empty. */
function proseOf(page) {
  let fence;
  return readFileSync(page, 'utf8')
    .split('\n')
    .map((line) => {
      const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
      if (fence === undefined && mark === undefined) return line;
      if (fence === undefined) fence = mark;
      else if (mark?.startsWith(fence)) fence = undefined;
      return '';
    });
}

/** The names that a page's headings have in links (small, words joined by hyphens, counted where they repeat), and its own anchors. */
function anchorsOf(page) {
  const known = anchors.get(page);
  if (known !== undefined) return known;
  const found = new Set();
  for (const line of proseOf(page)) {
    for (const [, id] of line.matchAll(/<a id="([^"]+)"><\/a>/g)) found.add(id);
    const title = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (title === undefined) continue;
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let name = slug;
    for (let count = 1; found.has(name); count++) name = `${slug}-${count}`;
    found.add(name);
  }
  anchors.set(page, found);
  return found;
}
