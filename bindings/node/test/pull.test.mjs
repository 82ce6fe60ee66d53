// Images from registries: real ones, on loopback, and one that is slow.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Client, HttpError, Image, ImageHandle, ImageNotFoundError, InvalidConfigError, Sandbox, Snapshot,
  SnapshotImageMissingError,
} from "microsandbox";

import { missing, registryLab } from "./registry-lab.mjs";
import { workspace } from "./support.mjs";

const folder = workspace();
let lab;
const demo = (server) => `127.0.0.1:${lab[server]}/demo:1`;

test("pull", { skip: missing }, async (group) => {
  lab = await registryLab(folder);

  await group.test("what is fetched is told, layer by layer", async () => {
    const events = [];
    const { handle, ...report } = await Image.pull(demo("PLAIN"), {
      insecure: true, platform: "linux/amd64", onProgress: (event) => events.push(event),
    });
    assert.ok(handle instanceof ImageHandle);
    assert.deepEqual([handle.reference, handle.manifestDigest, handle.layerCount], [demo("PLAIN"), lab.DEMO, 3]);
    assert.ok(report.bytesFetched > 3 << 20);
    assert.deepEqual({ ...report, bytesFetched: 0 },
                     { cached: false, fellBack: false, layersFetched: 3, layersSkipped: 0, bytesFetched: 0 });
    const downloads = events.filter(({ phase }) => phase === "downloading");
    assert.deepEqual([...new Set(downloads.map(({ index }) => index))].sort(), [0, 1, 2]);
    for (const { count, done, total } of downloads) assert.ok(count === 3 && total > 0n && done <= total);
    assert.equal(events.at(-1).phase, "complete");
  });

  await group.test("policies say whether the registry is asked", async () => {
    assert.equal((await Image.pull(demo("PLAIN"))).cached, true); // over plain HTTP nobody would have answered
    assert.equal((await Image.pull(demo("PLAIN"), { policy: "never" })).cached, true);
    const again = await Image.pull(demo("PLAIN"), { policy: "always", insecure: true, platform: "linux/amd64" });
    assert.deepEqual([again.cached, again.layersFetched, again.bytesFetched], [true, 0, 0]);
    const fresh = await Image.pull(demo("PLAIN"), { force: true, insecure: true, platform: "linux/amd64" });
    assert.equal(fresh.layersFetched, 3);
    await assert.rejects(Image.pull("absent:1", { policy: "never" }), ImageNotFoundError);
    await assert.rejects(Image.pull("absent:1", { policy: "sometimes" }), InvalidConfigError);
    await assert.rejects(Image.pull(`127.0.0.1:${lab.PLAIN}/absent:1`, { insecure: true }), ImageNotFoundError);
    await assert.rejects(Image.pull("absent:1", { policy: 7 }), InvalidConfigError);
    await assert.rejects(Image.pull("absent:1", { insecure: "yes" }), TypeError);
  });

  await group.test("credentials are asked for, and wrong ones refused", async () => {
    const pull = (more) => Image.pull(demo("BASIC"), { insecure: true, platform: "linux/amd64", ...more });
    for (const more of [{}, { username: lab.USER, password: "guess" }]) {
      await assert.rejects(pull(more), (error) => {
        assert.ok(error instanceof HttpError, error.stack);
        assert.equal(error.details.http_status, "401");
        assert.doesNotMatch(error.message, /guess/);
        return true;
      });
    }
    assert.equal((await pull({ username: lab.USER, password: lab.PASSWORD })).layersSkipped, 3);
  });

  await group.test("authorities of one's own are trusted when named", async () => {
    await assert.rejects(Image.pull(demo("TLS"), { platform: "linux/amd64" }), HttpError);
    const { handle } = await Image.pull(demo("TLS"), { platform: "linux/amd64", caCerts: lab.CA });
    assert.equal(handle.manifestDigest, lab.DEMO);
  });

  await group.test("a sandbox gets its image, and the one that its snapshot lacks", async () => {
    const pull = { insecure: true, platform: "linux/amd64" };
    const [here, there] = await Promise.all(["here", "there"].map((home) => Client.open({ home: `${folder}/${home}` })));
    const phases = [];
    await Sandbox.builder("one").image(demo("PLAIN")).boot(false).create({
      client: here, pull, onProgress: ({ phase }) => phases.push(phase),
    });
    assert.ok(phases.includes("downloading"));
    assert.equal(phases.indexOf("complete"), phases.length - 1);
    await Snapshot.builder("one").name("ready").create({ client: here });
    await Snapshot.export("ready", `${folder}/ready.tar`, { client: here });
    await Snapshot.import(`${folder}/ready.tar`, undefined, { client: there });
    const two = () => Sandbox.builder("two").fromSnapshot("ready").boot(false);
    await assert.rejects(two().pullPolicy("never").create({ client: there }), SnapshotImageMissingError);
    await two().create({ client: there, pull });
    assert.equal((await Sandbox.get("two", { client: there })).status, "stopped");
    for (const client of [here, there]) await client.close();
  });

  await group.test("an abort ends a pull at once, and the index stays as it was", async () => {
    const client = await Client.open({ home: `${folder}/other` });
    const stop = new AbortController();
    let timer, aborted;
    const abort = () => {
      aborted = performance.now();
      stop.abort(new Error("enough"));
    };
    await assert.rejects(
      Image.pull(`127.0.0.1:${lab.PROXY}/trickle/demo:1`, {
        client, insecure: true, platform: "linux/amd64", signal: stop.signal,
        onProgress({ phase }) { // the blob takes a minute to come
          if (phase === "downloading") timer ??= setTimeout(abort, 50);
        },
      }),
      { message: "enough" });
    assert.ok(performance.now() - aborted < 250);
    assert.deepEqual(await Image.list({ client }), []);
    await client.close();
  });
});
