// Puts the addon of build/native into prebuilds/<platform>-<arch>, and beside it every library that it needs and that a
// machine with Node may lack. There it finds them itself, wherever the package is installed.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// What Node itself needs is there wherever Node is.
const baseline = /^(linux-vdso|ld-linux.*|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+)\.so/;

/** Libraries that the loader would take, as [name, path]; the path is undefined where it finds none. */
function needs(file) {
  const lines = execFileSync("ldd", [file], { encoding: "utf8" }).split("\n");
  return lines
    .map((line) => /^\s*(\S+) => (?:(\/\S+)|not found)/.exec(line))
    .filter((match) => match && !baseline.test(match[1]))
    .map(([, name, path]) => [name, path]);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "prebuilds", `${process.platform}-${process.arch}`);
rmSync(target, { recursive: true, force: true });
execFileSync("cmake", ["--install", "build/native", "--prefix", target], { cwd: root, stdio: "inherit" });

const addon = join(target, "microsandbox.node");
for (const [name, path] of needs(join(root, "build/native/microsandbox.node"))) copyFileSync(path, join(target, name));

const strays = needs(addon).filter(([, path]) => !path || dirname(path) !== target);
if (strays.length > 0) throw new Error(`not bundled: ${strays.map(([name]) => name).join(", ")}`);
console.log(`prebuilds: ${readdirSync(target).join(" ")}`);

const license = join(root, "../../LICENSE");
if (existsSync(license)) copyFileSync(license, join(root, "LICENSE"));
