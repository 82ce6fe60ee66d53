// The signatures of clients, held by tsc.
import { Client, Setup, install, isInstalled, libraryVersion, liveHandles, setup } from "microsandbox";
import type { CallOptions, ClientOptions, LogEntry } from "microsandbox";
import { same, type Same } from "./same.mjs";

same<Same<typeof Client.open, (options?: ClientOptions) => Promise<Client>>>();
same<Same<typeof Client.default, () => Promise<Client>>>();
same<Same<Client["close"], () => Promise<void>>>();
same<Same<Client["recover"], (options?: Omit<CallOptions, "client">) => Promise<number>>>();
same<Same<Client[typeof Symbol.asyncDispose], () => Promise<void>>>();
same<Same<ClientOptions["onLog"], ((entry: LogEntry) => void) | undefined>>();
same<Same<ClientOptions["logLevel"], "error" | "warn" | "info" | "debug" | undefined>>();
same<Same<typeof libraryVersion, () => string>>();
same<Same<typeof liveHandles, () => number>>();
same<Same<typeof install, () => Promise<void>>>();
same<Same<typeof isInstalled, () => boolean>>();
same<Same<typeof setup, () => Setup>>();
export const installed: Promise<void> = new Setup().baseDir("d").version("v").skipVerify(true).force(true).install();

// @ts-expect-error: open() makes them
new Client();
