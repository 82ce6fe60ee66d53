// For `import`: the same objects as for `require`, so that a program that does both has one addon and one set of classes.
export * from "./index.js";
