// Pure: what is said of the worker's devices.
import type { DeviceStatus } from "../api/types.ts";
import { bytes } from "../ui/format.ts";

/** One device without a limit says nothing that the worker does not. */
export function worthShowing(devices: DeviceStatus[]): boolean {
  return devices.length > 1 || devices.some((each) => each.model_budget_bytes > 0);
}

export function modelMemoryText(device: DeviceStatus): string {
  const used = bytes(device.model_bytes);
  return device.model_budget_bytes > 0 ? `${used} of ${bytes(device.model_budget_bytes)}` : used;
}
