// The API's document, /openapi.json, for reading.
import { signal } from "@preact/signals";
import { json } from "../api/http.ts";
import { usePoller } from "../api/poller.ts";
import { Failure } from "../ui/failure.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { Panel } from "../ui/panel.tsx";
import { filterGroups, groupOperations, type Operation } from "./operations.ts";
import "./docs.css";

const typed = signal("");

export function DocsPage() {
  const poller = usePoller(
    "docs",
    async (abort) => groupOperations(await json<unknown>("/openapi.json", { signal: abort })),
    () => null,
  );
  const groups = poller.data.value;
  if (!groups) {
    return (
      <>
        <PageHead title="API" />
        {poller.failure.value ? (
          <Failure failure={poller.failure.value} retry={() => poller.refresh()} />
        ) : (
          <p class="loading" role="status">
            Reading the document…
          </p>
        )}
      </>
    );
  }
  const shown = filterGroups(groups, typed.value);
  return (
    <>
      <PageHead title="API">
        <a class="button button-plain" href="/openapi.json" download="openapi.json">
          openapi.json
        </a>
      </PageHead>
      <p class="docs-search">
        <label for="docs-words">Search</label>
        <input
          id="docs-words"
          type="search"
          value={typed.value}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
      </p>
      {shown.length === 0 && <p role="status">Nothing in the document has these words.</p>}
      {shown.map((group) => (
        <Panel key={group.tag} title={group.tag}>
          {group.description && <p class="docs-words">{group.description}</p>}
          {group.operations.map((operation) => (
            <OperationEntry key={operation.id} operation={operation} />
          ))}
        </Panel>
      ))}
    </>
  );
}

function OperationEntry({ operation }: { operation: Operation }) {
  return (
    <details class="docs-operation" id={operation.id}>
      <summary>
        <code class="docs-method">{operation.method}</code> <code>{operation.path}</code>{" "}
        <span>{operation.summary}</span>
      </summary>
      {operation.description && <p class="docs-words">{operation.description}</p>}
      <p>
        Role: {operation.role}
        {operation.bodyTypes.length > 0 && `. Body: ${operation.bodyTypes.join(", ")}`}
      </p>
      {operation.parameters.length > 0 && (
        <dl class="docs-list">
          {operation.parameters.map((each) => (
            <div key={`${each.in} ${each.name}`}>
              <dt>
                <code>{each.name}</code> ({each.in}
                {each.required ? ", required" : ""})
              </dt>
              <dd>{each.description}</dd>
            </div>
          ))}
        </dl>
      )}
      {operation.example && (
        <pre class="docs-example" tabIndex={0}>
          {operation.example}
        </pre>
      )}
      <dl class="docs-list">
        {operation.answers.map((each) => (
          <div key={each.status}>
            <dt>
              <code>{each.status}</code>
            </dt>
            <dd>{each.description}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
