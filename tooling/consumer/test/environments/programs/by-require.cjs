/** A session with packages that are required. */
const session = require('./session.cjs');

const names = ['certificates', 'client', 'copy', 'server', 'storage', 'syscalls', 'transport'];
const packages = Object.fromEntries(names.map((name) => [name, require(`@nbdjs/${name}`)]));
void session(packages, process.argv[2] === 'tls');
