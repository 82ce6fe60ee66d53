// Every signature of the sandbox surface, held by tsc.
import {
  GiB, KiB, MiB, PullPolicies, PullProgressCreate, Sandbox, SandboxBuilder, SandboxHandle, SandboxStatuses, Snapshot, TiB,
} from "microsandbox";
import type {
  CallOptions, CreateOptions, LogOptions, Progress, PullOptions, PullPolicy, RunOptions, RunResult,
  SandboxConfig, SandboxStatus, SandboxStopResult, StartOptions,
} from "microsandbox";
import { same, type Same } from "./same.mjs";

type Own = Omit<CallOptions, "client">;

same<Same<typeof Sandbox.builder, (name: string) => SandboxBuilder>>();
same<Same<typeof Sandbox.get, (name: string, options?: CallOptions) => Promise<SandboxHandle>>>();
same<Same<typeof Sandbox.list, (options?: CallOptions) => Promise<SandboxHandle[]>>>();
same<Same<
  typeof Sandbox.listWith,
  (filter: { labels?: Record<string, string> }, options?: CallOptions) => Promise<SandboxHandle[]>
>>();
same<Same<typeof Sandbox.start, (name: string, options?: StartOptions & CallOptions) => Promise<Sandbox>>>();
same<Same<typeof Sandbox.startDetached, typeof Sandbox.start>>();
same<Same<
  typeof Sandbox.run,
  (name: string, command: readonly string[], options?: RunOptions & CallOptions) => Promise<RunResult>
>>();
same<Same<typeof Sandbox.remove, (name: string, options?: CallOptions) => Promise<void>>>();

export async function builder(): Promise<Sandbox> {
  const set: SandboxBuilder = new SandboxBuilder("worker").image("i").fromSnapshot("s").label("k", "v")
    .labels({ k: "v" }).cpus(1).memory(MiB(512)).replace().replaceWithTimeout(1000).detached(true).ephemeral(false)
    .pullPolicy("if-missing").boot(false).env("k", "v").envs({ k: "v" });
  const config: SandboxConfig = await set.build();
  const creating: PullProgressCreate = await set.createWithPullProgress();
  for await (const event of creating) {
    const known: Progress = event;
    void known;
  }
  const next: Promise<Progress | null> = creating.progress.recv();
  void [config, next];
  return creating.awaitSandbox();
}

type Machine = {
  stop(options?: Own): Promise<void>;
  stopWithTimeout(timeoutMs: number, options?: Own): Promise<void>;
  kill(options?: Own): Promise<void>;
  killWithTimeout(timeoutMs: number, options?: Own): Promise<void>;
  requestStop(options?: Own): Promise<void>;
  requestKill(options?: Own): Promise<void>;
  requestDrain(options?: Own): Promise<void>;
  waitUntilStopped(options?: Own): Promise<SandboxStopResult>;
  run(command: readonly string[], options?: RunOptions & Own): Promise<RunResult>;
  logs(options?: LogOptions & Own): Promise<Buffer>;
};
same<Same<Pick<Sandbox, keyof Machine>, Machine>>();
same<Same<Pick<SandboxHandle, keyof Machine>, Machine>>();
same<Same<SandboxBuilder["create"], (options?: CreateOptions) => Promise<Sandbox>>>();
same<Same<CreateOptions["machine"], StartOptions | undefined>>();
same<Same<CreateOptions["pull"], Omit<PullOptions, "policy"> | undefined>>();
same<Same<StartOptions["command"], readonly string[] | undefined>>();
same<Same<RunOptions["onOutput"], ((chunk: Buffer, source: "stdout" | "stderr") => void) | undefined>>();
same<Same<Pick<RunResult, "exitCode" | "signal" | "stdout" | "stderr">, {
  readonly exitCode: number;
  readonly signal: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}>>();
same<Same<Sandbox["name"], string>>();
same<Same<Sandbox["ownsLifecycle"], boolean>>();
same<Same<Sandbox["detach"], () => Promise<void>>>();
same<Same<Sandbox[typeof Symbol.asyncDispose], () => Promise<void>>>();

same<Same<Pick<SandboxHandle, "name" | "status" | "configJson" | "createdAt" | "updatedAt">, {
  readonly name: string;
  readonly status: SandboxStatus;
  readonly configJson: string;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
}>>();
same<Same<SandboxHandle["config"], () => SandboxConfig>>();
same<Same<SandboxHandle["refresh"], (options?: Own) => Promise<SandboxHandle>>>();
same<Same<SandboxHandle["start"], (options?: StartOptions & Own) => Promise<Sandbox>>>();
same<Same<SandboxHandle["startDetached"], SandboxHandle["start"]>>();
same<Same<SandboxHandle["connect"], () => Promise<Sandbox>>>();
same<Same<SandboxHandle["connectWithTimeout"], (ms: number) => Promise<Sandbox>>>();
same<Same<SandboxHandle["remove"], (options?: Own) => Promise<void>>>();
same<Same<SandboxHandle["snapshot"], (name: string, options?: Own) => Promise<Snapshot>>>();
same<Same<SandboxHandle["snapshotTo"], (path: string, options?: Own) => Promise<Snapshot>>>();

same<Same<typeof SandboxStatuses, readonly SandboxStatus[]>>();
same<Same<typeof PullPolicies, readonly PullPolicy[]>>();
same<Same<ReturnType<typeof KiB | typeof MiB | typeof GiB | typeof TiB>, number>>();
