import type { Device } from "../device/device.ts";
import type { Storage } from "../tensor/executor.ts";

/** A buffer that one or more tensors share. */
export class DeviceStorage implements Storage {
  #owners = 1;

  constructor(readonly device: Device, readonly buffer: GPUBuffer) {}

  /** How many tensors hold it. */
  get owners(): number {
    return this.#owners;
  }

  retain(): void {
    this.#owners++;
  }

  release(): void {
    if (--this.#owners === 0) this.device.release(this.buffer);
  }
}
