// For programs that install a runtime before they begin. This package brings its library along: there is nothing to fetch.
import { native } from "./native.js";

/** Settings of an installation; accepted, and without effect. */
export class Setup {
  baseDir(_path: string): this { return this; }
  version(_version: string): this { return this; }
  skipVerify(_enabled: boolean): this { return this; }
  force(_enabled: boolean): this { return this; }

  /** Downloads nothing. */
  async install(): Promise<void> {}
}

export function setup(): Setup {
  return new Setup();
}

/** Downloads nothing: the library came with this package. */
export function install(): Promise<void> {
  return setup().install();
}

/** Whether the library is loaded; importing this package fails where it cannot be. */
export function isInstalled(): boolean {
  return native.version() !== "";
}
