// Pure: JSON for reading, with short lists of plain values on one line.

const longestLine = 80;

export function prettyJson(value: unknown, indent = ""): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    const plain = value.every((item) => typeof item !== "object" || item === null);
    const line = plain ? `[${value.map((item) => JSON.stringify(item)).join(", ")}]` : "";
    if (plain && indent.length + line.length <= longestLine) return line;
    return block(
      "[",
      "]",
      value.map((item) => prettyJson(item, `${indent}  `)),
      indent,
    );
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (members.length === 0) return "{}";
    return block(
      "{",
      "}",
      members.map(([name, member]) => `${JSON.stringify(name)}: ${prettyJson(member, `${indent}  `)}`),
      indent,
    );
  }
  return JSON.stringify(value) ?? "null";
}

function block(open: string, close: string, items: string[], indent: string): string {
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(",\n")}\n${indent}${close}`;
}
