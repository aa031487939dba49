/** The doors that need nothing of Node, with the ceiling for a bundle of all that each exports: KiB, minified and by gzip. */
export const doors: Readonly<Record<string, number>> = {
  '@nbdjs/interfaces': 2,
  '@nbdjs/kit': 11,
  '@nbdjs/node': 1,
  '@nbdjs/protocol': 15,
  '@nbdjs/handshake': 22,
  '@nbdjs/multiplexer': 36,
  '@nbdjs/copy': 17,
  '@nbdjs/storage/blob': 7,
  '@nbdjs/storage/define': 5,
  '@nbdjs/storage/layers': 15,
  '@nbdjs/storage/memory': 8,
  '@nbdjs/storage/opfs': 9,
  '@nbdjs/transport/core': 8,
  '@nbdjs/connection/core': 26,
  '@nbdjs/server/core': 37,
  '@nbdjs/client/core': 57,
};
