/**
 * The house rules: a package imports only from floors below its own, through the front door, and the pure ones touch
 * nothing of Node.
 */
const floors = [
  ['interfaces'],
  ['certificates', 'protocol', 'syscalls'],
  ['handshake', 'multiplexer', 'storage', 'copy'],
  ['transport'],
  ['connection', 'server'],
  ['client'],
];
const pure = '(interfaces|protocol|handshake|multiplexer|copy)';
const tests =
  '(\\.test\\.ts$|^packages/[^/]+/(test|bench)/|^apps/[^/]+/(test|bench)/|^tooling/|(tsup|vitest)\\.config\\.ts$)';

const floorRules = floors.flatMap((names, floor) => {
  const upper = floors.slice(floor).flat();
  return names.map((name) => ({
    name: `floor-${floor}-${name}`,
    comment: `${name} stands on floor ${floor} and may only look down`,
    severity: 'error',
    from: { path: `^packages/${name}/src/`, pathNot: tests },
    to: { path: `^(packages/(${upper.filter((other) => other !== name).join('|') || '-'})|apps)/` },
  }));
});

module.exports = {
  forbidden: [
    ...floorRules,
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
        pathNot: ['^packages/[^/]+/(src|dist)/index\\.(ts|js|d\\.ts)$', '^(packages|apps)/$2/'],
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
      name: 'storage-knows-no-nbd',
      severity: 'error',
      from: { path: '^packages/(storage|copy|transport|syscalls)/src/', pathNot: tests },
      to: { path: '^packages/(protocol|handshake|multiplexer)/' },
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
      name: 'declared',
      comment: 'what published code imports stands in its package.json, and not among the devDependencies',
      severity: 'error',
      from: { path: '^(packages|apps)/[^/]+/src/', pathNot: tests },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'] },
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
