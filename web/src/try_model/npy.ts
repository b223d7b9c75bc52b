// Pure: NumPy's .npy format, as far as a preview needs it.

export interface NpyArray {
  descr: string;
  fortran: boolean;
  shape: number[];
  /** Where the values begin. */
  offset: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** The header, or null where the file is not an .npy file of a version known here. */
export function parseNpyHeader(file: ArrayBuffer): NpyArray | null {
  const bytes = new Uint8Array(file);
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) return null;
  const view = new DataView(file);
  const major = view.getUint8(6);
  if (major < 1 || major > 3) return null;
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length || length > 65_536) return null;
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) return null;
  const sizes = shape
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 0)) return null;
  return { descr, fortran: fortran === "True", shape: sizes, offset: start + length };
}

export interface Series {
  dates: number;
  rows: number;
  columns: number;
  values: Float32Array;
}

/** A float32 array of dates × rows × columns, which can be drawn a date at a time; null for anything else. */
export function readSeries(file: ArrayBuffer): Series | null {
  const header = parseNpyHeader(file);
  if (!header || header.descr !== "<f4" || header.fortran) return null;
  const sizes = header.shape[0] === 1 && header.shape.length === 4 ? header.shape.slice(1) : header.shape;
  const [dates, rows, columns, rest] = sizes;
  if (sizes.length < 3 || sizes.length > 4 || !dates || !rows || !columns || (rest !== undefined && rest !== 1))
    return null;
  const count = dates * rows * columns;
  if (header.offset + count * 4 > file.byteLength) return null;
  // Copied: the values need not begin at a multiple of four.
  return { dates, rows, columns, values: new Float32Array(file.slice(header.offset, header.offset + count * 4)) };
}
