/** Archives of the kind that the kernel unpacks as its first file system (cpio, "newc"). */

const regularFile = 0o100_000;
const folder = 0o040_000;
const symbolicLink = 0o120_000;

/**
 * Makes an archive. Each entry has a path without a leading slash, and one of `folder: true`, `link` (where it leads to) and `content`
 * (with `executable`, if it is a program).
 */
export function cpioArchive(entries) {
  const parts = entries.flatMap((entry, index) => record(entry, index + 1));
  return Buffer.concat([...parts, ...record({ path: 'TRAILER!!!', content: Buffer.alloc(0) }, 0)]);
}

function record({ path, content = Buffer.alloc(0), link, folder: isFolder, executable }, inode) {
  const data = link === undefined ? content : Buffer.from(link);
  const kind = isFolder ? folder : link === undefined ? regularFile : symbolicLink;
  const mode = kind | (isFolder || executable || link !== undefined ? 0o755 : 0o644);
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(data)];
}

/** Both halves of a record end at a multiple of four bytes. */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
