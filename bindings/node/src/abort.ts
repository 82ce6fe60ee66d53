import { native, type NativeHandle } from "./native.js";

// One listener for each signal, however many calls carry it: Node warns of more than ten as of a leak.
const carried = new WeakMap<AbortSignal, Set<NativeHandle>>();

/** Triggers `cancel` when `signal` is aborted. Returns what ends that. */
export function link(signal: AbortSignal, cancel: NativeHandle): () => void {
  let cancels = carried.get(signal);
  if (!cancels) {
    const made = (cancels = new Set<NativeHandle>());
    carried.set(signal, made);
    signal.addEventListener("abort", () => made.forEach((each) => native.cancelTrigger(each)), { once: true });
  }
  const joined = cancels.add(cancel);
  return () => joined.delete(cancel);
}
