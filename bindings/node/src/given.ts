// What a caller gave, held against what is taken: what nobody reads is no typing error that goes unnoticed.

import type { CallOptions } from "./call.js";

/** What every call takes, see {@link CallOptions}. */
const callKeys = keysOf<CallOptions>({ signal: true, onProgress: true, client: true });

/** The names of all members of a type of options. That none is forgotten is for the compiler to see. */
export function keysOf<T>(members: Record<keyof T, true>): string[] {
  return Object.keys(members);
}

/** Refuses options that are none. */
export function known(options: unknown, keys: readonly string[]): void {
  if (options === undefined || options === null) return;
  if (typeof options !== "object") throw new TypeError(`options must be an object, not ${JSON.stringify(options)}`);
  const taken = [...keys, ...callKeys];
  for (const key of Object.keys(options)) {
    if (!taken.includes(key)) throw new TypeError(`unknown option ${JSON.stringify(key)}; there are: ${taken.join(", ")}`);
  }
  const { signal, onProgress } = options as { signal?: unknown; onProgress?: unknown };
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal)) {
    throw new TypeError("options.signal must be an AbortSignal");
  }
  if (onProgress !== undefined && onProgress !== null) the(onProgress, "function", "options.onProgress");
}

/** The value, which has to be of that type. */
export function the<T>(value: T, type: "string" | "boolean" | "function", name: string): T {
  if (typeof value !== type) throw new TypeError(`${name} must be a ${type}`);
  return value;
}

/** The value, a count of something. */
export function whole(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`${name} must be a non-negative integer`);
  return value;
}

/** The members of an object whose values are texts. */
export function texts(values: Readonly<Record<string, string>>, name: string): [string, string][] {
  if (typeof values !== "object" || values === null) throw new TypeError(`${name} must be an object`);
  return Object.entries(values).map(([key, value]) => [key, the(value, "string", `${name}.${key}`)]);
}
