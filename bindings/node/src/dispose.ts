/** Makes `await using` end objects of a class, in the Nodes that know of it (18.18 and later). */
export function disposedBy<T>(Class: { readonly prototype: T }, end: (object: T) => Promise<void>): void {
  if (typeof Symbol.asyncDispose !== "symbol") return;
  Object.defineProperty(Class.prototype, Symbol.asyncDispose, {
    configurable: true,
    writable: true,
    value(this: T) {
      return end(this);
    },
  });
}
