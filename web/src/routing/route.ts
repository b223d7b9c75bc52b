// Pure: which page a path means, and back.

export type Route =
  | { page: "overview" }
  | { page: "jobs" }
  | { page: "job"; id: string }
  | { page: "models" }
  | { page: "model"; name: string }
  | { page: "try"; model: string | null }
  | { page: "keys" }
  | { page: "docs" }
  | { page: "unknown" };

export function parseRoute(path: string): Route {
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const [first, second] = parts;
  if (parts.length > 2) return { page: "unknown" };
  if (first === undefined) return { page: "overview" };
  if (second === undefined) {
    switch (first) {
      case "jobs":
        return { page: "jobs" };
      case "models":
        return { page: "models" };
      case "try":
        return { page: "try", model: null };
      case "keys":
        return { page: "keys" };
      case "docs":
        return { page: "docs" };
      default:
        return { page: "unknown" };
    }
  }
  switch (first) {
    case "jobs":
      return { page: "job", id: second };
    case "models":
      return { page: "model", name: second };
    case "try":
      return { page: "try", model: second };
    default:
      return { page: "unknown" };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
