import { beforeAll, describe, it } from "@std/testing/bdd";
import type { Device } from "../../lib/device/mod.ts";
import { testDevice } from "../support/device.ts";
import { check } from "./check.ts";
import { print } from "./print.ts";
import type { Program } from "./program.ts";

const FOLDER = new URL("../fixtures/programs/", import.meta.url);

describe("programs that failed once", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));

  for (const { name } of Deno.readDirSync(FOLDER)) {
    it(`are right now: ${name.replace(/\.json$/, "").replaceAll("_", " ")}`, async () => {
      const program = JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER))) as Program;
      const { fault } = await check(device, program);
      if (fault) throw new Error(`${fault}\n${print(program)}`);
    });
  }
});
