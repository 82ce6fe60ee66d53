import type { Progress } from "./call.js";
import type { Sandbox } from "./sandbox.js";

/** What happens while an image is pulled. */
export type PullProgress =
  | { readonly kind: "resolving"; readonly reference: string }
  /** The digest and the size are known once the image is: until then they are null. */
  | {
      readonly kind: "resolved"; readonly reference: string; readonly manifestDigest: string | null;
      readonly layerCount: number; readonly totalDownloadBytes: number | null;
    }
  | {
      readonly kind: "layerDownloadProgress"; readonly layerIndex: number; readonly digest: string;
      readonly downloadedBytes: number; readonly totalBytes: number | null;
    }
  | {
      readonly kind: "layerDownloadComplete"; readonly layerIndex: number; readonly digest: string;
      readonly downloadedBytes: number;
    }
  | { readonly kind: "layerDownloadVerifying"; readonly layerIndex: number; readonly digest: string }
  | { readonly kind: "layerMaterializeStarted"; readonly layerIndex: number; readonly diffId: string }
  | {
      readonly kind: "layerMaterializeProgress"; readonly layerIndex: number; readonly bytesRead: number;
      readonly totalBytes: number;
    }
  | { readonly kind: "layerMaterializeWriting"; readonly layerIndex: number }
  | { readonly kind: "layerMaterializeComplete"; readonly layerIndex: number; readonly diffId: string }
  | { readonly kind: "stitchMergingTrees"; readonly layerCount: number }
  | { readonly kind: "stitchWritingFsmeta" }
  | { readonly kind: "stitchWritingVmdk" }
  | { readonly kind: "stitchComplete" }
  | { readonly kind: "complete"; readonly reference: string; readonly layerCount: number };

/** An event as {@link PullProgress} has it, and as every call reports it. `kind` is the phase where no pull has one like it. */
export type PullEvent = Progress & (PullProgress | { readonly kind: "copying" | "hashing" | "packing" | "unpacking" | "installing" });

/** Tells events of calls as those of a pull. */
class Translation {
  #reference = "";
  #layers = 0;
  readonly #begun = new Set<number>();
  readonly #complete = new Set<number>();

  /** What an event says, in order. */
  of(event: Progress): PullEvent[] {
    return this.#shapes(event).map((shape) => ({ ...event, ...shape }) as PullEvent);
  }

  #shapes({ phase, item, index, count, done, total }: Progress): (PullProgress | { kind: Progress["phase"] })[] {
    const layer = { layerIndex: index };
    const digest = item ?? "";
    const bytes = { done: Number(done), total: total === null ? null : Number(total) };
    switch (phase) {
      case "resolving":
        this.#reference = digest;
        return [{ kind: "resolving", reference: digest }];
      case "resolved":
        this.#layers = count;
        return [{ kind: "resolved", reference: digest, manifestDigest: null, layerCount: count, totalDownloadBytes: null }];
      case "downloading": {
        const shapes: PullProgress[] = [
          { kind: "layerDownloadProgress", ...layer, digest, downloadedBytes: bytes.done, totalBytes: bytes.total },
        ];
        if (done === total && !this.#complete.has(index)) {
          this.#complete.add(index);
          shapes.push({ kind: "layerDownloadComplete", ...layer, digest, downloadedBytes: bytes.done });
        }
        return shapes;
      }
      case "verifying":
        return [{ kind: "layerDownloadVerifying", ...layer, digest }];
      case "materializing": {
        const shapes: PullProgress[] = this.#begun.has(index) ? [] : [{ kind: "layerMaterializeStarted", ...layer, diffId: digest }];
        this.#begun.add(index);
        shapes.push({ kind: "layerMaterializeProgress", ...layer, bytesRead: bytes.done, totalBytes: bytes.total ?? bytes.done });
        return shapes;
      }
      case "writing":
        return [{ kind: "layerMaterializeWriting", ...layer }];
      case "merging":
        return [{ kind: "stitchMergingTrees", layerCount: this.#layers }];
      case "indexing":
        return [{ kind: "stitchComplete" }];
      case "complete":
        return [{ kind: "complete", reference: this.#reference, layerCount: this.#layers }];
      default:
        return [{ kind: phase }];
    }
  }
}

/** Events of a sandbox that is being made, in the order they came. */
class ProgressStream implements AsyncIterable<PullEvent> {
  readonly #translation = new Translation();
  readonly #events: PullEvent[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(event: Progress): void {
    this.#events.push(...this.#translation.of(event));
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next event; null after the last. */
  async recv(): Promise<PullEvent | null> {
    while (this.#events.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#events.shift() ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<PullEvent> {
    for (let event = await this.recv(); event; event = await this.recv()) yield event;
  }
}

/** A sandbox that is being made, with what happens meanwhile: iterate, then await it. */
export class PullProgressCreate implements AsyncIterable<PullEvent> {
  readonly progress: AsyncIterable<PullEvent> & { recv(): Promise<PullEvent | null> };
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

  [Symbol.asyncIterator](): AsyncIterator<PullEvent> {
    return this.progress[Symbol.asyncIterator]();
  }
}
