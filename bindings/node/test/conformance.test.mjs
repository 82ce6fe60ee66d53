// Runs the cases of tests/conformance, which all bindings share; its README says what a step means.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Client, Home, Image, Sandbox, Snapshot, liveHandles } from "microsandbox";

import { collected } from "./support.mjs";
import { matches, plain } from "./conformance-values.mjs";

const { MSB_CONFORMANCE_CASES: cases, MSB_CONFORMANCE_INPUTS: inputs } = process.env;
const require = createRequire(import.meta.url);
const { toError } = require(join(dirname(require.resolve("microsandbox")), "failure.js"));

// What Node cannot say, or says otherwise.
const exceptions = {
  "image_handle.inspect": "image handles are data; Image.inspect(handle.reference) does it",
  "image_handle.remove": "likewise",
  "image.get": "sizes of images are numbers: those above 2^53 are compared as such",
};

/** Operations: (arguments, options of the call, object that it is a method of). */
const operations = {
  "home.inspect": ({ home, release }, { signal, onProgress }) =>
    Home.inspect({ home, newHomeRelease: release, signal, onProgress }),
  "image.load": ({ archive, tag }, options) => Image.load(archive, { tag, ...options }),
  "image.save": ({ references, archive, format }, options) =>
    Image.save(references, { outputPath: archive, format, ...options }),
  "image.get": ({ reference }, options) => Image.get(reference, options),
  "image.list": (_, options) => Image.list(options),
  "image.inspect": ({ reference }, options) => Image.inspect(reference, options),
  "image.remove": ({ reference, force }, options) => Image.remove(reference, { force, ...options }),
  "image.prune": (_, options) => Image.prune(options),
  "image.pull": ({ reference, policy }, options) => Image.pull(reference, { policy, ...options }),
  "image_handle.inspect": (_, options, handle) => Image.inspect(handle.reference, options),
  "image_handle.remove": ({ force }, options, handle) => Image.remove(handle.reference, { force, ...options }),
  "sandbox.create": async ({ name, image, from_snapshot, labels, replace, upper_size_mib }, options) => {
    const builder = Sandbox.builder(name).boot(false).pullPolicy("never");
    if (image != null) builder.image(image);
    if (from_snapshot != null) builder.fromSnapshot(from_snapshot);
    if (labels != null) builder.labels(labels);
    if (replace) builder.replace();
    if (upper_size_mib != null) builder.ociUpperSize(upper_size_mib);
    return Sandbox.get((await builder.create(options)).name, { client: options.client });
  },
  "sandbox.get": ({ name }, options) => Sandbox.get(name, options),
  "sandbox.list": ({ labels }, options) => Sandbox.listWith({ labels: labels ?? undefined }, options),
  "sandbox.remove": ({ name }, options) => Sandbox.remove(name, options),
  "sandbox.start": async ({ name }, options) => void (await Sandbox.start(name, options)),
  "sandbox.run": async ({ name, command }, options) => void (await Sandbox.run(name, command, options)),
  "sandbox_handle.stop": (_, options, handle) => handle.stop(options),
  "sandbox_handle.kill": (_, options, handle) => handle.kill(options),
  "sandbox_handle.connect": async (_, __, handle) => void (await handle.connect()),
  "sandbox_handle.wait": (_, options, handle) => handle.waitUntilStopped(options),
  "sandbox_handle.logs": async ({ source }, options, handle) => (await handle.logs({ source, ...options })).toString(),
  "sandbox_handle.snapshot": ({ name }, options, handle) => handle.snapshot(name, options),
  "sandbox_handle.snapshot_to": ({ path }, options, handle) => handle.snapshotTo(path, options),
  "snapshot.create": ({ source, name, path, labels, force, record_integrity }, options) => {
    const builder = Snapshot.builder(source);
    if (name != null) builder.name(name);
    if (path != null) builder.path(path);
    for (const [key, value] of Object.entries(labels ?? {})) builder.label(key, value);
    if (force) builder.force();
    if (record_integrity) builder.recordIntegrity();
    return builder.create(options);
  },
  "snapshot.convert": ({ ref, dest_dir, record_integrity, integrity_algorithm, drop_parent, ...same }, options) =>
    Snapshot.convert(ref, {
      ...same, destDir: dest_dir, recordIntegrity: record_integrity, integrityAlgorithm: integrity_algorithm,
      dropParent: drop_parent, ...options,
    }),
  "snapshot.open": ({ ref }, options) => Snapshot.open(ref, options),
  "snapshot.get": ({ ref }, options) => Snapshot.get(ref, options),
  "snapshot.list": (_, options) => Snapshot.list(options),
  "snapshot.list_dir": ({ dir }, options) => Snapshot.listDir(dir, options),
  "snapshot.remove": ({ ref, force }, options) => Snapshot.remove(ref, { force, ...options }),
  "snapshot.reindex": ({ dir }, options) => Snapshot.reindex(dir, options),
  "snapshot.export": ({ ref, archive, with_parents, with_image, plain_tar }, options) =>
    Snapshot.export(ref, archive,
                    { withParents: with_parents, withImage: with_image, plainTar: plain_tar, ...options }),
  "snapshot.import": ({ archive, dest }, options) => Snapshot.import(archive, dest, options),
  "snapshot.verify": (_, options, snapshot) => snapshot.verify(options),
  "snapshot_handle.open": (_, options, handle) => handle.open(options),
  "snapshot_handle.remove": ({ force }, options, handle) => handle.remove({ force, ...options }),
  close: async (_, __, object) => object.close?.(),
  run: async ({ argv: [program, ...args] }) => void execFileSync(program, args, { stdio: "pipe" }),
  write: async ({ path, text }) => writeFileSync(path, text),
};

/** A member of what was saved, by its dotted name. */
const at = (saved, path) => path.split(".").reduce((value, key) => value?.[key], saved);

/** `value` with everything of the form ${name} replaced. */
function filled(value, place) {
  if (typeof value === "string") return value.replace(/\$\{([^}]+)\}/g, (_, name) => place(name));
  if (Array.isArray(value)) return value.map((each) => filled(each, place));
  if (value === null || typeof value !== "object") return value;
  if ("$int" in value) return BigInt(value.$int);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, place)]));
}

async function run(step, context) {
  const args = filled(step.args ?? {}, context.place);
  const options = { client: context.client };
  const events = [];
  if (step.progress) options.onProgress = (event) => events.push(event);
  let cancelled;
  if (step.cancel_after_ms !== undefined) {
    const controller = new AbortController();
    options.signal = controller.signal;
    const cancel = () => { cancelled = performance.now(); controller.abort(); };
    step.cancel_after_ms === 0 ? cancel() : setTimeout(cancel, step.cancel_after_ms);
  }
  if (step.timeout_ms !== undefined) options.signal = AbortSignal.timeout(step.timeout_ms);

  const object = step.on && at(context.live, step.on);
  if (step.on) assert.ok(object, `nothing was saved as ${step.on}`);
  let result, failure;
  try {
    result = await operations[step.op](args, options, object);
  } catch (error) {
    failure = error;
  }
  if (cancelled !== undefined) assert.ok(performance.now() - cancelled < 250, "it went on after it was cancelled");

  if (step.fails) {
    const { kind, message, contains = [] } = filled(step.fails, context.place);
    assert.ok(failure, `succeeded, instead of ${kind}`);
    const expected = toError(Object.assign(new Error(), { status: 0, tag: kind, kind: "", errno: 0, details: {} }));
    assert.equal(failure.name, expected.name, failure.stack);
    const text = failure.message.replace(/^\[\w+\] /, "");
    if (message !== undefined) assert.ok(text.startsWith(message), `${text} does not begin with ${message}`);
    for (const word of contains) assert.ok(text.includes(word), `${text} lacks ${word}`);
    return;
  }
  if (failure) throw failure;
  if (step.save) {
    context.live[step.save] = result;
    context.saved[step.save] = plain(result);
  }
  if ("returns" in step) matches(plain(result), filled(step.returns, context.place), step.op);
  if (step.progress) {
    const phases = events.map((event) => event.phase);
    let from = 0;
    for (const phase of step.progress.phases) {
      from = phases.indexOf(phase, from) + 1;
      assert.ok(from > 0, `${phase} is missing or out of order in ${phases}`);
    }
    assert.equal(phases.at(-1), "complete");
    for (const { done, total } of events) assert.ok(total === null || done <= total);
  }
}

test("exceptions name operations", () => {
  for (const name of Object.keys(exceptions)) assert.ok(name in operations);
});

for (const file of readdirSync(cases).sort()) {
  const { about, cases: list } = JSON.parse(readFileSync(join(cases, file), "utf8"));
  test(`${file}: ${about}`, async (group) => {
    for (const { name, steps, release, needs = "" } of list) {
      const skip = existsSync(join(inputs, needs)) ? false : `no ${needs} among the inputs`;
      await group.test(name, { skip }, async () => {
        await collected();
        const folder = realpathSync(mkdtempSync(join(tmpdir(), "msb-conformance-")));
        const [home, work] = ["home", "work"].map((each) => join(folder, each));
        mkdirSync(work);
        const context = { live: {}, saved: {}, client: await Client.open({ home, newHomeRelease: release }) };
        context.place = (path) => ({ home, work, inputs })[path] ?? String(at(context.saved, path));
        try {
          for (const [index, step] of steps.entries()) {
            await run(step, context).catch((error) => {
              error.message = `step ${index}, ${step.op}: ${error.message}`;
              throw error;
            });
          }
        } finally {
          await context.client.close();
          context.live = {};
          rmSync(folder, { recursive: true, force: true });
        }
      });
    }
    await collected();
    assert.equal(liveHandles(), 0);
  });
}
