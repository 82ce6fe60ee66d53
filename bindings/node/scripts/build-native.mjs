// Builds the addon against the microsandbox that pkg-config finds, into build/native.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = (...args) => execFileSync("cmake", args, { cwd: root, stdio: "inherit" });

run("-S", "native", "-B", "build/native", "-DCMAKE_BUILD_TYPE=Release");
run("--build", "build/native", "--parallel");
