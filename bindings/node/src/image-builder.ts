import type { DiskImageFormat } from "./pull-policy.js";
import { the, whole } from "./given.js";

/** What {@link ImageBuilder} was told. */
export type RootSource =
  | { readonly kind: "oci"; readonly reference: string; readonly upperSizeMib?: number }
  | { readonly kind: "bind"; readonly path: string }
  | { readonly kind: "disk"; readonly path: string; readonly format?: DiskImageFormat; readonly fstype?: string };

/**
 * Says what a sandbox is made from: `Sandbox.builder(name).imageWith((image) => image.oci("python:3.12").upperSize(8192))`.
 * Directories and disk images of the host are for `msb`; this package makes no sandbox from them.
 */
export class ImageBuilder {
  #source: RootSource | undefined;

  /** An image, by its reference. */
  oci(reference: string): this {
    this.#source = { kind: "oci", reference: the(reference, "string", "reference") };
    return this;
  }

  /** Size of the writable disk above an image, in MiB. */
  upperSize(mib: number): this {
    if (this.#source?.kind !== "oci") throw new TypeError("upperSize() is of an image: call oci() first");
    this.#source = { ...this.#source, upperSizeMib: whole(mib, "mib") };
    return this;
  }

  /** A directory of the host. */
  bind(path: string): this {
    this.#source = { kind: "bind", path: the(path, "string", "path") };
    return this;
  }

  /** A disk image of the host. */
  disk(path: string): this {
    this.#source = { kind: "disk", path: the(path, "string", "path") };
    return this;
  }

  format(format: DiskImageFormat): this {
    return this.#ofDisk("format", { format });
  }

  fstype(fstype: string): this {
    return this.#ofDisk("fstype", { fstype: the(fstype, "string", "fstype") });
  }

  /** Undefined when it was told nothing. */
  build(): RootSource | undefined {
    return this.#source;
  }

  #ofDisk(what: string, more: { format: DiskImageFormat } | { fstype: string }): this {
    if (this.#source?.kind !== "disk") throw new TypeError(`${what}() is of a disk image: call disk() first`);
    this.#source = { ...this.#source, ...more };
    return this;
  }
}
