/** The program of a process that has folder stores. */
import { openFolderStore } from '../../src/folder/index.ts';
import type { ObjectStore } from '../../src/index.ts';
import type { Answer, Call } from './store-process.ts';

const stores = new Map<string, Promise<ObjectStore>>();

async function carryOut({ path, method, words }: Call): Promise<unknown> {
  let store = stores.get(path);
  if (store === undefined) {
    store = openFolderStore(path);
    stores.set(path, store);
  }
  const opened = await store;
  return (opened[method] as (...given: unknown[]) => Promise<unknown>).apply(opened, [...words]);
}

process.on('message', (call: Call) => {
  const { id } = call;
  const send = (answer: Answer): void => void process.send?.(answer);
  carryOut(call).then(
    (result) => send({ id, result }),
    ({ name, code, message }: Error & { code: string }) => send({ id, error: { name, code, message } }),
  );
});
process.send?.({ id: 0 } satisfies Answer);
