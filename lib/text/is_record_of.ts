import { isObject } from "./is_object.ts";

/** Whether a value that was read is an object, and everything in it is what a test asks for. */
export function isRecordOf<Part>(
  value: unknown,
  isPart: (part: unknown) => part is Part,
): value is Record<string, Part> {
  return isObject(value) && Object.values(value).every(isPart);
}
