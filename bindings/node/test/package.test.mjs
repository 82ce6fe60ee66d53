// What the package is once installed: ESM and CommonJS with the same objects, and libraries that it brings along.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";

import * as esm from "microsandbox";

const folder = mkdtempSync(join(tmpdir(), "msb-node-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const require = createRequire(import.meta.url);
const cjs = require("microsandbox");
const root = dirname(require.resolve("microsandbox/package.json"));
const names = (module) => Object.keys(module).filter((name) => !["__esModule", "default", "module.exports"].includes(name));

// A library that Node itself is linked to, as Debian's is to zlib, is there before ours and serves everybody.
const nodesOwn = new Set(execFileSync("ldd", [process.execPath], { encoding: "utf8" }).match(/\blib\w+(?=\.so)/g));
const isNodesOwn = (path) => nodesOwn.has(/\/(lib\w+)\.so/.exec(path)?.[1]);

test("import and require give the same objects", () => {
  assert.deepEqual(names(esm).sort(), names(cjs).sort());
  for (const name of names(cjs)) assert.equal(esm[name], cjs[name], name);
});

test("there is nothing to set up", async () => {
  assert.equal(esm.isInstalled(), true);
  await esm.install();
  await esm.setup().version("0.6.3").force(true).install();
  assert.match(esm.libraryVersion(), /^\d+\.\d+\.\d+$/);
});

test("installing runs no script", () => {
  const { scripts, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const hook of ["preinstall", "install", "postinstall", "prepare"]) assert.equal(scripts[hook], undefined);
  assert.equal(dependencies, undefined);
  assert.ok(!existsSync(join(root, "src")) && !existsSync(join(root, "native")));
});

test("README and license are in the package", () => {
  for (const file of ["README.md", "LICENSE"]) assert.ok(existsSync(join(root, file)), file);
});

test("the licenses of what is bundled are in the package", () => {
  const prebuilds = join(root, "prebuilds", `${process.platform}-${process.arch}`);
  const packages = { crypto: "libssl3", sqlite3: "libsqlite3-0", jansson: "libjansson4", zstd: "libzstd1", ext2fs: "libext2fs2" };
  const bundled = Object.keys(packages).filter((name) => readdirSync(prebuilds).some((file) => file.startsWith(`lib${name}.so`)));
  assert.ok(bundled.length >= 4, readdirSync(prebuilds).join());
  for (const name of [...bundled.map((library) => packages[library]), "libc6"]) { // libc is in guest-init
    assert.ok(statSync(join(prebuilds, "licenses", name)).size > 0, name);
  }
});

test("the library in use is the one in the package, and binds to what lies beside it", () => {
  const program = 'const m = require("microsandbox"); console.log(require("fs").readFileSync("/proc/self/maps", "utf8"))';
  const maps = execFileSync(process.execPath, ["-e", program], { cwd: dirname(root), encoding: "utf8" });
  const mapped = new Set(maps.match(/\/\S+\.(so|node)\b\S*/g));
  const ours = [...mapped].filter((path) => path.startsWith(root));
  assert.ok(ours.some((path) => path.includes("libmicrosandbox.so")));
  for (const library of ["libz", "libzstd", "libcrypto", "libsqlite3", "libjansson"].filter((name) => !nodesOwn.has(name))) {
    const loaded = [...mapped].filter((path) => path.includes(`/${library}.so`));
    assert.deepEqual(loaded.filter((path) => !path.startsWith(root)), [], `${library} of the system`);
    assert.equal(loaded.length, 1, library);
  }
});

test("the programs that run machines come along, and need nothing that the package lacks", () => {
  const helpers = join(root, "prebuilds", `${process.platform}-${process.arch}`, "microsandbox");
  assert.deepEqual(readdirSync(helpers).sort(), ["guest-init", "msb-monitor"]);
  for (const name of readdirSync(helpers)) assert.equal(statSync(join(helpers, name)).mode & 0o111, 0o111, name);
  const needed = execFileSync("ldd", [join(helpers, "msb-monitor")], { encoding: "utf8" });
  assert.doesNotMatch(needed, /not found/);
  for (const library of ["libcrypto", "libsqlite3", "libjansson"]) {
    const [, path] = new RegExp(`${library}\\S+ => (\\S+)`).exec(needed);
    assert.ok(resolve(path).startsWith(root), path);
  }
});

test("what the system lacks is named", (t) => {
  const program = `
    require("microsandbox").Image.pull("127.0.0.1:1/none").catch(({ code, message }) => console.log(code, message))`;
  const script = 'mount --bind /dev/null "$1" && exec "$2" -e "$3"';
  const curl = /libcurl\.so\.4 .*=> (\S+)/.exec(execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }))?.[1];
  if (!curl) return t.skip("no libcurl to hide");
  if (spawnSync("unshare", ["-m", "true"]).status !== 0) return t.skip("only root may hide it");
  const { stdout } = spawnSync(
    "unshare", ["-m", "sh", "-c", script, "sh", realpathSync(curl), process.execPath, program],
    { cwd: dirname(root), encoding: "utf8", env: { ...process.env, MSB_HOME: join(folder, "home") } });
  assert.match(stdout, /^unsupported unsupported operation: .*libcurl\.so\.4.*libcurl4/);
});

test("symbols that Node shows as well are bound to the libraries' own", () => {
  const program = 'require("microsandbox").Image.pull("127.0.0.1:1/none").catch(() => {})'; // nobody is there to answer
  const { status, stderr } = spawnSync(process.execPath, ["-e", program], {
    cwd: dirname(root), encoding: "utf8", maxBuffer: 1 << 30,
    env: { ...process.env, MSB_HOME: join(folder, "home"), LD_DEBUG: "bindings", LD_BIND_NOW: "1" },
  });
  assert.equal(status, 0);
  // libcurl and what it brings along are the system's, but for what the package has.
  const bound = /binding file (\S+\/(libmicrosandbox|libcurl|libssl)\.so\S*) \[\d+\] to (\S+) \[\d+\]: normal symbol `(inflate|EVP_DigestInit_ex|SSL_new)'/g;
  const bindings = [...stderr.matchAll(bound)].map(([, , library, target, symbol]) => ({ library, target, symbol }));
  assert.ok(bindings.some(({ library }) => library === "libmicrosandbox"), "the loader told nothing");
  for (const { library, target, symbol } of bindings) assert.notEqual(target, realpathSync(process.execPath), `${symbol} of ${library}`);
  for (const { library, target } of bindings) if (library === "libmicrosandbox") assert.ok(target.startsWith(root) || isNodesOwn(target), target);
});
