// Puts the addon of build/native into prebuilds/<platform>-<arch>, and beside it every library that it needs and that a
// machine with Node may lack, and the programs that the library starts to run machines. There they find each other,
// wherever the package is installed.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

// What Node itself needs is there wherever Node is.
const baseline = /^(linux-vdso|ld-linux.*|libc|libm|libdl|libresolv|librt|libpthread|libgcc_s|libstdc\+\+)\.so/;

/** Libraries that the loader would take, as [name, path]; the path is undefined where it finds none. */
function needs(file) {
  const lines = execFileSync("ldd", [file], { encoding: "utf8" }).split("\n");
  return lines
    .map((line) => /^\s*(\S+) => (?:(\/\S+)|not found)/.exec(line))
    .filter((match) => match && !baseline.test(match[1]))
    .map(([, name, path]) => [name, path && resolve(path)]);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "prebuilds", `${process.platform}-${process.arch}`);
rmSync(target, { recursive: true, force: true });
execFileSync("cmake", ["--install", "build/native", "--prefix", target], { cwd: root, stdio: "inherit" });

// Where the library looks for them first: in `microsandbox` beside itself.
const libraries = execFileSync("pkg-config", ["--variable=libdir", "microsandbox"], { encoding: "utf8" }).trim();
const helpers = ["msb-monitor", "guest-init"].map((name) => join("microsandbox", name));
mkdirSync(join(target, "microsandbox"));
for (const helper of helpers) {
  copyFileSync(join(libraries, helper), join(target, helper));
  chmodSync(join(target, helper), 0o755);
}

const programs = [join(target, "microsandbox.node"), join(target, helpers[0])]; // the other one needs nothing
for (const program of [join(root, "build/native/microsandbox.node"), programs[1]]) {
  for (const [name, path] of needs(program)) if (path && dirname(path) !== target) copyFileSync(path, join(target, name));
}

const strays = programs.flatMap(needs).filter(([, path]) => !path || dirname(path) !== target);
if (strays.length > 0) throw new Error(`not bundled: ${strays.map(([name]) => name).join(", ")}`);
console.log(`prebuilds: ${readdirSync(target).join(" ")}`);

const license = join(root, "../../LICENSE");
if (existsSync(license)) copyFileSync(license, join(root, "LICENSE"));

/** The Debian package that a file came with; undefined where nobody knows. */
function packageOf(file) {
  // /usr/lib is what /lib was, and is listed under either.
  for (const path of [file, file.replace(/^\/usr/, "")]) {
    const found = spawnSync("dpkg-query", ["-S", path], { encoding: "utf8" });
    if (found.status === 0) return found.stdout.split(":")[0];
  }
  return undefined;
}

// The licenses of all that; the C library is in guest-init.
const licenses = join(target, "licenses");
mkdirSync(licenses);
const own = realpathSync(join(libraries, "libmicrosandbox.so"));
const bundled = needs(join(root, "build/native/microsandbox.node")).concat(needs(join(libraries, helpers[0])))
  .map(([, path]) => path && realpathSync(path)).filter((path) => path && path !== own);
for (const file of new Set([...bundled, realpathSync(libcPath())])) {
  const name = packageOf(file);
  const notice = join("/usr/share/doc", name ?? "", "copyright");
  if (name && existsSync(notice)) copyFileSync(notice, join(licenses, name));
  else console.warn(`no license is known of ${file}: add it to ${licenses} before you publish`);
}

function libcPath() {
  return /libc\.so\S* => (\S+)/.exec(execFileSync("ldd", [process.execPath], { encoding: "utf8" }))[1];
}
