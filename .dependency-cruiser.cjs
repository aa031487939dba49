/**
 * The house rules: a package imports only from floors below its own, through the front door, never what it must not know, and
 * the pure ones touch nothing of Node. Which package stands where is data: tooling/architecture/house.json.
 */
const house = require('./tooling/architecture/house.json');

const packages = house.packages.filter(({ floor }) => floor !== 'app');
const pure = `(${packages
  .filter((one) => one.pure)
  .map(({ name }) => name)
  .join('|')})`;
/** Folders whose index is a door, besides that of the package. */
const doors = [
  'connector',
  'file',
  'folder',
  'node',
  ...new Set(packages.flatMap(({ pureDoors = [] }) => pureDoors)),
].join('|');
const tests =
  '(\\.test\\.ts$|^packages/[^/]+/(test|bench)/|^apps/[^/]+/(test|bench)/|^tooling/|(tsup|vitest)\\.config\\.ts$)';

const floorRules = packages.map(({ name, floor }) => {
  const upper = packages.filter((other) => other.floor >= floor && other.name !== name).map((other) => other.name);
  return {
    name: `floor-${floor}-${name}`,
    comment: `${name} stands on floor ${floor} and may only look down`,
    severity: 'error',
    from: { path: `^packages/${name}/src/`, pathNot: tests },
    to: { path: `^(packages/(${upper.join('|') || '-'})|apps)/` },
  };
});

const isOurs = (name) => house.packages.some((one) => one.name === name);
const isException = (from, to) => house.exceptions.some((one) => one.from === from && one.to === to);
const neverRules = house.packages.flatMap(({ name, floor, mustNotKnow, never = [] }) => {
  const modules = never.filter((other) => other.startsWith('node:')).map((other) => other.slice('node:'.length));
  const ours = never.filter((other) => isOurs(other) && !isException(name, other));
  const libraries = never.filter((other) => !other.startsWith('node:') && !isOurs(other));
  const paths = [
    ...(ours.length > 0 ? [`^packages/(${ours.join('|')})/`] : []),
    ...(modules.length > 0 ? [`^(node:)?(${modules.join('|')})$`] : []),
    ...(libraries.length > 0 ? [`node_modules/(${libraries.join('|')})/`] : []),
  ];
  return paths.map((path, index) => ({
    name: `never-${name}${index === 0 ? '' : `-${index + 1}`}`,
    comment: `${name} must not know: ${mustNotKnow}`,
    severity: 'error',
    from: { path: `^${floor === 'app' ? 'apps' : 'packages'}/${name}/src/`, pathNot: tests },
    to: { path },
  }));
});

module.exports = {
  forbidden: [
    ...floorRules,
    ...neverRules,
    {
      name: 'no-cycles',
      comment: 'files that need each other are one file',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'front-door',
      comment: "another package's insides are its own business",
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: {
        path: '^packages/[^/]+/(src|dist)/',
        pathNot: [`^packages/[^/]+/(src|dist)/((${doors})/)?index\\.(ts|js|d\\.ts)$`, '^(packages|apps)/$2/'],
      },
    },
    {
      name: 'pure',
      comment: 'no Node in the packages that are to run anywhere',
      severity: 'error',
      from: { path: `^packages/${pure}/src/`, pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-libraries-in-pure',
      comment: 'the pure packages depend on nothing but each other',
      severity: 'error',
      from: { path: `^packages/${pure}/src/`, pathNot: tests },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'], pathNot: '^packages/' },
    },
    {
      name: 'tooling-is-for-tests',
      severity: 'error',
      from: { path: '^(packages|apps)/[^/]+/src/', pathNot: tests },
      to: { path: '^tooling/' },
    },
    {
      name: 'by-name',
      comment: 'another package is imported by its name, never by a path to it',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^(packages|apps)/', pathNot: '^(packages|apps)/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'peers-tests-are-named',
      comment:
        'a test that needs real peers is called *.peers.test.ts; what every machine has is in @nbdjs/peers/local',
      severity: 'error',
      from: { path: '\\.test\\.ts$', pathNot: '\\.peers\\.test\\.ts$' },
      to: { path: '^tooling/peers/src/index\\.ts$', reachable: true },
    },
    {
      name: 'declared',
      comment: 'what published code imports stands in its package.json, and not among the devDependencies',
      severity: 'error',
      from: { path: '^(packages|apps)/[^/]+/src/', pathNot: tests },
      // The bundle of the CLI has commander in its place.
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'],
        pathNot: '@commander-js/extra-typings',
      },
    },
  ],
  required: [
    {
      name: 'peers-tests-need-peers',
      comment: 'a test that needs no real peer runs with all others, and is not called *.peers.test.ts',
      severity: 'error',
      module: { path: '\\.peers\\.test\\.ts$' },
      to: { path: '^tooling/peers/src/index\\.ts$', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: '(node_modules|/dist/)' },
    exclude: { path: '\\.turbo' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@nbdjs/source', 'import', 'types', 'default', 'node'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
};
