/** Requests that wait for their turn: first in, first out, whatever their size. */
import type { Task } from './task.ts';

/** The front is an index into the array; consumed entries are cut off when they are many. */
const cutOffCount = 1024;

export class TaskQueue {
  #tasks: Task[] = [];
  #front = 0;

  get isEmpty(): boolean {
    return this.#front === this.#tasks.length;
  }

  get first(): Task | undefined {
    return this.#tasks[this.#front];
  }

  push(task: Task): void {
    this.#tasks.push(task);
  }

  shift(): void {
    this.#front++;
    if (this.#front === this.#tasks.length) {
      this.#tasks = [];
      this.#front = 0;
    } else if (this.#front >= cutOffCount) {
      this.#tasks = this.#tasks.slice(this.#front);
      this.#front = 0;
    }
  }

  remove(task: Task): void {
    const index = this.#tasks.indexOf(task, this.#front);
    if (index >= 0) this.#tasks.splice(index, 1);
  }

  clear(): Task[] {
    const tasks = this.#tasks.slice(this.#front);
    this.#tasks = [];
    this.#front = 0;
    return tasks;
  }
}
