import { controlled, type CallOptions } from "./call.js";
import { disposedBy } from "./dispose.js";
import { homeKeys, inHome, type HomeOptions } from "./home.js";
import { keysOf, known } from "./given.js";
import { stopAll } from "./machine.js";
import { native, type ClientData, type Control, type NativeHandle } from "./native.js";

/** What the library has to say that is no failure: a damaged snapshot that a list leaves out, a file that was rebuilt. */
export interface LogEntry {
  readonly level: "error" | "warn" | "info" | "debug";
  /** The part of the library that it comes from. */
  readonly target: string;
  readonly message: string;
}

export interface ClientOptions extends HomeOptions {
  /** Change nothing on disk; calls that would reject. */
  readOnly?: boolean;
  /** A home that does not exist is an error. */
  noCreate?: boolean;
  /** Do not look for leftovers of dead processes. */
  noRecover?: boolean;
  /** Most threads of one call; by default the number of processors. */
  threads?: number;
  /** Told until the client is closed. */
  onLog?: (entry: LogEntry) => void;
  /** Most verbose level that `onLog` wants; by default "warn". */
  logLevel?: LogEntry["level"];
}

/**
 * An open home. Programs that use one home need none of this: every call opens the default one when it is first needed.
 * Others pass theirs as an option: `Image.list({ client })`.
 */
export class Client {
  /** @internal */
  readonly handle: NativeHandle;
  readonly home: string;
  readonly cacheDir: string;
  readonly snapshotsDir: string;
  readonly sandboxesDir: string;
  /** Whether nothing can be changed: opened so, or of a schema newer than known. */
  readonly readOnly: boolean;

  private constructor(data: ClientData) {
    this.handle = data.handle;
    this.home = data.home;
    this.cacheDir = data.cacheDir;
    this.snapshotsDir = data.snapshotsDir;
    this.sandboxesDir = data.sandboxesDir;
    this.readOnly = data.readOnly;
  }

  /** Opens a home, and creates it where there is none; `Home.inspect` looks without opening. */
  static async open(options?: ClientOptions): Promise<Client> {
    known(options, clientKeys);
    return new Client(await controlled(undefined, (control) => native.clientOpen(inHome(options), control)));
  }

  /** The client of calls that name none: that of `$MSB_HOME` or `~/.microsandbox`, which stays open until it is closed. */
  static async default(): Promise<Client> {
    const key = `${process.env["MSB_HOME"]}\0${process.env["HOME"]}`;
    if (current?.key !== key) current = { key, client: Client.open() };
    const { client } = current;
    try {
      return await client;
    } catch (error) {
      if (current?.client === client) current = undefined; // the next call tries again
      throw error;
    }
  }

  /** Finishes or removes what processes that died had begun; resolves to the number of things put right. */
  recover(options?: Omit<CallOptions, "client">): Promise<number> {
    return controlled(options, (control) => native.clientRecover(this.handle, control));
  }

  /**
   * Stops the sandboxes that this program has booted with it and not detached, and waits for the calls that run; later
   * ones reject. Snapshots and other objects that came from it stay valid.
   */
  async close(): Promise<void> {
    await stopAll(this);
    if ((await current?.client.catch(() => undefined)) === this) current = undefined;
    await controlled(undefined, (control) => native.clientClose(this.handle, control));
    this.handle.close();
  }
}

export interface Client {
  [Symbol.asyncDispose](): Promise<void>;
}
disposedBy(Client, (client) => client.close());

/** The default client, and the environment it was opened in: a program that changes that gets another one. */
let current: { readonly key: string; readonly client: Promise<Client> } | undefined;

const clientKeys = [
  ...homeKeys,
  ...keysOf<Omit<ClientOptions, keyof HomeOptions>>({
    readOnly: true, noCreate: true, noRecover: true, threads: true, onLog: true, logLevel: true,
  }),
];

/** A call on `client`, whose options are those of every call, and `keys`. @internal */
export async function onClientOf<T>(
  client: Client, options: CallOptions | undefined,
  start: (client: Client, control: Control | undefined) => Promise<T>, keys: readonly string[] = [],
): Promise<T> {
  known(options, keys);
  if (!(client instanceof Client)) throw new TypeError("client must be an object of this library");
  if (options?.client && options.client !== client) throw new TypeError("options.client is not the one that this object is of");
  return controlled(options, (control) => start(client, control));
}

/** A call on the client that `options` names, or on the default one. @internal */
export async function onClient<T>(
  options: CallOptions | undefined, start: (client: Client, control: Control | undefined) => Promise<T>,
  keys: readonly string[] = [],
): Promise<T> {
  known(options, keys);
  options?.signal?.throwIfAborted();
  return onClientOf(options?.client ?? (await Client.default()), options, start, keys);
}
