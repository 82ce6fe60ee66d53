import { userInfo } from "node:os";
import { join } from "node:path";

import { controlled, type CallOptions } from "./call.js";
import { keysOf, known } from "./given.js";
import { native } from "./native.js";

/** Where a home is, and what it is made for. */
export interface HomeOptions {
  /** State root; by default `$MSB_HOME`, else `~/.microsandbox`. */
  home?: string;
  /** By default `<home>/cache`, or what the home's `config.json` says; likewise the next two. */
  cacheDir?: string;
  snapshotsDir?: string;
  sandboxesDir?: string;
  /** Longest wait for a lock of another process. */
  busyTimeoutMs?: number;
  /**
   * Release of microsandbox that a home without an index is made for, "0.6.3" to "0.6.18"; by default 0.6.3, which later
   * ones upgrade. A home that has an index stays as it is.
   */
  newHomeRelease?: string;
}

/** @internal */
export const homeKeys = keysOf<HomeOptions>({
  home: true, cacheDir: true, snapshotsDir: true, sandboxesDir: true, busyTimeoutMs: true, newHomeRelease: true,
});

/**
 * The options with the home that is meant by default. The library would ask the environment of the process, which is not
 * always that of the program: a worker may have one of its own, and Bun keeps what a program sets to itself. @internal
 */
export function inHome<T extends HomeOptions>(options: T | undefined): T | undefined {
  if (options?.home) return options;
  const { MSB_HOME, HOME } = process.env;
  try {
    return { ...options, home: MSB_HOME || join(HOME || userInfo().homedir, ".microsandbox") } as T;
  } catch {
    return options; // nobody knows of a home directory, as the library will say
  }
}

/** The file that describes a snapshot: "manifest.json" up to 0.6.6, "snapshot.json" from 0.6.7 on. */
export type SnapshotForm = "manifest.json" | "snapshot.json";

/** Something wrong with a home. `msbctl check --repair` puts many right. */
export interface HomeProblem {
  readonly kind:
    | "layerCorrupt" | "layerMissing" | "fsmetaInvalid" | "vmdkInvalid" | "metadataInvalid" | "orphan" | "leftover"
    | "recipeInvalid" | "snapshotDamaged" | "indexStale" | "indexDamaged" | "homeReserved" | "notTranslated"
    | "statusStale" | "other";
  /** Reference, digest or file it is about. */
  readonly subject: string;
  /** The file; null when it is a row. */
  readonly path: string | null;
  /** One line that says what is wrong and what to do. */
  readonly message: string;
}

/** What a home is, who can use it, what of it can be written, and what is wrong with it. */
export interface HomeReport {
  readonly home: string;
  /** The index, be it there or not. */
  readonly database: string;
  /**
   * "empty": without an index; "ready": of a release whose index this library writes; "foreign": its index can be read, and
   * must not be written; "unreadable": its index cannot be read.
   */
  readonly state: "missing" | "empty" | "ready" | "foreign" | "unreadable" | "unknown";
  /** How it describes snapshots: "groups" are those of 0.7, "none" is without an index. */
  readonly generation: SnapshotForm | "groups" | "none" | "unknown";
  /** What can be written: "files" is no row of the index. */
  readonly writes: "everything" | "files" | "nothing" | "unknown";
  /** Why not everything can be written; null when it can. */
  readonly obstacle: string | null;
  /** `microsandbox 0.6.14 (23 migrations)`; null without an index that can be read, like the next. */
  readonly schema: string | null;
  /** Its id; of a later release the one that is not known. */
  readonly lastMigration: string | null;
  /** Number of those that the index has been through. */
  readonly migrations: number;
  /** First that opens it: older ones refuse. Without an index, what would be made. Null when not known, like the next. */
  readonly oldestRelease: string | null;
  /** Last that leaves it as it is: later ones upgrade it. */
  readonly newestRelease: string | null;
  /** References in the index. */
  readonly images: number;
  readonly sandboxes: number;
  /** Sandboxes whose machine lives. */
  readonly running: number;
  /** In the index. */
  readonly indexedSnapshots: number;
  /** In the snapshots directory, and readable. */
  readonly snapshots: number;
  readonly problems: readonly HomeProblem[];
}

/** Tells what homes are, without opening them. */
export class Home {
  private constructor() {}

  /**
   * Changes nothing at all, and works where `Client.open` does not: on a home that is missing, damaged, read-only, or newer
   * than known. What is wrong with it is in the report, and no reason to reject.
   */
  static async inspect(options?: HomeOptions & Omit<CallOptions, "client">): Promise<HomeReport> {
    known(options, homeKeys);
    return controlled(options, (control) => native.homeInspect(inHome(options), control));
  }
}
