import type { Device } from "../../lib/device/mod.ts";
import { requestDevice } from "../../lib/device/mod.ts";

/** The one device on which all tests compute, where `deno task test --device NAME` named one. */
export const TEST_DEVICE: string | undefined = Deno.env.get("TEST_DEVICE") || undefined;

/**
 * The devices that tests compare. The runtime's own WebGPU, `browser`, is another implementation than Dawn, and has a
 * process of its own (tests/device/own_webgpu_test.ts): beside SwiftShader in one process, one time in twenty the drivers
 * free each other's memory when a thread ends.
 */
const SOURCES = TEST_DEVICE ? [TEST_DEVICE] : ["lavapipe", "swiftshader"];
/** What is said where a source has nothing here. */
const ABSENT = /not installed|linux on x86_64 only/;

let opened: Promise<readonly Device[]> | undefined;

async function open(): Promise<readonly Device[]> {
  const devices: Device[] = [];
  for (const device of SOURCES) {
    try {
      devices.push(await requestDevice({ device }));
    } catch (error) {
      if (TEST_DEVICE || !ABSENT.test((error as Error).message)) throw error;
    }
  }
  if (devices.length === 0) devices.push(await requestDevice());
  return devices;
}

/**
 * A device of every kind that this machine has, lavapipe and SwiftShader, or one that was named. Shared by
 * the tests of a file.
 */
export function everyDevice(): Promise<readonly Device[]> {
  return opened ??= open();
}

/** Another device of the same kind, for tests that end it. */
export async function openLike({ report: { source } }: Device): Promise<Device> {
  return await requestDevice({ device: TEST_DEVICE ?? (SOURCES.includes(source) ? source : undefined) });
}
