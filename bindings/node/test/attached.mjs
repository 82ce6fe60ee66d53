// Boots a sandbox that is attached to this process, says so, and ends with its standard input: attached.mjs NAME IMAGE
import { Sandbox } from "microsandbox";

import { machine } from "./support.mjs";

const sandbox = await Sandbox.builder(process.argv[2]).image(process.argv[3]).create({ machine });
console.log(`${sandbox.name} is up`);
process.stdin.resume();
