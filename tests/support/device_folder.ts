import { afterAll, beforeAll } from "@std/testing/bdd";
import { deviceIdle, testDevice } from "./device.ts";
import { testFolder } from "./folder.ts";

/**
 * The path of a folder that is there while the tests of the surrounding `describe` run, which compute on the shared
 * device: it is open before the first of them, and idle after the last.
 */
export function deviceFolder(): string {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);
  return testFolder();
}
