/**
 * On SIGUSR1 Node opens a debugger on a TCP port, by which everybody on this machine could run code as our user. Whoever listens
 * to the signal instead prevents that; nothing is to be done then. (`--disable-sigusr1` is not known to all versions that we run on.)
 */
process.on('SIGUSR1', () => {});
