// The signatures of clients, held by tsc.
import { Client, Home, Setup, install, isInstalled, libraryVersion, liveHandles, setup } from "microsandbox";
import type { CallOptions, ClientOptions, HomeOptions, HomeProblem, HomeReport, LogEntry, SnapshotForm } from "microsandbox";
import { same, type Same } from "./same.mjs";

same<Same<typeof Client.open, (options?: ClientOptions) => Promise<Client>>>();
same<Same<typeof Client.default, () => Promise<Client>>>();
same<Same<Client["close"], () => Promise<void>>>();
same<Same<Client["recover"], (options?: Omit<CallOptions, "client">) => Promise<number>>>();
same<Same<Client[typeof Symbol.asyncDispose], () => Promise<void>>>();
same<Same<ClientOptions["onLog"], ((entry: LogEntry) => void) | undefined>>();
same<Same<ClientOptions["logLevel"], "error" | "warn" | "info" | "debug" | undefined>>();
same<Same<ClientOptions["newHomeRelease"], string | undefined>>();
same<Same<typeof Home.inspect, (options?: HomeOptions & Omit<CallOptions, "client">) => Promise<HomeReport>>>();
same<Same<HomeReport["generation"], SnapshotForm | "groups" | "none" | "unknown">>();
same<Same<HomeReport["schema"], string | null>>();
same<Same<HomeReport["problems"], readonly HomeProblem[]>>();
same<Same<typeof libraryVersion, () => string>>();
same<Same<typeof liveHandles, () => number>>();
same<Same<typeof install, () => Promise<void>>>();
same<Same<typeof isInstalled, () => boolean>>();
same<Same<typeof setup, () => Setup>>();
export const installed: Promise<void> = new Setup().baseDir("d").version("v").skipVerify(true).force(true).install();

// @ts-expect-error: open() makes them
new Client();
// @ts-expect-error: there are none
new Home();
