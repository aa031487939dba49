/**
 * Listening to abort signals. One signal is often given to many calls at a time; it gets one listener for all of them,
 * because each costs time, and from the eleventh on Node warns of a leak.
 */

interface Listening {
  readonly tasks: Set<() => void>;
  readonly listener: () => void;
}

const listenings = new WeakMap<AbortSignal, Listening>();

/** Calls `task` once when the signal is aborted, unless `stopListeningForAbort` comes first. The signal must not be aborted yet. */
export function listenForAbort(signal: AbortSignal, task: () => void): void {
  let listening = listenings.get(signal);
  if (listening === undefined) {
    const tasks = new Set<() => void>();
    const listener = (): void => {
      listenings.delete(signal);
      for (const one of tasks) one();
    };
    listening = { tasks, listener };
    listenings.set(signal, listening);
    signal.addEventListener('abort', listener, { once: true });
  }
  listening.tasks.add(task);
}

/** Removes a task, and the listener with the last task. */
export function stopListeningForAbort(signal: AbortSignal, task: () => void): void {
  const listening = listenings.get(signal);
  if (listening === undefined || !listening.tasks.delete(task) || listening.tasks.size > 0) return;
  listenings.delete(signal);
  signal.removeEventListener('abort', listening.listener);
}
