import type { Progress } from "./call.js";
import type { Sandbox } from "./sandbox.js";

/** Events of a sandbox that is being made, in the order they came. */
class ProgressStream implements AsyncIterable<Progress> {
  readonly #events: Progress[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(event: Progress): void {
    this.#events.push(event);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next event; null after the last. */
  async recv(): Promise<Progress | null> {
    while (this.#events.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#events.shift() ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Progress> {
    for (let event = await this.recv(); event; event = await this.recv()) yield event;
  }
}

/** A sandbox that is being made, with what happens meanwhile: iterate, then await it. */
export class PullProgressCreate implements AsyncIterable<Progress> {
  readonly progress: AsyncIterable<Progress> & { recv(): Promise<Progress | null> };
  readonly #sandbox: Promise<Sandbox>;

  /** @internal */
  constructor(create: (onProgress: (event: Progress) => void) => Promise<Sandbox>) {
    const stream = new ProgressStream();
    this.progress = stream;
    this.#sandbox = create((event) => stream.push(event)).finally(() => stream.end());
    this.#sandbox.catch(() => undefined); // it is awaitSandbox() that tells
  }

  awaitSandbox(): Promise<Sandbox> {
    return this.#sandbox;
  }

  [Symbol.asyncIterator](): AsyncIterator<Progress> {
    return this.progress[Symbol.asyncIterator]();
  }
}
