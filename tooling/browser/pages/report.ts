/** How a page of a test tells its result. */

/** Runs the work of the page, and reports its result or its failure. */
export async function report(work: () => Promise<unknown>): Promise<void> {
  addEventListener('error', ({ message }) => void send({ error: message }));
  addEventListener('unhandledrejection', ({ reason }) => void send({ error: `unhandled: ${inWords(reason)}` }));
  try {
    await send({ result: await work() });
  } catch (error) {
    await send({ error: inWords(error) });
  }
}

export function inWords(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
}

async function send(result: object): Promise<void> {
  const body = JSON.stringify(result, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  await fetch('/report', { method: 'POST', body });
}
