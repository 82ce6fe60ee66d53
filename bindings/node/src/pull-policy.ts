import { InvalidConfigError } from "./errors.js";

export type PullPolicy = "always" | "if-missing" | "never";

export const PullPolicies: readonly PullPolicy[] = ["always", "if-missing", "never"];

// MSB_PULL_…
const codes: ReadonlyMap<string, number> = new Map([["if-missing", 0], ["always", 1], ["never", 2]]);

/** Of disk images, which this package makes no sandbox from. */
export type DiskImageFormat = "qcow2" | "raw" | "vmdk";

export const DiskImageFormats: readonly DiskImageFormat[] = ["qcow2", "raw", "vmdk"];

/** As the library has it; absent is "if-missing". */
export function policyCode(policy: string = "if-missing"): number {
  const code = codes.get(policy);
  if (code === undefined) throw new InvalidConfigError(`invalid config: unknown pull policy ${JSON.stringify(policy)}`);
  return code;
}
