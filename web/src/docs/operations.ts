// Pure: the operations of an OpenAPI document, grouped by tag, with references resolved as far as a reader needs them.

export interface Parameter {
  name: string;
  in: string;
  required: boolean;
  description: string;
}
export interface Answer {
  status: string;
  description: string;
}
export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  role: string;
  parameters: Parameter[];
  bodyTypes: string[];
  answers: Answer[];
  example: string | null;
}
export interface Group {
  tag: string;
  description: string;
  operations: Operation[];
}

type Node = Record<string, unknown>;
const verbs = ["get", "put", "post", "delete", "patch", "head", "options"];

export function groupOperations(document: unknown): Group[] {
  const root = node(document);
  const groups = new Map<string, Group>();
  for (const tag of list(root.tags))
    groups.set(text(tag.name), { tag: text(tag.name), description: text(tag.description), operations: [] });
  for (const [path, value] of Object.entries(node(root.paths))) {
    const shared = list(node(value).parameters);
    for (const verb of verbs) {
      const operation = node(value)[verb];
      if (!operation) continue;
      const read = readOperation(root, verb, path, node(operation), shared);
      const tag = text((node(operation).tags as unknown[] | undefined)?.[0]) || "other";
      if (!groups.has(tag)) groups.set(tag, { tag, description: "", operations: [] });
      groups.get(tag)?.operations.push(read);
    }
  }
  return [...groups.values()].filter((group) => group.operations.length > 0);
}

/** Those whose path, method or words hold every word that was typed. */
export function filterGroups(groups: Group[], typed: string): Group[] {
  const wanted = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const fits = (operation: Operation) => {
    const held = `${operation.method} ${operation.path} ${operation.summary} ${operation.description}`.toLowerCase();
    return wanted.every((word) => held.includes(word));
  };
  return groups
    .map((group) => ({ ...group, operations: group.operations.filter(fits) }))
    .filter((group) => group.operations.length > 0);
}

function readOperation(root: Node, verb: string, path: string, operation: Node, shared: Node[]): Operation {
  const open = Array.isArray(operation.security) && operation.security.length === 0;
  const body = node(resolve(root, operation.requestBody));
  const content = node(body.content);
  return {
    id: `${verb}${path.replace(/[^A-Za-z0-9]+/g, "-")}`,
    method: verb.toUpperCase(),
    path,
    summary: text(operation.summary),
    description: text(operation.description),
    role: open ? "no key" : text(operation["x-role"]),
    parameters: [...shared, ...list(operation.parameters)].map((each) => readParameter(node(resolve(root, each)))),
    bodyTypes: Object.keys(content),
    answers: Object.entries(node(operation.responses)).map(([status, answer]) => ({
      status,
      description: text(node(resolve(root, answer)).description),
    })),
    example: firstExample(root, content),
  };
}

function readParameter(parameter: Node): Parameter {
  const description = text(parameter.description) || text(node(parameter.schema).description);
  return { name: text(parameter.name), in: text(parameter.in), required: parameter.required === true, description };
}

function firstExample(root: Node, content: Node): string | null {
  const media = node(content["application/json"]);
  const named = node(Object.values(node(media.examples))[0]);
  const schema = node(resolve(root, media.schema));
  const example = media.example ?? named.value ?? schema.example ?? (schema.examples as unknown[] | undefined)?.[0];
  return example === undefined ? null : JSON.stringify(example, null, 2);
}

function resolve(root: Node, value: unknown): unknown {
  const reference = node(value).$ref;
  if (typeof reference !== "string" || !reference.startsWith("#/")) return value;
  let found: unknown = root;
  for (const step of reference.slice(2).split("/"))
    found = node(found)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  return found;
}

function node(value: unknown): Node {
  return typeof value === "object" && value !== null ? (value as Node) : {};
}

function list(value: unknown): Node[] {
  return Array.isArray(value) ? value.map(node) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
