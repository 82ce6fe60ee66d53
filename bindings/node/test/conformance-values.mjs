// Results in the words of the conformance cases, and what the cases say of them.
import assert from "node:assert/strict";

import { Snapshot } from "microsandbox";

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function plainSnapshot(snapshot) {
  const { path, digest, sizeBytes, imageRef, imageManifestDigest, format, fstype, parent, sourceSandbox } = snapshot;
  const members = { path, digest, sizeBytes, imageRef, imageManifestDigest, format, fstype, parent, sourceSandbox };
  return {
    ...plain(members),
    created_at_ms: Date.parse(snapshot.createdAt.replace(/(\.\d{3})\d+/, "$1")),
    labels: Object.fromEntries(snapshot.labels),
  };
}

/** `value` with the names of tests/conformance: snake case, times in milliseconds. */
export function plain(value) {
  if (value === undefined) return null;
  if (value instanceof Snapshot) return plainSnapshot(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).map(([key, each]) => {
    if (key === "labels") return [key, each];
    if (key === "createdAt" || key === "lastUsedAt" || key === "updatedAt") {
      return [`${snake(key)}_ms`, each === null ? null : each.getTime()];
    }
    if (key === "kind") return [key, snake(each)];
    return [snake(key), plain(each)];
  });
  return Object.fromEntries(members);
}

const number = (value) => typeof value === "number" || typeof value === "bigint";

const kinds = {
  digest: (value) => /^sha256:[0-9a-f]{64}$/.test(value),
  recent: (value) => Number.isInteger(value) && Math.abs(Date.now() - value) < 3_600_000,
  positive: (value) => number(value) && value > 0,
  string: (value) => typeof value === "string" && value !== "",
};

/** Fails unless `actual` is what `expected` says, by the rules of the README there. */
export function matches(actual, expected, path) {
  const fail = () => assert.fail(`${path} is ${show(actual)}, not ${show(expected)}`);
  if (typeof expected === "bigint") {
    // Sizes of images are documented as numbers, which are exact up to 2^53.
    if (!number(actual) || actual !== (typeof actual === "number" ? Number(expected) : expected)) fail();
  } else if (typeof expected === "number") {
    if (!number(actual) || Number(actual) !== expected) fail();
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) fail();
    expected.forEach((each, index) => matches(actual[index], each, `${path}[${index}]`));
  } else if (expected === null || typeof expected !== "object") {
    if (actual !== expected) fail();
  } else if ("$is" in expected) {
    if (!kinds[expected.$is](actual)) fail();
  } else if ("$only" in expected) {
    assert.deepEqual(Object.keys(actual ?? {}).sort(), Object.keys(expected.$only).sort(), path);
    matches(actual, expected.$only, path);
  } else if ("$set" in expected) {
    if (!Array.isArray(actual) || actual.length !== expected.$set.length) fail();
    const left = [...actual];
    for (const each of expected.$set) {
      const found = left.findIndex((one) => holds(one, each));
      if (found < 0) fail();
      left.splice(found, 1);
    }
  } else {
    if (actual === null || typeof actual !== "object") fail();
    for (const [key, each] of Object.entries(expected)) matches(actual[key], each, `${path}.${key}`);
  }
}

function holds(actual, expected) {
  try {
    matches(actual, expected, "");
    return true;
  } catch {
    return false;
  }
}

const show = (value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `${each}` : each));
