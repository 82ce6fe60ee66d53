import { link } from "./abort.js";
import type { Client } from "./client.js";
import { isNativeFailure, toError } from "./failure.js";
import { native, type Control } from "./native.js";

/** Where a long call stands. */
export interface Progress {
  readonly phase:
    | "resolving" | "resolved" | "downloading" | "verifying" | "materializing" | "writing" | "merging" | "copying"
    | "hashing" | "packing" | "unpacking" | "installing" | "indexing" | "complete";
  /** What is worked on: a reference, digest or path. */
  readonly item: string | null;
  /** Position of `item`, from 0. */
  readonly index: number;
  /** Number of items; 0 when unknown. */
  readonly count: number;
  /** Bytes; items while indexing. */
  readonly done: bigint;
  /** In the unit of `done`; null when unknown. */
  readonly total: bigint | null;
}

/** What every call that may wait takes besides its own arguments. */
export interface CallOptions {
  /** Stops the call. It rejects with the signal's reason, once the work has ended and left nothing behind. */
  signal?: AbortSignal | undefined;
  /**
   * Told at most every 50 ms within a phase, and of every new phase; `complete` is the last of a call that succeeds.
   * If it throws, the call stops and rejects with what was thrown.
   */
  onProgress?: ((event: Progress) => void) | undefined;
  /** The home to work in; by default that of {@link Client.default}. */
  client?: Client | undefined;
}

/**
 * Makes one call of the addon, which may be aborted, and turns what it rejects with into what users catch. A call that
 * succeeded although it was aborted meanwhile did succeed, and its result is returned.
 * @internal
 */
export async function controlled<T>(
  options: CallOptions | undefined, start: (control: Control | undefined) => Promise<T>,
): Promise<T> {
  const signal = options?.signal;
  signal?.throwIfAborted();
  if (!signal) {
    try {
      return await start(options?.onProgress && { onProgress: options.onProgress });
    } catch (raw) {
      throw toError(raw);
    }
  }
  const cancel = native.cancelNew();
  const unlink = link(signal, cancel);
  try {
    return await start({ cancel, onProgress: options?.onProgress });
  } catch (raw) {
    throw signal.aborted && isNativeFailure(raw) && raw.tag === "cancelled" ? signal.reason : toError(raw);
  } finally {
    unlink();
    cancel.close();
  }
}
