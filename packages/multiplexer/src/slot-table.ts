/**
 * Requests in flight, by cookie.
 *
 * A cookie is a slot's index (low half) and how often the slot has been used (high half). A reply to a request that has
 * been answered already, or one of an earlier connection, therefore fits no slot.
 */
import type { Task } from './task.ts';

export class SlotTable {
  readonly #tasks: (Task | undefined)[] = [];
  readonly #uses: number[] = [];
  /** Indices of free slots; the one freed last is used first, so that few slots stay warm. */
  readonly #free: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Puts a task into a slot; `task.slot` is its cookie's low half. */
  put(task: Task): void {
    const slot = this.#free.pop() ?? this.#tasks.length;
    this.#tasks[slot] = task;
    this.#uses[slot] = ((this.#uses[slot] ?? 0) + 1) >>> 0;
    task.slot = slot;
    this.#count++;
  }

  /** The high half of the cookie of the task in a slot. */
  uses(slot: number): number {
    return this.#uses[slot] ?? 0;
  }

  /** The task behind a cookie, or nothing when the cookie belongs to no request in flight. */
  find(cookieHigh: number, cookieLow: number): Task | undefined {
    return this.#uses[cookieLow] === cookieHigh ? this.#tasks[cookieLow] : undefined;
  }

  remove(task: Task): void {
    this.#tasks[task.slot] = undefined;
    this.#free.push(task.slot);
    this.#count--;
  }

  /** Takes all tasks out, in the order of their slots. */
  clear(): Task[] {
    const tasks = this.#tasks.filter((task) => task !== undefined);
    for (const task of tasks) this.remove(task);
    return tasks;
  }
}
