import type { CallOptions } from "./call.js";
import { onClient } from "./client.js";
import { InvalidConfigError } from "./errors.js";
import { the } from "./given.js";
import { native } from "./native.js";
import { Snapshot } from "./snapshot.js";

/** What a builder was told. */
export interface SnapshotConfig {
  sourceSandbox: string;
  destinationKind: "name" | "path" | "unset";
  destinationValue?: string;
  labels: { key: string; value: string }[];
  force: boolean;
  recordIntegrity: boolean;
}

/** Collects what a snapshot is to be; each setter returns the builder. `create()` uses it up. */
export class SnapshotBuilder {
  #subject: string;
  #source: string | undefined;
  #name: string | undefined;
  #path: string | undefined;
  #destDir: string | undefined;
  #labels: [string, string][] = [];
  #force = false;
  #recordIntegrity = false;
  #used = false;

  constructor(sourceSandbox: string) {
    this.#subject = sourceSandbox;
  }

  /** A bare name under the snapshots directory. Either this or a path: `create()` refuses both. */
  name(name: string): this {
    return this.#set(() => (this.#name = the(name, "string", "name")));
  }

  /** The directory to create. */
  path(path: string): this {
    return this.#set(() => (this.#path = the(path, "string", "path")));
  }

  /** The later value of a key counts. */
  label(key: string, value: string): this {
    return this.#set(() => this.#labels.push([the(key, "string", "key"), the(value, "string", "value")]));
  }

  /** Replace the snapshot that is there. */
  force(): this {
    return this.#set(() => (this.#force = true));
  }

  /** Hash the disk and record the digest, for `verify()`. */
  recordIntegrity(): this {
    return this.#set(() => (this.#recordIntegrity = true));
  }

  /** The spelling of later releases: with it, what the builder was made with is the name of the snapshot. */
  fromSandbox(sourceSandbox: string): this {
    return this.#set(() => (this.#source = the(sourceSandbox, "string", "sourceSandbox")));
  }

  /** With a name: put it there instead of the snapshots directory. */
  destDir(dir: string): this {
    return this.#set(() => (this.#destDir = the(dir, "string", "dir")));
  }

  build(): SnapshotConfig {
    const { name, path } = this.#target();
    const kind = name !== undefined ? "name" : path !== undefined ? "path" : "unset";
    return {
      sourceSandbox: this.#source ?? this.#subject,
      destinationKind: kind,
      ...(kind !== "unset" && { destinationValue: name ?? path }),
      labels: this.#labels.map(([key, value]) => ({ key, value })),
      force: this.#force,
      recordIntegrity: this.#recordIntegrity,
    };
  }

  async create(options?: CallOptions): Promise<Snapshot> {
    const target = this.#target();
    this.#set(() => (this.#used = true));
    const create = {
      ...target, destDir: this.#destDir, labels: this.#labels, force: this.#force,
      recordIntegrity: this.#recordIntegrity,
    };
    return onClient(options, async (client, control) =>
      new Snapshot(await native.snapshotCreate(client.handle, this.#source ?? this.#subject, create, control), client));
  }

  #target(): { name?: string; path?: string } {
    if (this.#name !== undefined && this.#path !== undefined) {
      throw new InvalidConfigError("invalid config: a snapshot has a name or a path, not both");
    }
    if (this.#path !== undefined) return { path: this.#path };
    const name = this.#name ?? (this.#source === undefined ? undefined : this.#subject);
    return name === undefined ? {} : { name };
  }

  #set(change: () => void): this {
    if (this.#used) throw new Error("SnapshotBuilder was used: create() can be called once, and nothing after it");
    change();
    return this;
  }
}
