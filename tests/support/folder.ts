import { tmpdir } from "node:os";
import { afterAll, beforeAll } from "@std/testing/bdd";

/** The path of a folder that is there, empty at first, for as long as the tests of the surrounding `describe` run. */
export function testFolder(): string {
  const folder = `${tmpdir()}/delta-dawn-${crypto.randomUUID()}`;
  beforeAll(() => Deno.mkdir(folder));
  afterAll(() => Deno.remove(folder, { recursive: true }));
  return folder;
}
