/** Requests that wait for their turn: first in, first out, for any size. */
import type { Request } from './request.ts';

/** The front is an index into the array; consumed entries are cut off when they are many. */
const cutOffCount = 1024;

export class RequestQueue {
  #requests: Request[] = [];
  #front = 0;

  get isEmpty(): boolean {
    return this.#front === this.#requests.length;
  }

  get count(): number {
    return this.#requests.length - this.#front;
  }

  get first(): Request | undefined {
    return this.#requests[this.#front];
  }

  push(request: Request): void {
    this.#requests.push(request);
  }

  /** Puts requests before all that wait. */
  putFirst(requests: readonly Request[]): void {
    this.#requests = [...requests, ...this.all()];
    this.#front = 0;
  }

  /** Takes the first one out. */
  shift(): void {
    this.#front++;
    if (this.#front === this.#requests.length) {
      this.#requests.length = 0;
      this.#front = 0;
    } else if (this.#front >= cutOffCount) {
      this.#requests = this.#requests.slice(this.#front);
      this.#front = 0;
    }
  }

  /** Takes a request out that has been withdrawn. Returns whether it was there. */
  remove(request: Request): boolean {
    const index = this.#requests.indexOf(request, this.#front);
    if (index < 0) return false;
    this.#requests.splice(index, 1);
    if (this.isEmpty) this.clear();
    return true;
  }

  /** All that wait, in order. */
  all(): readonly Request[] {
    return this.#requests.slice(this.#front);
  }

  /** Takes all of them out, in order. */
  clear(): readonly Request[] {
    const requests = this.all();
    this.#requests = [];
    this.#front = 0;
    return requests;
  }
}
