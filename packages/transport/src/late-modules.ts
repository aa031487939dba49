/**
 * Modules of Node that many connections do not need. They are loaded when they are first used: to import them would make the start of
 * each program that imports this package about three milliseconds longer.
 */
export const childProcess = () => process.getBuiltinModule('node:child_process');
export const crypto = () => process.getBuiltinModule('node:crypto');
export const dns = () => process.getBuiltinModule('node:dns');
export const tls = () => process.getBuiltinModule('node:tls');
