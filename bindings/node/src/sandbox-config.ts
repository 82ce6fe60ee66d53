export type SandboxStatus = "created" | "starting" | "running" | "draining" | "paused" | "stopped" | "crashed";

export const SandboxStatuses: readonly SandboxStatus[] = [
  "created", "starting", "running", "draining", "paused", "stopped", "crashed",
];

/** A stored configuration. Its members are those of the release that wrote it, in camel case. */
export interface SandboxConfig {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [member: string]: unknown;
}

// Objects whose keys are the user's own.
const verbatim = new Set(["labels", "scripts"]);

function camelCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCased);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [
    key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    verbatim.has(key) ? member : camelCased(member),
  ]));
}

export function parseConfig(json: string): SandboxConfig {
  return camelCased(JSON.parse(json)) as SandboxConfig;
}
