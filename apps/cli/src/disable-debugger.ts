/**
 * On SIGUSR1 Node opens a debugger on a TCP port, through which every user of this machine could run code as our user. A listener
 * prevents that, and does nothing itself. (`--disable-sigusr1` is not known to all versions of Node that we support.)
 */
process.on('SIGUSR1', () => {});
